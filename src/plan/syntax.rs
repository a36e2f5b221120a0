//! Text of an expression -> syntax tree with byte ranges. Knows no names and no types.
//!
//! An own parser of precedence climbing: rules need exact places for every word, named arguments, `filter (where ..)` after
//! any aggregate and messages for what people write by habit (`==`, full-width commas, double quotes).

use std::ops::Range;

use super::lexer::{Token, TokenKind, tokens};

/// Levels of brackets, calls and operators that one expression may nest: keeps every walk of the tree within the stack.
pub(crate) const MAX_DEPTH: usize = 100;

/// Steps of a dotted path.
const MAX_PATH: usize = 16;

/// What is wrong with the text, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub code: &'static str,
    pub message: String,
    pub range: Range<usize>,
    pub label: String,
    pub help: Option<String>,
}

impl SyntaxError {
    pub fn new(message: impl Into<String>, range: Range<usize>, label: impl Into<String>) -> Box<Self> {
        Box::new(SyntaxError { code: "syntax", message: message.into(), range, label: label.into(), help: None })
    }
    pub fn help(mut self: Box<Self>, help: impl Into<String>) -> Box<Self> {
        self.help = Some(help.into());
        self
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ident {
    pub name: String,
    pub range: Range<usize>,
    pub quoted: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ast {
    pub kind: Kind,
    pub range: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Concat,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arg {
    pub name: Option<Ident>,
    pub value: Ast,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Number(String),
    Text(String),
    /// `date '2019-01-01'`: the word and the text.
    TypedText(String, String),
    /// `interval '3 months'`.
    Interval(String),
    Bool(bool),
    Null,
    Star,
    Path(Vec<Ident>),
    Not(Box<Ast>),
    Negate(Box<Ast>),
    Binary {
        op: Operator,
        left: Box<Ast>,
        right: Box<Ast>,
    },
    /// `a and b and c` (`or` likewise), flat, so that long chains stay shallow.
    Chain {
        and: bool,
        parts: Vec<Ast>,
    },
    In {
        arg: Box<Ast>,
        list: Vec<Ast>,
        negated: bool,
    },
    Between {
        arg: Box<Ast>,
        low: Box<Ast>,
        high: Box<Ast>,
        negated: bool,
    },
    Like {
        arg: Box<Ast>,
        pattern: Box<Ast>,
        negated: bool,
    },
    IsNull {
        arg: Box<Ast>,
        negated: bool,
    },
    /// `is [not] true`, `is [not] false`.
    IsBool {
        arg: Box<Ast>,
        value: bool,
        negated: bool,
    },
    Case {
        operand: Option<Box<Ast>>,
        whens: Vec<(Ast, Ast)>,
        otherwise: Option<Box<Ast>>,
    },
    Call {
        name: Ident,
        distinct: bool,
        args: Vec<Arg>,
        filter: Option<Box<Ast>>,
    },
}

impl Ast {
    /// The direct parts of this node, in order.
    pub fn children(&self) -> Vec<&Ast> {
        match &self.kind {
            Kind::Not(a) | Kind::Negate(a) => vec![a],
            Kind::Binary { left, right, .. } => vec![left, right],
            Kind::Chain { parts, .. } => parts.iter().collect(),
            Kind::In { arg, list, .. } => std::iter::once(&**arg).chain(list).collect(),
            Kind::Between { arg, low, high, .. } => vec![arg, low, high],
            Kind::Like { arg, pattern, .. } => vec![arg, pattern],
            Kind::IsNull { arg, .. } | Kind::IsBool { arg, .. } => vec![arg],
            Kind::Case { operand, whens, otherwise } => {
                let mut parts: Vec<&Ast> = operand.iter().map(|o| &**o).collect();
                parts.extend(whens.iter().flat_map(|(w, t)| [w, t]));
                parts.extend(otherwise.iter().map(|o| &**o));
                parts
            }
            Kind::Call { args, filter, .. } => args.iter().map(|a| &a.value).chain(filter.iter().map(|f| &**f)).collect(),
            Kind::Number(_)
            | Kind::Text(_)
            | Kind::TypedText(..)
            | Kind::Interval(_)
            | Kind::Bool(_)
            | Kind::Null
            | Kind::Star
            | Kind::Path(_) => vec![],
        }
    }
}

/// Words that end or join an expression and so cannot name a column unless quoted.
const RESERVED: &[&str] = &[
    "and", "or", "not", "in", "between", "like", "is", "null", "true", "false", "case", "when", "then", "else", "end", "distinct",
    "filter", "where",
];

/// Parses a whole text as one expression.
pub(crate) fn parse(text: &str) -> Result<Ast, Box<SyntaxError>> {
    let mut parser = Parser::new(text)?;
    if parser.at_end() {
        return Err(SyntaxError::new("an expression is missing", 0..text.len(), "nothing to compute here"));
    }
    let ast = parser.expression()?;
    parser.expect_end()?;
    Ok(ast)
}

/// Reads tokens of one text in order.
pub(crate) struct Parser {
    tokens: Vec<Token>,
    position: usize,
    depth: usize,
    length: usize,
}

impl Parser {
    pub fn new(text: &str) -> Result<Self, Box<SyntaxError>> {
        Ok(Parser { tokens: tokens(text)?, position: 0, depth: 0, length: text.len() })
    }
    pub fn at_end(&self) -> bool {
        self.position >= self.tokens.len()
    }
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.position)
    }
    fn peek_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek(), Some(Token { kind: TokenKind::Symbol(s), .. }) if *s == symbol)
    }
    fn word_at(&self, position: usize) -> Option<String> {
        match self.tokens.get(position) {
            Some(Token { kind: TokenKind::Word { text, quoted: false }, .. }) => Some(text.to_lowercase()),
            _ => None,
        }
    }
    fn peek_word(&self, word: &str) -> bool {
        self.word_at(self.position).is_some_and(|w| w == word)
    }
    fn symbol_at(&self, position: usize, symbol: &str) -> bool {
        matches!(self.tokens.get(position), Some(Token { kind: TokenKind::Symbol(s), .. }) if *s == symbol)
    }
    pub fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.peek_symbol(symbol);
        self.position += usize::from(found);
        found
    }
    pub fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek_word(word);
        self.position += usize::from(found);
        found
    }
    /// Range of the next token; the end of the text when there is none.
    fn here(&self) -> Range<usize> {
        self.peek().map_or(self.length..self.length, |t| t.range.clone())
    }
    fn before(&self) -> usize {
        self.position.checked_sub(1).and_then(|p| self.tokens.get(p)).map_or(0, |t| t.range.end)
    }
    fn found(&self) -> String {
        match self.peek() {
            None => "the end of the expression".to_owned(),
            Some(Token { kind, .. }) => match kind {
                TokenKind::Word { text, .. } => format!("`{text}`"),
                TokenKind::Number(text) => format!("`{text}`"),
                TokenKind::Text(text) => format!("'{text}'"),
                TokenKind::Symbol(symbol) => format!("`{symbol}`"),
            },
        }
    }
    pub fn expect_symbol(&mut self, symbol: &str, after: &str) -> Result<(), Box<SyntaxError>> {
        if self.take_symbol(symbol) {
            return Ok(());
        }
        Err(SyntaxError::new(
            format!("found {}, wanted `{symbol}` {after}", self.found()),
            self.here(),
            format!("`{symbol}` is missing here"),
        ))
    }
    fn expect_word(&mut self, word: &str, after: &str) -> Result<(), Box<SyntaxError>> {
        if self.take_word(word) {
            return Ok(());
        }
        Err(SyntaxError::new(format!("found {}, wanted `{word}` {after}", self.found()), self.here(), format!("`{word}` is missing here")))
    }
    pub fn expect_end(&self) -> Result<(), Box<SyntaxError>> {
        if self.at_end() {
            return Ok(());
        }
        let error = SyntaxError::new(format!("found {} after a complete expression", self.found()), self.here(), "not expected here");
        Err(match self.peek().map(|t| &t.kind) {
            Some(TokenKind::Symbol(")")) => error.help("a `(` is missing, or this `)` is one too many"),
            Some(TokenKind::Symbol(",")) => error.help("one expression is wanted here, not a list"),
            _ => error.help("join two conditions with `and` or `or`; text stands in single quotes"),
        })
    }

    pub fn expression(&mut self) -> Result<Ast, Box<SyntaxError>> {
        self.climb(OR)
    }

    /// An expression of operators that bind at least as strongly as `least`. One call per level, so that deep texts need little stack.
    fn climb(&mut self, least: u8) -> Result<Ast, Box<SyntaxError>> {
        if self.depth >= MAX_DEPTH {
            return Err(self.too_deep("nests", "levels deep"));
        }
        self.depth += 1;
        let result = self.prefix().and_then(|left| self.operators(left, least));
        self.depth -= 1;
        result
    }
    fn too_deep(&self, verb: &str, what: &str) -> Box<SyntaxError> {
        let mut error = SyntaxError::new(format!("the expression {verb} more than {MAX_DEPTH} {what}"), self.here(), "one too many");
        error.code = "too-deep";
        error.help("give parts of it names under `let:` or as computed columns")
    }
    fn prefix(&mut self) -> Result<Ast, Box<SyntaxError>> {
        let start = self.here().start;
        if self.take_word("not") {
            let arg = self.climb(NOT)?;
            let range = start..arg.range.end;
            return Ok(Ast { kind: Kind::Not(Box::new(arg)), range });
        }
        if self.take_symbol("-") {
            let arg = self.climb(UNARY)?;
            let range = start..arg.range.end;
            return Ok(Ast { kind: Kind::Negate(Box::new(arg)), range });
        }
        while self.take_symbol("+") {}
        self.primary()
    }
    fn operators(&mut self, mut left: Ast, least: u8) -> Result<Ast, Box<SyntaxError>> {
        let (mut compared, mut taken) = (false, 0);
        loop {
            let Some(level) = self.infix_level().filter(|level| *level >= least) else { return Ok(left) };
            taken += 1;
            if self.depth + taken > MAX_DEPTH {
                return Err(self.too_deep("has", "operations in a row"));
            }
            left = match level {
                OR | AND => self.chain(left, level)?,
                COMPARE => {
                    let symbol = matches!(self.peek().map(|t| &t.kind), Some(TokenKind::Symbol(_)));
                    if symbol && compared {
                        return Err(SyntaxError::new("comparisons cannot follow each other", self.here(), "second comparison")
                            .help("write `a < b and b < c`, or `b between a and c`"));
                    }
                    compared |= symbol;
                    self.comparison(left)?
                }
                _ => self.arithmetic(left, level)?,
            };
        }
    }
    /// How strongly the next operator binds.
    fn infix_level(&self) -> Option<u8> {
        match &self.peek()?.kind {
            TokenKind::Symbol(symbol) => operator(symbol).map(|(level, _)| level),
            TokenKind::Word { text, quoted: false } => match text.to_lowercase().as_str() {
                "or" => Some(OR),
                "and" => Some(AND),
                "is" | "in" | "between" | "like" => Some(COMPARE),
                "not" if self.word_at(self.position + 1).is_some_and(|w| matches!(w.as_str(), "in" | "between" | "like")) => Some(COMPARE),
                _ => None,
            },
            _ => None,
        }
    }
    fn chain(&mut self, first: Ast, level: u8) -> Result<Ast, Box<SyntaxError>> {
        let word = if level == OR { "or" } else { "and" };
        let start = first.range.start;
        let mut parts = vec![first];
        while self.take_word(word) {
            parts.push(self.climb(level + 1)?);
        }
        let range = start..self.before();
        Ok(Ast { kind: Kind::Chain { and: level == AND, parts }, range })
    }
    fn arithmetic(&mut self, left: Ast, level: u8) -> Result<Ast, Box<SyntaxError>> {
        let op = match self.peek().map(|t| &t.kind) {
            Some(TokenKind::Symbol(symbol)) => operator(symbol),
            _ => None,
        };
        let Some((_, op)) = op else { return Ok(left) };
        self.position += 1;
        let right = self.climb(level + 1)?;
        let range = left.range.start..right.range.end;
        Ok(Ast { kind: Kind::Binary { op, left: Box::new(left), right: Box::new(right) }, range })
    }
    fn comparison(&mut self, left: Ast) -> Result<Ast, Box<SyntaxError>> {
        if matches!(self.peek().map(|t| &t.kind), Some(TokenKind::Symbol(_))) {
            return self.arithmetic(left, COMPARE);
        }
        let start = left.range.start;
        let arg = Box::new(left);
        let kind = if self.take_word("is") {
            self.is(arg)?
        } else {
            let negated = self.take_word("not");
            if self.take_word("in") {
                self.in_list(arg, negated)?
            } else if self.take_word("between") {
                let low = Box::new(self.climb(CONCAT)?);
                self.expect_word("and", "between the two bounds of `between`")?;
                Kind::Between { arg, low, high: Box::new(self.climb(CONCAT)?), negated }
            } else {
                self.expect_word("like", "before a pattern")?;
                Kind::Like { arg, pattern: Box::new(self.climb(CONCAT)?), negated }
            }
        };
        Ok(Ast { kind, range: start..self.before() })
    }
    fn is(&mut self, arg: Box<Ast>) -> Result<Kind, Box<SyntaxError>> {
        let negated = self.take_word("not");
        if self.take_word("null") {
            return Ok(Kind::IsNull { arg, negated });
        }
        let value = self.peek_word("true");
        if value || self.peek_word("false") {
            self.position += 1;
            return Ok(Kind::IsBool { arg, value, negated });
        }
        Err(SyntaxError::new(format!("found {} after `is`", self.found()), self.here(), "wanted `null`, `true` or `false`")
            .help("compare values with `=`; ask for a missing value with `is null`"))
    }
    fn in_list(&mut self, arg: Box<Ast>, negated: bool) -> Result<Kind, Box<SyntaxError>> {
        if !self.take_symbol("(") {
            return Err(SyntaxError::new(format!("found {} after `in`", self.found()), self.here(), "wanted a list in brackets")
                .help("write `x in ('a', 'b')`"));
        }
        let mut list = vec![];
        while !self.peek_symbol(")") {
            list.push(self.expression()?);
            if !self.take_symbol(",") {
                break;
            }
        }
        self.expect_symbol(")", "after the list of `in`")?;
        Ok(Kind::In { arg, list, negated })
    }

    fn primary(&mut self) -> Result<Ast, Box<SyntaxError>> {
        let Some(token) = self.peek().cloned() else {
            return Err(SyntaxError::new("the expression ends too early", self.here(), "a value is missing here"));
        };
        let start = token.range.start;
        let done = |kind: Kind, range: Range<usize>| Ok(Ast { kind, range });
        match token.kind {
            TokenKind::Number(text) => {
                self.position += 1;
                done(Kind::Number(text), token.range)
            }
            TokenKind::Text(text) => {
                self.position += 1;
                done(Kind::Text(text), token.range)
            }
            TokenKind::Symbol("(") => {
                self.position += 1;
                let inner = self.expression()?;
                if self.peek_symbol(",") {
                    return Err(SyntaxError::new("a list stands only after `in`", self.here(), "not expected here"));
                }
                self.expect_symbol(")", "to close the bracket")?;
                done(inner.kind, start..self.before())
            }
            TokenKind::Symbol(_) => {
                Err(SyntaxError::new(format!("found {}, wanted a value", self.found()), token.range, "a value is missing before this"))
            }
            TokenKind::Word { text, quoted } => {
                let lower = text.to_lowercase();
                if !quoted && RESERVED.contains(&lower.as_str()) {
                    return self.reserved(&lower, token.range);
                }
                self.position += 1;
                let ident = Ident { name: text, range: token.range.clone(), quoted };
                if let Some(Token { kind: TokenKind::Text(value), .. }) = self.peek().cloned()
                    && !quoted
                {
                    self.position += 1;
                    let kind = if lower == "interval" { self.interval(value) } else { Kind::TypedText(lower, value) };
                    return done(kind, start..self.before());
                }
                if self.take_symbol("(") {
                    let kind = self.call(ident)?;
                    return done(kind, start..self.before());
                }
                let path = self.path(ident)?;
                done(Kind::Path(path), start..self.before())
            }
        }
    }

    /// `interval '3 months'` and `interval '3' month` mean the same.
    fn interval(&mut self, value: String) -> Kind {
        if let Some(unit @ ("day" | "days" | "month" | "months" | "year" | "years")) = self.word_at(self.position).as_deref() {
            let text = format!("{value} {unit}");
            self.position += 1;
            return Kind::Interval(text);
        }
        Kind::Interval(value)
    }

    fn path(&mut self, first: Ident) -> Result<Vec<Ident>, Box<SyntaxError>> {
        let mut path = vec![first];
        while self.take_symbol(".") {
            match self.peek().cloned() {
                Some(Token { kind: TokenKind::Word { text, quoted }, range }) => {
                    self.position += 1;
                    path.push(Ident { name: text, range: range.clone(), quoted });
                    if path.len() > MAX_PATH {
                        return Err(SyntaxError::new(format!("a path takes at most {MAX_PATH} steps"), range, "one step too many"));
                    }
                }
                _ => {
                    return Err(SyntaxError::new(
                        format!("found {} after `.`", self.found()),
                        self.here(),
                        "wanted the name of a column or link",
                    ));
                }
            }
        }
        Ok(path)
    }

    fn reserved(&mut self, word: &str, range: Range<usize>) -> Result<Ast, Box<SyntaxError>> {
        match word {
            "null" | "true" | "false" => {
                self.position += 1;
                let kind = if word == "null" { Kind::Null } else { Kind::Bool(word == "true") };
                Ok(Ast { kind, range })
            }
            "case" => {
                self.position += 1;
                let kind = self.case()?;
                Ok(Ast { kind, range: range.start..self.before() })
            }
            _ => Err(SyntaxError::new(format!("found `{word}`, wanted a value"), range, "a value is missing before this")
                .help(format!("a column named `{word}` is written \"{word}\""))),
        }
    }

    fn case(&mut self) -> Result<Kind, Box<SyntaxError>> {
        let operand = if self.peek_word("when") { None } else { Some(Box::new(self.expression()?)) };
        let mut whens = vec![];
        while self.take_word("when") {
            let when = self.expression()?;
            self.expect_word("then", "after the condition of `when`")?;
            whens.push((when, self.expression()?));
        }
        if whens.is_empty() {
            return Err(SyntaxError::new(format!("found {} in `case`", self.found()), self.here(), "wanted `when`"));
        }
        let otherwise = if self.take_word("else") { Some(Box::new(self.expression()?)) } else { None };
        self.expect_word("end", "to close `case`")?;
        Ok(Kind::Case { operand, whens, otherwise })
    }

    /// After `name(`.
    fn call(&mut self, name: Ident) -> Result<Kind, Box<SyntaxError>> {
        let distinct = self.take_word("distinct");
        let mut args = vec![];
        while !self.peek_symbol(")") {
            if self.peek_symbol("*") && self.symbol_at(self.position + 1, ")") {
                let range = self.here();
                self.position += 1;
                args.push(Arg { name: None, value: Ast { kind: Kind::Star, range } });
                break;
            }
            let mut label = None;
            if self.symbol_at(self.position + 1, "=>")
                && let Some(Token { kind: TokenKind::Word { text, quoted }, range }) = self.peek().cloned()
            {
                label = Some(Ident { name: text, range, quoted });
                self.position += 2;
            }
            let value = self.expression()?;
            args.push(Arg { name: label, value });
            if !self.take_symbol(",") {
                break;
            }
        }
        self.expect_symbol(")", &format!("to close `{}(`", name.name))?;
        let mut filter = None;
        if self.peek_word("filter") && self.symbol_at(self.position + 1, "(") {
            self.position += 2;
            self.expect_word("where", "after `filter (`")?;
            filter = Some(Box::new(self.expression()?));
            self.expect_symbol(")", "to close `filter (`")?;
        }
        Ok(Kind::Call { name, distinct, args, filter })
    }
}

// Strength of binding, weakest first.
const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const COMPARE: u8 = 4;
const CONCAT: u8 = 5;
const ADD: u8 = 6;
const MULTIPLY: u8 = 7;
const UNARY: u8 = 8;

fn operator(symbol: &str) -> Option<(u8, Operator)> {
    Some(match symbol {
        "=" => (COMPARE, Operator::Equal),
        "<>" | "!=" => (COMPARE, Operator::NotEqual),
        "<" => (COMPARE, Operator::Less),
        "<=" => (COMPARE, Operator::LessEqual),
        ">" => (COMPARE, Operator::Greater),
        ">=" => (COMPARE, Operator::GreaterEqual),
        "||" => (CONCAT, Operator::Concat),
        "+" => (ADD, Operator::Add),
        "-" => (ADD, Operator::Subtract),
        "*" => (MULTIPLY, Operator::Multiply),
        "/" => (MULTIPLY, Operator::Divide),
        "%" => (MULTIPLY, Operator::Remainder),
        _ => return None,
    })
}
