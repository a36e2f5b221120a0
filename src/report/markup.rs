//! Text of a page: pieces of markup as they are, and texts in which nothing can be taken for markup.

#[derive(Debug, Default)]
pub struct Markup(String);

impl Markup {
    /// Markup of the program's own.
    pub fn raw(&mut self, markup: &str) -> &mut Self {
        self.0.push_str(markup);
        self
    }
    /// Any text; escaped as templates do it.
    pub fn text(&mut self, text: &str) -> &mut Self {
        let mut done = 0;
        for (i, byte) in text.bytes().enumerate() {
            let escaped = match byte {
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'&' => "&amp;",
                b'"' => "&quot;",
                b'\'' => "&#x27;",
                b'/' => "&#x2f;",
                _ => continue,
            };
            self.0.push_str(&text[done..i]);
            self.0.push_str(escaped);
            done = i + 1;
        }
        self.0.push_str(&text[done..]);
        self
    }
    pub fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn escapes_as_templates_do(text in "[<>&\"'/a-z张 ]{0,40}") {
            let mut markup = Markup::default();
            markup.text(&text);
            prop_assert_eq!(markup.0, minijinja::HtmlEscape(&text).to_string());
        }
    }
}
