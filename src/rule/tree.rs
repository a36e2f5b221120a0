//! A rule text as a bare tree of mappings, lists and scalars with places: for lint and mutation, which look at every expression
//! whatever the check, and need not know its parameters.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::diagnostic::Spanned;
use crate::diagnostic::yaml::Ordered;

#[derive(Debug, Clone)]
pub(super) enum Tree {
    Scalar(String),
    List(Vec<Spanned<Tree>>),
    Map(Ordered<Spanned<Tree>>),
}

impl Tree {
    pub fn get(&self, key: &str) -> Option<&Spanned<Tree>> {
        match self {
            Tree::Map(entries) => entries.get(key),
            _ => None,
        }
    }
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Spanned<Tree>> {
        match self {
            Tree::Map(entries) => entries.0.iter_mut().find(|(k, _)| k.value == key).map(|(_, v)| v),
            _ => None,
        }
    }
    pub fn scalar(&self) -> Option<&str> {
        match self {
            Tree::Scalar(text) => Some(text),
            _ => None,
        }
    }
    /// The tree as JSON, which is YAML. Keys keep their order; every scalar becomes a text, which the reader takes for any type.
    pub fn write(&self, out: &mut String) {
        match self {
            Tree::Scalar(text) => out.push_str(&serde_json::Value::from(text.as_str()).to_string()),
            Tree::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push_str(", ");
                    }
                    item.value.write(out);
                }
                out.push(']');
            }
            Tree::Map(entries) => {
                out.push('{');
                for (i, (key, value)) in entries.iter().enumerate() {
                    if i > 0 {
                        out.push_str(", ");
                    }
                    out.push_str(&serde_json::Value::from(key.value.as_str()).to_string());
                    out.push_str(": ");
                    value.value.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// Calls `f` with each scalar below `tree` and the keys that lead to it.
pub(super) fn scalars<'a>(tree: &'a Spanned<Tree>, path: &mut Vec<&'a str>, f: &mut impl FnMut(&[&'a str], &Spanned<String>)) {
    match &tree.value {
        Tree::Scalar(text) => f(path, &Spanned { value: text.clone(), span: tree.span.clone() }),
        Tree::List(items) => items.iter().for_each(|item| scalars(item, path, f)),
        Tree::Map(entries) => {
            for (key, value) in entries {
                path.push(&key.value);
                scalars(value, path, f);
                path.pop();
            }
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Tree;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a value, a list or a mapping")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Tree, E> {
                Ok(Tree::Scalar(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
                let mut items = vec![];
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Tree::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
                let mut entries = vec![];
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Tree::Map(Ordered(entries)))
            }
        }
        deserializer.deserialize_any(V)
    }
}

impl JsonSchema for Tree {
    fn schema_name() -> Cow<'static, str> {
        "Tree".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}
