//! Findings as bytes: names by number, numbers short, cells as delivered apart, since they are read only after all findings are made.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{
    Cell, EvidenceRow, ExemptionCheck, ExemptionResult, Figure, Finding, Localised, Message, Name, ParameterUse, Piece, Record, Severity,
    Subject,
};
use crate::schema::{TextKind, Value};

/// Names that the findings of one batch share, numbered as they come.
#[derive(Debug, Default)]
pub struct Words {
    names: Vec<Name>,
    by_text: FxHashMap<Name, u32>,
    /// Most names come as the same shared text again: found by where they lie. `names` keeps each of them alive.
    by_place: FxHashMap<usize, u32>,
    kept: Vec<Name>,
}

impl Words {
    fn shared(&mut self, name: &Name) -> u32 {
        let place = name.0.as_ptr() as usize;
        if let Some(&number) = self.by_place.get(&place) {
            return number;
        }
        let number = self.text(name);
        self.by_place.insert(place, number);
        self.kept.push(name.clone());
        number
    }
    fn text(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.by_text.get(text) {
            return number;
        }
        let number = self.names.len() as u32;
        let name = Name::from(text);
        self.names.push(name.clone());
        self.by_text.insert(name, number);
        number
    }
    pub fn into_names(self) -> Vec<Name> {
        self.names
    }
}

pub fn uint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn int(out: &mut Vec<u8>, n: i64) {
    uint(out, ((n << 1) ^ (n >> 63)) as u64);
}

fn text(out: &mut Vec<u8>, text: &str) {
    uint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Equal values, and only these, are equal bytes.
pub fn value(out: &mut Vec<u8>, value: &Value) {
    let mut number = |tag: u8, n: i64| {
        out.push(tag);
        int(out, n);
    };
    match value {
        Value::Null => out.push(0),
        Value::Bool(b) => out.push(1 + u8::from(*b)),
        Value::Int(n) => number(3, *n),
        Value::Money(n) => number(4, *n),
        Value::Date(n) => number(5, (*n).into()),
        Value::Month(n) => number(6, (*n).into()),
        Value::CitizenId(n) => number(7, *n),
        Value::Region(n) => number(8, *n),
        Value::Decimal { units, scale } => {
            number(9, *units);
            out.push(*scale);
        }
        Value::Text(it, kind) => {
            out.push(10 + KINDS.iter().position(|k| k == kind).unwrap_or(0) as u8);
            text(out, it);
        }
    }
}

const KINDS: [TextKind; 5] = [TextKind::Plain, TextKind::PersonName, TextKind::Phone, TextKind::Account, TextKind::Code];
const SEVERITIES: [Severity; 5] = [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
const RESULTS: [ExemptionResult; 4] =
    [ExemptionResult::Holds, ExemptionResult::DoesNotHold, ExemptionResult::Unknown, ExemptionResult::NotDelivered];

fn place<T: PartialEq>(all: &[T], one: &T) -> u8 {
    all.iter().position(|o| o == one).unwrap_or(0) as u8
}

fn option<T>(out: &mut Vec<u8>, it: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
    out.push(u8::from(it.is_some()));
    if let Some(it) = it {
        write(out, it);
    }
}

fn pieces(out: &mut Vec<u8>, words: &mut Words, pieces: &[Piece]) {
    uint(out, pieces.len() as u64);
    for piece in pieces {
        match piece {
            Piece::Text(it) => {
                out.push(0);
                uint(out, words.shared(it).into());
            }
            Piece::Value(it) => {
                out.push(1);
                value(out, it);
            }
        }
    }
}

/// A hash of 32 hex digits is 16 bytes; any other text stands as it is.
fn hash(out: &mut Vec<u8>, it: &str) {
    match packed_hex(it) {
        Some(bytes) => {
            out.push(0);
            out.extend_from_slice(&bytes);
        }
        None => {
            out.push(1);
            text(out, it);
        }
    }
}

fn packed_hex(it: &str) -> Option<[u8; 16]> {
    let digits: &[u8; 32] = it.as_bytes().try_into().ok()?;
    let mut out = [0; 16];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |c: u8| match c {
            b'0'..=b'9' => Some(c - b'0'),
            b'a'..=b'f' => Some(c - b'a' + 10),
            _ => None,
        };
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

/// All of a finding but its cells as delivered; `evidence` are its records.
pub fn finding(out: &mut Vec<u8>, words: &mut Words, f: &Finding, evidence: &[impl Record]) {
    hash(out, &f.key);
    hash(out, &f.records_hash);
    hash(out, &f.flag_hash);
    uint(out, words.shared(&f.rule).into());
    out.push(place(&SEVERITIES, &f.severity) << 1 | u8::from(f.exempt));
    uint(out, f.subjects.len() as u64);
    for subject in &f.subjects {
        uint(out, words.shared(&subject.entity).into());
        value(out, &subject.value);
    }
    option(out, f.region, int);
    option(out, f.date, |out, day| int(out, day.into()));
    option(out, f.period.as_ref(), value);
    option(out, f.amount, int);
    option(out, f.measure.as_ref(), value);
    uint(out, f.message.len() as u64);
    for (language, said) in &f.message {
        uint(out, words.text(language).into());
        pieces(out, words, said);
    }
    uint(out, f.exemptions.len() as u64);
    for check in &f.exemptions {
        out.push(place(&RESULTS, &check.result));
        uint(out, check.says.0.len() as u64);
        for (language, said) in &check.says.0 {
            uint(out, words.text(language).into());
            uint(out, words.text(said).into());
        }
    }
    uint(out, f.figures.len() as u64);
    for figure in &f.figures {
        uint(out, words.shared(&figure.name).into());
        value(out, &figure.value);
        option(out, figure.arithmetic.as_ref(), |out, terms| pieces(out, words, terms));
    }
    uint(out, f.parameters.len() as u64);
    for used in &f.parameters {
        uint(out, words.text(&used.name).into());
        uint(out, used.keys.len() as u64);
        used.keys.iter().for_each(|key| value(out, key));
        value(out, &used.value);
        option(out, used.region, int);
        option(out, used.valid_from, |out, day| int(out, day.into()));
        option(out, used.valid_to, |out, day| int(out, day.into()));
        uint(out, words.text(&used.source).into());
    }
    uint(out, f.evidence_omitted);
    uint(out, evidence.len() as u64);
    for row in evidence {
        uint(out, words.shared(row.table()).into());
        uint(out, words.shared(row.role()).into());
        let (file, sheet, line) = row.place();
        uint(out, words.shared(file).into());
        option(out, sheet, |out, sheet| uint(out, words.shared(sheet).into()));
        uint(out, line.into());
        values(out, words, row.key());
        values(out, words, row.cells());
    }
}

fn values<'v>(out: &mut Vec<u8>, words: &mut Words, named: impl ExactSizeIterator<Item = (&'v Name, Cow<'v, Value>)>) {
    uint(out, named.len() as u64);
    for (name, it) in named {
        uint(out, words.shared(name).into());
        value(out, &it);
    }
}

/// A cell as delivered; they stand in the order of the evidence and its cells.
pub fn delivered(out: &mut Vec<u8>, cell: Option<&str>) {
    uint(out, cell.map_or(0, |text| text.len() as u64 + 1));
    out.extend_from_slice(cell.unwrap_or_default().as_bytes());
}

/// Findings with their cells as delivered, as bytes that another process reads back.
pub fn carried(findings: impl Iterator<Item = Finding>) -> Vec<u8> {
    let (mut words, mut bodies, mut cells) = (Words::default(), vec![], vec![]);
    let mut count = 0;
    for f in findings {
        finding(&mut bodies, &mut words, &f, &f.evidence);
        f.evidence.iter().flat_map(|row| &row.cells).for_each(|cell| delivered(&mut cells, cell.delivered.as_deref()));
        count += 1;
    }
    let names = words.into_names();
    let mut out = Vec::with_capacity(bodies.len() + cells.len() + 32 * names.len());
    uint(&mut out, names.len() as u64);
    names.iter().for_each(|name| text(&mut out, name));
    uint(&mut out, bodies.len() as u64);
    out.extend_from_slice(&bodies);
    uint(&mut out, count);
    out.extend_from_slice(&cells);
    out
}

/// What [`carried`] wrote. `None`: these bytes are something else.
pub fn brought(bytes: &[u8]) -> Option<Vec<Finding>> {
    let mut rest = Reader { bytes, names: &[] };
    let names: Vec<Name> = rest.list(|r| r.text().map(Name::from))?;
    let length = rest.count()?;
    let mut bodies = Reader { bytes: rest.take(length)?, names: &names };
    let mut out = vec![];
    for _ in 0..rest.uint()? {
        let (mut finding, records) = bodies.finding()?;
        finding.evidence.reserve(records);
        for _ in 0..records {
            finding.evidence.push(bodies.evidence(&mut rest)?);
        }
        out.push(finding);
    }
    (bodies.bytes.is_empty() && rest.bytes.is_empty()).then_some(out)
}

/// Reads what the functions above wrote. `None`: these bytes are something else.
pub struct Reader<'b> {
    pub bytes: &'b [u8],
    pub names: &'b [Name],
}

impl<'b> Reader<'b> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }
    fn take(&mut self, n: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(n)?;
        self.bytes = rest;
        Some(taken)
    }
    fn uint(&mut self) -> Option<u64> {
        let mut n = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(n);
            }
        }
        None
    }
    fn count(&mut self) -> Option<usize> {
        // What follows takes at least a byte each: no count makes us ask for more memory than there are bytes.
        usize::try_from(self.uint()?).ok().filter(|n| *n <= self.bytes.len())
    }
    fn int(&mut self) -> Option<i64> {
        let n = self.uint()?;
        Some((n >> 1) as i64 ^ -((n & 1) as i64))
    }
    fn day(&mut self) -> Option<i32> {
        self.int()?.try_into().ok()
    }
    fn text(&mut self) -> Option<&'b str> {
        let n = self.count()?;
        std::str::from_utf8(self.take(n)?).ok()
    }
    fn name(&mut self) -> Option<Name> {
        let number = usize::try_from(self.uint()?).ok()?;
        self.names.get(number).cloned()
    }
    fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let n = self.count()?;
        let mut out = Vec::with_capacity(n);
        for _ in 0..n {
            out.push(one(self)?);
        }
        Some(out)
    }
    fn option<T>(&mut self, one: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.byte()? {
            0 => Some(None),
            _ => one(self).map(Some),
        }
    }
    fn value(&mut self) -> Option<Value> {
        Some(match self.byte()? {
            0 => Value::Null,
            1 => Value::Bool(false),
            2 => Value::Bool(true),
            3 => Value::Int(self.int()?),
            4 => Value::Money(self.int()?),
            5 => Value::Date(self.day()?),
            6 => Value::Month(self.day()?),
            7 => Value::CitizenId(self.int()?),
            8 => Value::Region(self.int()?),
            9 => Value::Decimal { units: self.int()?, scale: self.byte()? },
            tag => Value::Text(Arc::from(self.text()?), *KINDS.get(usize::from(tag - 10))?),
        })
    }
    fn pieces(&mut self) -> Option<Vec<Piece>> {
        self.list(|r| match r.byte()? {
            0 => r.name().map(Piece::Text),
            _ => r.value().map(Piece::Value),
        })
    }
    fn hash(&mut self) -> Option<String> {
        match self.byte()? {
            0 => {
                let digits = b"0123456789abcdef";
                let packed = self.take(16)?;
                Some(packed.iter().flat_map(|b| [b >> 4, b & 15]).map(|d| char::from(digits[usize::from(d)])).collect())
            }
            _ => self.text().map(str::to_owned),
        }
    }
    fn texts(&mut self) -> Option<BTreeMap<String, String>> {
        Some(self.list(|r| Some((r.name()?.to_string(), r.name()?.to_string())))?.into_iter().collect())
    }

    /// A finding whose evidence is still to be read, and how many records it has.
    pub fn finding(&mut self) -> Option<(Finding, usize)> {
        let (key, records_hash, flag_hash, rule) = (self.hash()?, self.hash()?, self.hash()?, self.name()?);
        let flags = self.byte()?;
        let finding = Finding {
            key,
            records_hash,
            flag_hash,
            rule,
            severity: *SEVERITIES.get(usize::from(flags >> 1))?,
            exempt: flags & 1 == 1,
            subjects: self.list(|r| Some(Subject { entity: r.name()?, value: r.value()? }))?,
            region: self.option(Self::int)?,
            date: self.option(Self::day)?,
            period: self.option(Self::value)?,
            amount: self.option(Self::int)?,
            measure: self.option(Self::value)?,
            message: self.list(|r| Some((r.name()?.to_string(), r.pieces()?)))?.into_iter().collect::<Message>(),
            exemptions: self.list(|r| {
                let result = *RESULTS.get(usize::from(r.byte()?))?;
                Some(ExemptionCheck { says: Localised(r.texts()?), result })
            })?,
            figures: self.list(|r| Some(Figure { name: r.name()?, value: r.value()?, arithmetic: r.option(Self::pieces)? }))?,
            parameters: self.list(|r| {
                Some(ParameterUse {
                    name: r.name()?,
                    keys: r.list(Self::value)?,
                    value: r.value()?,
                    region: r.option(Self::int)?,
                    valid_from: r.option(Self::day)?,
                    valid_to: r.option(Self::day)?,
                    source: r.name()?,
                })
            })?,
            evidence_omitted: self.uint()?,
            evidence: vec![],
        };
        Some((finding, self.count()?))
    }

    /// The next record of evidence.
    pub fn evidence(&mut self, delivered: &mut Reader<'b>) -> Option<EvidenceRow> {
        Some(EvidenceRow {
            table: self.name()?,
            role: self.name()?,
            file: self.name()?,
            sheet: self.option(Self::name)?,
            line: self.uint()?.try_into().ok()?,
            key: self.list(|r| Some((r.name()?, r.value()?)))?,
            cells: self.list(|r| Some(Cell { column: r.name()?, used: r.value()?, delivered: delivered.delivered()? }))?,
        })
    }
    fn delivered(&mut self) -> Option<Option<String>> {
        match self.uint()?.checked_sub(1) {
            None => Some(None),
            Some(n) => Some(Some(std::str::from_utf8(self.take(usize::try_from(n).ok()?)?).ok()?.to_owned())),
        }
    }
}
