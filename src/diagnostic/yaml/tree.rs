//! YAML text -> tree of nodes with places. The one file that knows the YAML crate.

use std::ops::Range;
use std::sync::Arc;

use serde_saphyr::granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span as ScanSpan};

use crate::diagnostic::{Diagnostic, Diagnostics, SourceText, Span};

/// A node and the byte range it is written at. Scalars: the text itself, without quotes or block header.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub range: Range<usize>,
    pub content: Content,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    /// `plain`: written without quotes, so that an empty one or `null` can mean "nothing".
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Debug, Clone)]
pub(super) struct Key {
    pub text: String,
    pub range: Range<usize>,
}

impl Node {
    /// Nothing written at all.
    pub fn is_empty(&self) -> bool {
        matches!(&self.content, Content::Scalar { text, plain: true } if text.is_empty())
    }

    /// Nothing written, `~` or `null`: what an optional value takes as missing.
    pub fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// What stands here, for messages.
    pub fn what(&self) -> String {
        match &self.content {
            Content::Scalar { .. } if self.is_empty() => "nothing".into(),
            Content::Scalar { text, .. } if text.chars().count() > 40 || text.contains('\n') => "a text".into(),
            Content::Scalar { text, .. } => format!("`{text}`"),
            Content::List(_) => "a list".into(),
            Content::Map(_) => "a mapping".into(),
        }
    }
}

/// Collections nested deeper than this are refused, so that reading never exhausts the stack.
const MAX_DEPTH: usize = 64;

/// The document of `source` as a tree, or everything that is wrong with it as YAML.
pub(super) fn parse(source: &Arc<SourceText>) -> Result<Node, Diagnostics> {
    let mut options = Options::default();
    options.emit_unresolved_aliases = true;
    let parser = Parser::new_from_str_with_options(&source.text, options);
    let mut builder = Builder { source, parser, problems: Diagnostics::default(), last: 0..0, stopped: false };
    let root = builder.document();
    builder.problems.finish(root)
}

struct Builder<'a> {
    source: &'a Arc<SourceText>,
    parser: Parser<'a, serde_saphyr::granit_parser::StrInput<'a>>,
    problems: Diagnostics,
    /// Range of the latest event, for what is missing after it.
    last: Range<usize>,
    stopped: bool,
}

impl<'a> Builder<'a> {
    fn span(&self, range: Range<usize>) -> Option<Span> {
        Some(Span { source: self.source.clone(), range })
    }

    /// The next event that is part of the data; `None` at the end or after a syntax error (which is then noted).
    fn next(&mut self) -> Option<(Event<'a>, ScanSpan)> {
        while !self.stopped {
            match self.parser.next_event() {
                None => break,
                Some(Ok((Event::Comment(..) | Event::StreamStart | Event::DocumentEnd | Event::Anchor(..), _))) => {}
                Some(Ok((event, span))) => {
                    self.last = byte_range(&span, &self.source.text);
                    return Some((event, span));
                }
                Some(Err(error)) => {
                    self.stopped = true;
                    let problem = syntax_error(self.source, &error);
                    self.problems.push(problem);
                }
            }
        }
        None
    }

    fn document(&mut self) -> Node {
        let nothing = Node { range: 0..0, content: Content::Scalar { text: String::new(), plain: true } };
        let mut root = None;
        while let Some((event, span)) = self.next() {
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(..) if root.is_some() => {
                    let here = byte_range(&span, &self.source.text);
                    self.problems.push(
                        Diagnostic::error("yaml-syntax", "a second document begins in the same file")
                            .at(self.span(here), "second document")
                            .help("keep one document per file; remove the line `---`"),
                    );
                    break;
                }
                Event::DocumentStart(..) => {}
                event => root = Some(self.node(event, &span, 0)),
            }
        }
        root.unwrap_or(nothing)
    }

    fn node(&mut self, event: Event<'a>, span: &ScanSpan, depth: usize) -> Node {
        let range = byte_range(span, &self.source.text);
        if depth > MAX_DEPTH && !matches!(event, Event::Scalar(..)) {
            self.problems.push(
                Diagnostic::error("yaml-syntax", format!("more than {MAX_DEPTH} levels of nesting")).at(self.span(range.clone()), "here"),
            );
            self.stopped = true;
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_properties(anchor, tag.is_some(), span, &range);
                let range = content_range(&self.source.text, range, style);
                // The parser gives `~` for nothing at all.
                let text = if style == ScalarStyle::Plain && range.is_empty() { "".into() } else { text };
                Node { range, content: Content::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain } }
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_properties(anchor, tag.is_some(), span, &range);
                let mut items = Vec::new();
                while let Some((event, span)) = self.next() {
                    if event == Event::SequenceEnd {
                        break;
                    }
                    items.push(self.node(event, &span, depth + 1));
                }
                let end = items.last().map_or(range.end, |n| n.range.end).max(self.last.end.min(range.end));
                Node { range: range.start..end.max(range.start), content: Content::List(items) }
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_properties(anchor, tag.is_some(), span, &range);
                self.mapping(range, depth)
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.problems.push(
                    Diagnostic::error("yaml-anchor", "anchors and aliases are not read")
                        .at(self.span(range.clone()), "alias")
                        .help("write the value out, so that a reader sees it where it is used; a text that begins with `*` needs quotes"),
                );
                Node { range, content: Content::Scalar { text: String::new(), plain: false } }
            }
            _ => Node { range, content: Content::Scalar { text: String::new(), plain: true } },
        }
    }

    fn mapping(&mut self, range: Range<usize>, depth: usize) -> Node {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        while let Some((event, span)) = self.next() {
            if event == Event::MappingEnd {
                break;
            }
            let key_node = self.node(event, &span, depth + 1);
            let Some((event, span)) = self.next() else { break };
            let value = self.node(event, &span, depth + 1);
            let Content::Scalar { text, .. } = key_node.content else {
                self.problems.push(
                    Diagnostic::error("yaml-syntax", "a key must be one word, not a list or mapping")
                        .at(self.span(key_node.range), "used as a key")
                        .help("a text that begins with `{` or `[` needs quotes"),
                );
                continue;
            };
            let key = Key { text, range: key_node.range };
            if let Some((first, _)) = entries.iter().find(|(k, _)| k.text == key.text) {
                let problem = Diagnostic::error("duplicate-key", format!("the key `{}` stands twice", key.text))
                    .at(self.span(key.range.clone()), "second")
                    .at(self.span(first.range.clone()), "first")
                    .help("keep one of them");
                self.problems.push(problem);
                continue;
            }
            entries.push((key, value));
        }
        // A mapping is named by its first key in messages: a caret under a whole block says nothing.
        let range = entries.first().map_or(range.clone(), |(k, _)| k.range.start..range.start.max(k.range.end));
        Node { range, content: Content::Map(entries) }
    }

    fn refuse_properties(&mut self, anchor: usize, tagged: bool, span: &ScanSpan, range: &Range<usize>) {
        if anchor != 0 {
            self.problems.push(
                Diagnostic::error("yaml-anchor", "anchors and aliases are not read")
                    .at(self.span(range.clone()), "has an anchor")
                    .help("write the value out where it is used; a text that begins with `&` needs quotes"),
            );
        }
        if tagged {
            let at = span.tag_span().map_or(range.clone(), |s| byte_range(&s, &self.source.text));
            self.problems.push(
                Diagnostic::error("yaml-tag", "tags are not read")
                    .at(self.span(at), "tag")
                    .help("remove it: values are read by the type their key declares; a text that begins with `!` needs quotes"),
            );
        }
    }
}

fn byte_range(span: &ScanSpan, text: &str) -> Range<usize> {
    let range = span.byte_range().unwrap_or(0..0);
    let start = floor(text, range.start);
    start..floor(text, range.end).max(start)
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Range of the text of a scalar without its quotes, block header, indentation of the first line and final line breaks.
fn content_range(text: &str, range: Range<usize>, style: ScalarStyle) -> Range<usize> {
    match style {
        ScalarStyle::Plain => range,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
            let inner = text[range.clone()].strip_prefix(['\'', '"']).map_or(range.start, |_| range.start + 1);
            let end = if range.end > inner && text[..range.end].ends_with(['\'', '"']) { range.end - 1 } else { range.end };
            inner..end
        }
        ScalarStyle::Literal | ScalarStyle::Folded => {
            let mut start = range.start;
            if text[start..].starts_with(['|', '>']) {
                start = text[start..].find('\n').map_or(range.end, |i| start + i + 1);
            } else {
                start = text[..start].rfind('\n').map_or(0, |i| i + 1);
            }
            let end = start.max(start + text[start..range.end.max(start)].trim_end().len());
            let indent = text[start..end].len() - text[start..end].trim_start_matches(' ').len();
            start + indent..end
        }
    }
}

fn syntax_error(source: &Arc<SourceText>, error: &ScanError) -> Diagnostic {
    let at = floor(&source.text, error.marker().byte_offset().unwrap_or(source.text.len()));
    let line_end = source.text[at..].find('\n').map_or(source.text.len(), |i| at + i);
    let one = source.text[at..line_end].chars().next().map_or(at, |c| at + c.len_utf8());
    let line_start = source.text[..at].rfind('\n').map_or(0, |i| i + 1);
    let mut problem = Diagnostic::error("yaml-syntax", format!("this is not YAML: {}", error.info()))
        .at(Some(Span { source: source.clone(), range: at..one }), "cannot be read from here on");
    if source.text[line_start..line_end].starts_with('\t') || source.text[line_start..line_end].trim_start_matches(' ').starts_with('\t') {
        problem = problem.help("indent with spaces, never with tabs");
    } else {
        problem = problem.help("look at the indentation of this line and the one before it; a text that begins with `{`, `[`, `*`, `&`, `!`, `%`, `@` or holds `: ` or ` #` needs quotes");
    }
    problem
}
