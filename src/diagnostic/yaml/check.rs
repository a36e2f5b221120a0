//! Tree against JSON schema: every unknown key, wrong kind, missing key and unknown alternative, in words for a person.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::tree::{Content, Key, Node};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceText, Span, nearest};

/// Everything in `root` that `schema` does not allow, in the order it is written.
pub(super) fn check(root: &Node, schema: &Value, source: &Arc<SourceText>) -> Diagnostics {
    let mut checker = Checker { schema, source, problems: Diagnostics::default() };
    checker.node(root, schema, None);
    let mut problems = checker.problems;
    problems.sort();
    problems
}

struct Checker<'a> {
    schema: &'a Value,
    source: &'a Arc<SourceText>,
    problems: Diagnostics,
}

/// What a JSON schema object allows of one node kind.
#[derive(Default)]
struct Allowed<'a> {
    null: bool,
    text: bool,
    integer: Vec<&'a Map<String, Value>>,
    number: bool,
    boolean: bool,
    names: Vec<&'a str>,
    lists: Vec<&'a Map<String, Value>>,
    maps: Vec<&'a Map<String, Value>>,
    anything: bool,
}

impl<'a> Checker<'a> {
    fn span(&self, range: &Range<usize>) -> Option<Span> {
        Some(Span { source: self.source.clone(), range: range.clone() })
    }

    fn allowed(&self, schema: &'a Value) -> Allowed<'a> {
        let mut allowed = Allowed::default();
        self.gather(schema, &mut allowed, 0);
        allowed
    }

    fn gather(&self, schema: &'a Value, into: &mut Allowed<'a>, depth: u32) {
        let Some(object) = schema.as_object() else {
            into.anything |= schema == &Value::Bool(true);
            return;
        };
        if let Some(name) = object.get("$ref").and_then(Value::as_str) {
            let target = name.strip_prefix('#').and_then(|pointer| self.schema.pointer(pointer));
            if let (Some(target), true) = (target, depth < 32) {
                self.gather(target, into, depth + 1);
            }
            return;
        }
        for word in ["anyOf", "oneOf", "allOf"] {
            if let Some(choices) = object.get(word).and_then(Value::as_array) {
                choices.iter().for_each(|choice| self.gather(choice, into, depth + 1));
                return;
            }
        }
        if let Some(name) = object.get("const").and_then(Value::as_str) {
            into.names.push(name);
            return;
        }
        if let Some(names) = object.get("enum").and_then(Value::as_array) {
            into.names.extend(names.iter().filter_map(Value::as_str));
            into.null |= names.iter().any(Value::is_null);
            return;
        }
        let kinds: Vec<&str> = match object.get("type") {
            Some(Value::String(kind)) => vec![kind],
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            _ if object.contains_key("properties") => vec!["object"],
            _ => {
                into.anything = true;
                return;
            }
        };
        for kind in kinds {
            match kind {
                "null" => into.null = true,
                "string" => into.text = true,
                "integer" => into.integer.push(object),
                "number" => into.number = true,
                "boolean" => into.boolean = true,
                "array" => into.lists.push(object),
                "object" => into.maps.push(object),
                _ => {}
            }
        }
    }

    /// `key`: the key that holds the node, for messages.
    fn node(&mut self, node: &Node, schema: &'a Value, key: Option<&Key>) {
        let allowed = self.allowed(schema);
        if allowed.anything || (allowed.null && node.is_null() && !node.is_empty()) {
            return;
        }
        if node.is_empty() && !(allowed.maps.len() == 1 && key.is_none()) {
            let at = key.map_or(&node.range, |k| &k.range);
            let name = key.map_or("this item".into(), |k| format!("`{}`", k.text));
            let problem = Diagnostic::error("missing-value", format!("{name} has no value; wanted {}", self.wanted(&allowed)))
                .at(self.span(at), "nothing follows")
                .help("write a value, or remove the line");
            self.problems.push(problem);
            return;
        }
        match &node.content {
            Content::Scalar { text, .. } if !node.is_empty() => self.scalar(node, text, &allowed),
            Content::List(items) => match allowed.lists.first() {
                Some(list) => self.list(node, items, list),
                None => self.wrong(node, &allowed, key),
            },
            Content::Map(entries) => self.mapping(node, entries, &allowed, key),
            Content::Scalar { .. } => self.mapping(node, &[], &allowed, key),
        }
    }

    fn scalar(&mut self, node: &Node, text: &str, allowed: &Allowed<'a>) {
        if allowed.text || allowed.names.contains(&text) {
            return;
        }
        if (allowed.boolean && matches!(text, "true" | "false")) || (allowed.number && text.parse::<f64>().is_ok_and(f64::is_finite)) {
            return;
        }
        if let (false, Ok(number)) = (allowed.integer.is_empty(), text.parse::<i128>()) {
            let bounds = |object: &Map<String, Value>| {
                let limit = |word| object.get(word).and_then(Value::as_f64);
                #[allow(clippy::cast_precision_loss, reason = "bounds of schemas are small numbers")]
                let number = number as f64;
                limit("minimum").is_none_or(|m| number >= m) && limit("maximum").is_none_or(|m| number <= m)
            };
            if allowed.integer.iter().any(|object| bounds(object)) {
                return;
            }
        }
        if !allowed.names.is_empty() {
            let mut problem =
                Diagnostic::error("unknown-value", format!("{} is not known here; wanted {}", node.what(), self.wanted(allowed)))
                    .at(self.span(&node.range), "not one of the known values");
            if let Some(name) = nearest(text, allowed.names.iter().copied()) {
                problem = problem.help(format!("a similar value exists: `{name}`"));
            }
            self.problems.push(problem);
            return;
        }
        self.wrong(node, allowed, None);
    }

    fn wrong(&mut self, node: &Node, allowed: &Allowed<'a>, key: Option<&Key>) {
        let wanted = self.wanted(allowed);
        let of = key.map_or(String::new(), |k| format!("`{}`: ", k.text));
        let problem = Diagnostic::error("wrong-type", format!("{of}found {}, wanted {wanted}", node.what()))
            .at(self.span(&node.range), format!("wanted {wanted}"));
        self.problems.push(problem);
    }

    fn list(&mut self, node: &Node, items: &[Node], list: &'a Map<String, Value>) {
        let fixed = list.get("prefixItems").and_then(Value::as_array);
        let (least, most) = (size(list, "minItems"), size(list, "maxItems"));
        let n = items.len() as u64;
        if least.is_some_and(|l| n < l) || most.is_some_and(|m| n > m) {
            let wanted = match (least, most) {
                (Some(l), Some(m)) if l == m => format!("exactly {l}"),
                (Some(l), Some(m)) => format!("{l} to {m}"),
                (Some(l), None) => format!("at least {l}"),
                (_, m) => format!("at most {}", m.unwrap_or(0)),
            };
            let problem = Diagnostic::error("wrong-type", format!("this list has {n} items, wanted {wanted}"))
                .at(self.span(&node.range), "this list");
            self.problems.push(problem);
        }
        for (i, item) in items.iter().enumerate() {
            if let Some(schema) = fixed.and_then(|f| f.get(i)).or_else(|| list.get("items")) {
                self.node(item, schema, None);
            }
        }
    }

    fn mapping(&mut self, node: &Node, entries: &[(Key, Node)], allowed: &Allowed<'a>, key: Option<&Key>) {
        match allowed.maps.as_slice() {
            [] => self.wrong(node, allowed, key),
            [only] => self.entries(node, entries, only, key),
            many if many.iter().all(|m| tag(m).is_some()) => self.tagged(node, entries, many, key),
            many => {
                // The form that knows most of the keys is the one that was meant; ties: the first.
                let known = |m: &Map<String, Value>| entries.iter().filter(|(k, _)| property(m, &k.text).is_some()).count();
                let best = many.iter().rev().max_by_key(|m| known(m));
                if let Some(best) = best {
                    self.entries(node, entries, best, key);
                }
            }
        }
    }

    /// An alternative written as its name: `check: {match: ...}`.
    fn tagged(&mut self, node: &Node, entries: &[(Key, Node)], many: &[&'a Map<String, Value>], key: Option<&Key>) {
        let names: Vec<&str> = many.iter().filter_map(|m| tag(m)).collect();
        for (entry, value) in entries {
            match many.iter().find(|m| tag(m) == Some(entry.text.as_str())) {
                Some(form) => {
                    if let Some(schema) = property(form, &entry.text) {
                        self.node(value, schema, Some(entry));
                    }
                }
                None => self.unknown_key(entry, value, key, &names),
            }
        }
        if entries.len() > 1 {
            let problem = Diagnostic::error("one-of", format!("found {} keys, wanted exactly one of {}", entries.len(), choice(&names)))
                .at(self.span(&entries[1].0.range), "one too many")
                .at(self.span(&entries[0].0.range), "first");
            self.problems.push(problem);
        } else if entries.is_empty() {
            let at = key.map_or(&node.range, |k| &k.range);
            let problem =
                Diagnostic::error("missing-key", format!("wanted exactly one of {}", choice(&names))).at(self.span(at), "nothing is given");
            self.problems.push(problem);
        }
    }

    fn entries(&mut self, node: &Node, entries: &[(Key, Node)], object: &'a Map<String, Value>, key: Option<&Key>) {
        let known: Vec<&str> =
            object.get("properties").and_then(Value::as_object).map(|p| p.keys().map(String::as_str).collect()).unwrap_or_default();
        let rest = object.get("additionalProperties").filter(|a| a.is_object() || **a == Value::Bool(true));
        for (entry, value) in entries {
            match property(object, &entry.text).or(rest) {
                Some(schema) => self.node(value, schema, Some(entry)),
                None => self.unknown_key(entry, value, key, &known),
            }
        }
        let required = object.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let missing: BTreeSet<&str> = required.filter(|r| !entries.iter().any(|(k, _)| k.text == *r)).collect();
        if !missing.is_empty() {
            let at = key.map_or(&node.range, |k| &k.range);
            let list = missing.iter().map(|m| format!("`{m}`")).collect::<Vec<_>>().join(", ");
            let of = key.map_or("this mapping".into(), |k| format!("`{}`", k.text));
            let problem = Diagnostic::error("missing-key", format!("{of} lacks {list}")).at(self.span(at), format!("lacks {list}"));
            self.problems.push(problem);
        }
    }

    fn unknown_key(&mut self, entry: &Key, value: &Node, of: Option<&Key>, known: &[&str]) {
        let of = of.map_or(String::new(), |k| format!(" of `{}`", k.text));
        let mut problem =
            Diagnostic::error("unknown-key", format!("`{}` is not a known key{of}", entry.text)).at(self.span(&entry.range), "not known");
        problem = match nearest(&entry.text, known.iter().copied()) {
            Some(name) => problem.help(format!("a similar key exists: `{name}`")),
            // `{en: Food, clothes}`: YAML takes what follows the comma for a key.
            None if value.is_empty() => problem.help("a text with a comma inside `{ }` needs quotes: `{en: \"one, two\"}`"),
            None => problem.help(format!("known keys: {}", known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", "))),
        };
        self.problems.push(problem);
    }

    /// What the schema wants, in words.
    fn wanted(&self, allowed: &Allowed<'a>) -> String {
        let mut words: Vec<String> = Vec::new();
        if allowed.text {
            words.push("a text".into());
        } else if !allowed.names.is_empty() {
            words.push(match allowed.names.as_slice() {
                [one] => format!("`{one}`"),
                names => format!("one of {}", choice(names)),
            });
        }
        if let Some(object) = allowed.integer.first() {
            let limit = |word| object.get(word).and_then(Value::as_i64);
            words.push(match (limit("minimum"), limit("maximum")) {
                (Some(low), Some(high)) => format!("a whole number from {low} to {high}"),
                (Some(low), None) => format!("a whole number of at least {low}"),
                _ => "a whole number".into(),
            });
        }
        if allowed.number {
            words.push("a number".into());
        }
        if allowed.boolean {
            words.push("`true` or `false`".into());
        }
        let tags: Vec<&str> = allowed.maps.iter().filter_map(|m| tag(m)).collect();
        if !tags.is_empty() && tags.len() == allowed.maps.len() {
            words.push(format!("a mapping with one of the keys {}", choice(&tags)));
        } else if !allowed.maps.is_empty() {
            words.push("a mapping".into());
        }
        if let Some(list) = allowed.lists.first() {
            let item = list.get("items").map(|items| self.allowed(items));
            words.push(match item {
                Some(item) if item.text => "a list of texts".into(),
                Some(item) if !item.maps.is_empty() => "a list of mappings".into(),
                _ => "a list".into(),
            });
        }
        words.join(" or ")
    }
}

fn size(list: &Map<String, Value>, word: &str) -> Option<u64> {
    list.get(word).and_then(Value::as_u64)
}

fn property<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    object.get("properties").and_then(Value::as_object).and_then(|p| p.get(key))
}

/// Name of an externally tagged alternative: an object with one property, which is required.
fn tag(object: &Map<String, Value>) -> Option<&str> {
    let properties = object.get("properties").and_then(Value::as_object).filter(|p| p.len() == 1)?;
    let name = properties.keys().next()?;
    let required = object.get("required").and_then(Value::as_array)?;
    (required.len() == 1 && required[0] == name.as_str()).then_some(name.as_str())
}

fn choice(names: &[&str]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}
