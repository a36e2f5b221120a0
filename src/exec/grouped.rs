//! Realises `Rel::Linked` by the methods of [`crate::grouping`]: hands over numbers and texts, and numbers the groups that come back.

use std::borrow::Cow;

use super::build::concat;
use super::group::group_rows;
use super::key::{Side, State, chunked, pack};
use super::nodes::{Frame, FrameKind};
use super::texts::with_dictionary;
use super::vector::{Values, Vector};
use super::{Env, MANY, NOKEY, NONE, is_row};
use crate::grouping::{Components, Near, Similar, Window, components, near, similar, window};
use crate::plan::{ExprId, Grouping, KeyPart, RING_COLUMNS};
use crate::schema::{TextKind, Type};
use crate::table::Bits;

/// Groups of the parts' rows, numbered by first appearance whatever they were called.
pub struct Numbered {
    pub group_of: Vec<Vec<u32>>,
    pub firsts: Vec<Vec<u32>>,
    /// What each group was called.
    pub labels: Vec<u32>,
}

/// From labels below `bound`, or sentinels, per part and row.
pub fn numbered(mut labels: Vec<Vec<u32>>, bound: usize) -> Numbered {
    let mut group_of_label = vec![NONE; bound];
    let (mut firsts, mut called) = (vec![], vec![]);
    for part in &mut labels {
        let mut new = vec![];
        for (row, label) in (0u32..).zip(part) {
            if !is_row(*label) {
                continue;
            }
            let group = &mut group_of_label[*label as usize];
            if *group == NONE {
                *group = called.len() as u32;
                called.push(*label);
                new.push(row);
            }
            *label = *group;
        }
        firsts.push(new);
    }
    Numbered { group_of: labels, firsts, labels: called }
}

impl Numbered {
    pub fn frame(self, columns: Vec<Vector<'static>>, way: &'static str) -> Frame {
        let Numbered { group_of, firsts, labels } = self;
        Frame { rows: labels.len(), kind: FrameKind::Linked { group_of, firsts, columns, way, failed: None } }
    }
}

pub fn grouped(env: Env<'_>, parts: &[KeyPart], by: &Grouping) -> Frame {
    let way = by.name();
    match (by, parts) {
        (Grouping::Components { names, max_shared }, _) => rings(env, parts, names, usize::from(*max_shared), way),
        // Linkage is realised beside; the other methods have one part.
        (Grouping::Linkage(_), _) | (_, []) => {
            numbered(parts.iter().map(|p| vec![NONE; env.nodes.rows(&env, p.of)]).collect(), 0).frame(vec![], way)
        }
        (Grouping::Similar { equal, edits }, [part, ..]) => {
            let (labels, rows) = similar_texts(env, part, *equal, usize::from(*edits));
            numbered(vec![labels], rows).frame(vec![], way)
        }
        (Grouping::Near { equal }, [part, ..]) => {
            let members = Members::new(env, part, *equal);
            let [amount, amount_within, day, days_within] = members.numbers(&part.keys[*equal..]);
            let items = members.taking_part([&amount, &amount_within, &day, &days_within]).map(|row| {
                let [amount, amount_within, day, days_within] = [&amount, &amount_within, &day, &days_within].map(|f| f.0[row]);
                Near { block: members.block[row], day, amount, row: row as u32, amount_within, days_within }
            });
            let items = items.collect();
            let mut labels = members.left_out([&amount, &amount_within, &day, &days_within]);
            near(items).into_iter().for_each(|(row, label)| labels[row as usize] = label);
            let rows = labels.len();
            numbered(vec![labels], rows).frame(vec![], way)
        }
        (Grouping::Window { equal }, [part, ..]) => windows(env, part, *equal, way),
    }
}

/// Chains of amounts, and the largest total of one window of each.
fn windows(env: Env<'_>, part: &KeyPart, equal: usize, way: &'static str) -> Frame {
    let members = Members::new(env, part, equal);
    let [amount, limit, day, within] = members.numbers(&part.keys[equal..]);
    let fits = |row: &usize| amount.0[*row] > 0 && amount.0[*row] <= limit.0[*row];
    let items = members.taking_part([&amount, &limit, &day, &within]).filter(fits).map(|row| {
        let [amount, limit, day, within] = [&amount, &limit, &day, &within].map(|f| f.0[row]);
        Window { block: members.block[row], day, row: row as u32, amount, limit, within }
    });
    let items = items.collect();
    let mut labels = members.left_out([&amount, &limit, &day, &within]);
    let mut peaks = vec![0i64; labels.len()];
    for (row, label, peak) in window(items) {
        labels[row as usize] = label;
        peaks[row as usize] = peak;
    }
    let rows = labels.len();
    let found = numbered(vec![labels], rows);
    // Rows of a chain agree on its peak.
    let peaks: Vec<i64> = found.labels.iter().map(|&row| peaks[row as usize]).collect();
    let ty = part.keys.get(equal).map_or(Type::Int, |&key| env.graph.type_of(key));
    let column = Vector::new(Values::I64(Cow::Owned(peaks)), ty);
    found.frame(vec![column], way)
}

fn similar_texts(env: Env<'_>, part: &KeyPart, equal: usize, edits: usize) -> (Vec<u32>, usize) {
    let members = Members::new(env, part, equal);
    let Some(&key) = part.keys.get(equal) else { return (members.block, 0) };
    let texts = chunked(env, part.of, |start, batch| (start, concat([(&*batch.eval(key), batch.len)], env.graph.type_of(key)), batch.len));
    let mut labels = members.block.clone();
    let mut items = vec![];
    for (start, vector, len) in &texts {
        for i in 0..*len {
            let row = start + i;
            if !is_row(members.block[row]) {
                continue;
            }
            if vector.is_valid(i) {
                items.push(Similar { block: members.block[row], text: vector.text(i), row: row as u32 });
            }
            labels[row] = if vector.is_bad(i) { MANY } else { NOKEY };
        }
    }
    similar(items, edits).into_iter().for_each(|(row, label)| labels[row as usize] = label);
    let rows = labels.len();
    (labels, rows)
}

/// A number per row, and what rows lack that have none.
type Field = (Vec<i64>, State);

/// Rows of a part and their blocks of equal keys.
struct Members<'e> {
    env: Env<'e>,
    of: crate::plan::RelId,
    /// Number of the block, or a sentinel.
    block: Vec<u32>,
}

impl<'e> Members<'e> {
    fn new(env: Env<'e>, part: &KeyPart, equal: usize) -> Self {
        let side = Side { rel: part.of, keys: &part.keys[..equal], among: part.among };
        let block = group_rows(&pack(env, &[side])).of.swap_remove(0);
        Members { env, of: part.of, block }
    }
    /// The first four of `keys`. A date known to the month is no day.
    fn numbers(&self, keys: &[ExprId]) -> [Field; 4] {
        std::array::from_fn(|k| match keys.get(k) {
            Some(&key) => numbers(self.env, self.of, key),
            None => (vec![0; self.block.len()], State(None)),
        })
    }
    fn taking_part<'a>(&'a self, fields: [&'a Field; 4]) -> impl Iterator<Item = usize> + 'a {
        (0..self.block.len()).filter(move |&row| is_row(self.block[row]) && fields.iter().all(|f| f.1.get(row) == 0))
    }
    /// Sentinels of rows whose block or fields are not complete; `NONE` elsewhere.
    fn left_out(&self, fields: [&Field; 4]) -> Vec<u32> {
        let state = |row: usize| {
            let block = self.block[row];
            if !is_row(block) {
                return block;
            }
            let states = fields.map(|f| f.1.get(row));
            if states.contains(&MANY) {
                MANY
            } else if states.contains(&NOKEY) {
                NOKEY
            } else {
                NONE
            }
        };
        (0..self.block.len()).map(state).collect()
    }
}

fn numbers(env: Env<'_>, rel: crate::plan::RelId, key: ExprId) -> Field {
    let chunks = chunked(env, rel, |_, batch| {
        let vector = batch.eval(key);
        let part = |i: usize| vector.last_day.is_some() && i64::from(vector.last_day(i)) != vector.number(i);
        let state: Vec<u32> = (0..batch.len)
            .map(|i| match vector.is_valid(i) {
                true if part(i) => NOKEY,
                true => 0,
                false if vector.is_bad(i) => MANY,
                false => NOKEY,
            })
            .collect();
        let values: Vec<i64> = (0..batch.len).map(|i| if state[i] == 0 { vector.number(i) } else { 0 }).collect();
        (values, (batch.len, state.iter().any(|&s| s != 0).then_some(state)))
    });
    let (values, states): (Vec<Vec<i64>>, Vec<_>) = chunks.into_iter().unzip();
    (values.concat(), State::join(states))
}

/// People tied through what they share. The first key of each part is who, the others are what ties them.
fn rings(env: Env<'_>, parts: &[KeyPart], names: &[String], max_shared: usize, way: &'static str) -> Frame {
    let ids = |k: usize| {
        let sides: Vec<Side<'_>> =
            parts.iter().map(|part| Side { rel: part.of, keys: part.keys.get(k..=k).unwrap_or_default(), among: part.among }).collect();
        group_rows(&pack(env, &sides))
    };
    let people = ids(0);
    let edges = (0..names.len())
        .map(|k| {
            let values = ids(k + 1);
            let both = people.of.iter().flatten().zip(values.of.iter().flatten());
            both.filter(|(who, value)| is_row(**who) && is_row(**value)).map(|(&who, &value)| (value, who)).collect()
        })
        .collect();
    let Components { of, rings } = components(people.groups, edges, max_shared);
    let labels = people.of.iter().map(|part| part.iter().map(|&who| if is_row(who) { of[who as usize] } else { who }).collect()).collect();
    let found = numbered(labels, rings.len());
    let rings: Vec<&crate::grouping::Ring> = found.labels.iter().map(|&ring| &rings[ring as usize]).collect();
    let n = rings.len();
    let tied = Bits::from_fn(n, |g| rings[g].size > 1);
    let number = |value: &dyn Fn(&crate::grouping::Ring) -> u64| Values::I64(rings.iter().map(|r| value(r) as i64).collect());
    let through: Vec<std::sync::Arc<str>> = rings.iter().map(|ring| in_words(names, &ring.values).into()).collect();
    let values = [
        number(&|r| r.size),
        number(&|r| r.ties),
        number(&|r| density(r.size, r.ties)),
        number(&|r| r.values.iter().sum()),
        number(&|r| r.values.iter().filter(|v| **v > 0).count() as u64),
        Values::Text(through),
    ];
    let columns = values
        .into_iter()
        .zip(RING_COLUMNS)
        .map(|(values, (name, ty))| {
            let valid = matches!(name, "density" | "through").then(|| tied.clone());
            let vector = Vector::new(values, ty).with_valid(valid);
            if ty == Type::Text(TextKind::Plain) { with_dictionary(vector) } else { vector }
        })
        .collect();
    found.frame(columns, way)
}

/// Ties of all pairs, in millionths, a half rounded up.
fn density(size: u64, ties: u64) -> u64 {
    let pairs = u128::from(size) * u128::from(size.saturating_sub(1)) / 2;
    if pairs == 0 { 0 } else { ((u128::from(ties) * 2_000_000 + pairs) / (2 * pairs)) as u64 }
}

/// `account 2, phone 1`: the kind with most values first.
fn in_words(names: &[String], values: &[u64]) -> String {
    let mut kinds: Vec<(&String, u64)> = names.iter().zip(values.iter().copied()).filter(|(_, n)| *n > 0).collect();
    kinds.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    kinds.into_iter().map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>().join(", ")
}
