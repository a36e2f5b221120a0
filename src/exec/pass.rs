//! One pass over a relation for all rules whose units are its rows: outcome and money of each unit, flagged rows kept.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use super::batch::{Batch, Ids, Reached};
use super::key::chunked;
use super::set::Owned;
use super::{Env, Vector};
use crate::check::{Reason, Register};
use crate::plan::{ExprId, RelId};
use crate::table::Bits;

const PAIRS_AT_ONCE: usize = 1 << 20;

/// What one rule asks of each unit. All expressions are in the frame of the units.
pub struct UnitJob<'j> {
    /// The population is where all are true.
    pub population: Vec<ExprId>,
    /// Not true: not assessable, with the reason.
    pub preconditions: Vec<(ExprId, Reason)>,
    /// Units whose record failed an integrity rule.
    pub failed: Option<Arc<Bits>>,
    pub flag: JobFlag<'j>,
    /// Money of a unit (fen), where a rule states it for all units.
    pub amount: Option<ExprId>,
    /// Look-ups of parameters and arithmetic: units that cannot be assessed and for which they give no value are counted.
    pub watched: Vec<ExprId>,
}

pub enum JobFlag<'j> {
    Row(ExprId),
    Pairs(&'j [Register]),
}

/// Units and money of one outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub units: u64,
    pub money: i128,
}

impl Tally {
    fn add(&mut self, money: i64) {
        self.units += 1;
        self.money += i128::from(money);
    }
    fn merge(&mut self, other: Tally) {
        self.units += other.units;
        self.money += other.money;
    }
}

pub const REASONS: [Reason; 7] = [
    Reason::Unreadable,
    Reason::NotCovered,
    Reason::NotDue,
    Reason::FailedIntegrity,
    Reason::MissingValue,
    Reason::TooFew,
    Reason::NotApplicable,
];

fn place(reason: Reason) -> usize {
    REASONS.iter().position(|&r| r == reason).unwrap_or(0)
}

/// What became of the units of one rule. `flagged + clear + reasons = population`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitResult {
    /// Flagged units, ascending.
    pub flagged: Vec<u32>,
    pub population: Tally,
    pub flagged_tally: Tally,
    pub clear: Tally,
    /// By position in [`REASONS`].
    pub reasons: [Tally; REASONS.len()],
    /// Per watched expression: units (or pairs with a register's row) that could not be assessed and for which it has no value though all it
    /// is made of has one.
    pub gaps: Vec<u64>,
}

/// Result of all jobs over one relation.
pub type Pass = Vec<UnitResult>;

/// State of a unit as a pass goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Code {
    Out,
    Flagged,
    Clear,
    Not(Reason),
}

fn unknown(vector: &Vector<'_>, i: usize) -> Reason {
    if vector.is_bad(i) {
        Reason::Unreadable
    } else if vector.is_uncovered(i) {
        Reason::NotCovered
    } else {
        Reason::MissingValue
    }
}

/// Runs all jobs over the rows of `rel`.
pub fn run_pass(env: Env<'_>, rel: RelId, jobs: &[UnitJob<'_>]) -> Pass {
    let parts = chunked(env, rel, |start, batch| jobs.iter().map(|job| judge(batch, start, job)).collect::<Vec<UnitResult>>());
    let mut total: Pass = jobs.iter().map(|_| UnitResult::default()).collect();
    for part in parts {
        for (sum, one) in total.iter_mut().zip(part) {
            sum.flagged.extend(one.flagged);
            sum.population.merge(one.population);
            sum.flagged_tally.merge(one.flagged_tally);
            sum.clear.merge(one.clear);
            sum.gaps.resize(one.gaps.len(), 0);
            sum.gaps.iter_mut().zip(one.gaps).for_each(|(a, b)| *a += b);
            for (a, b) in sum.reasons.iter_mut().zip(one.reasons) {
                a.merge(b);
            }
        }
    }
    total
}

/// What becomes of one row of `rel`.
pub fn judge_unit(env: Env<'_>, rel: RelId, row: u32, job: &UnitJob<'_>) -> UnitResult {
    judge(&Batch::list(env, rel, vec![row]), row as usize, job)
}

fn judge(batch: &Batch<'_>, start: usize, job: &UnitJob<'_>) -> UnitResult {
    let len = batch.len;
    let mut result = UnitResult { gaps: vec![0; job.watched.len()], ..UnitResult::default() };
    let population: Vec<_> = job.population.iter().map(|&e| batch.eval(e)).collect();
    // Fast way for most rules and most chunks: everything known, nothing but true and false.
    let mut inside = Bits::new(len, true);
    let mut doubtful = Bits::new(len, false);
    for vector in &population {
        let (yes, no) = vector.truth(len);
        doubtful = doubtful.or(&yes.or(&no).not());
        inside = inside.zip(&no, |i, n| i & !n);
    }
    doubtful = doubtful.and(&inside);
    if !inside.any() {
        return result;
    }
    let mut not: Vec<(usize, Reason)> = vec![];
    for i in doubtful.ones() {
        let reason = population.iter().find(|v| !v.is_valid(i)).map_or(Reason::MissingValue, |v| unknown(v, i));
        not.push((i, reason));
    }
    let mut open = inside.zip(&doubtful, |i, d| i & !d);
    if let Some(failed) = &job.failed {
        let stop = open.and(&failed.slice(start, len));
        not.extend(stop.ones().map(|i| (i, Reason::FailedIntegrity)));
        open = open.zip(&stop, |o, s| o & !s);
    }
    for &(holds, reason) in &job.preconditions {
        if !open.any() {
            break;
        }
        let vector = batch.eval(holds);
        let (yes, _) = vector.truth(len);
        let stop = open.zip(&yes, |o, y| o & !y);
        not.extend(stop.ones().map(|i| (i, if vector.is_bad(i) { Reason::Unreadable } else { reason })));
        open = open.and(&yes);
    }
    let mut flagged = Bits::new(len, false);
    let mut clear = Bits::new(len, false);
    match &job.flag {
        JobFlag::Row(flag) if open.any() => {
            let vector = batch.eval(*flag);
            let (yes, no) = vector.truth(len);
            flagged = open.and(&yes);
            clear = open.and(&no);
            let left = open.zip(&yes.or(&no), |o, k| o & !k);
            not.extend(left.ones().map(|i| (i, unknown(&vector, i))));
        }
        JobFlag::Row(_) => {}
        JobFlag::Pairs(registers) => {
            let units: Vec<usize> = open.ones().collect();
            let codes = judge_pairs(batch, &units, registers, &job.watched, &mut result.gaps);
            for (&i, code) in units.iter().zip(codes) {
                match code {
                    Code::Flagged => flagged.set(i, true),
                    Code::Clear | Code::Out => clear.set(i, true),
                    Code::Not(reason) => not.push((i, reason)),
                }
            }
        }
    }
    let mut undecided = Bits::new(len, false);
    not.iter().for_each(|(i, _)| undecided.set(*i, true));
    for (&id, gaps) in job.watched.iter().zip(&mut result.gaps) {
        if undecided.any() && batch.env.graph.reads(id) & !1 == 0 {
            *gaps = gaps_of(batch, id, &undecided);
        }
    }
    result.flagged = flagged.ones().map(|i| (start + i) as u32).collect();
    match job.amount {
        None => {
            result.population.units = inside.count_ones() as u64;
            result.flagged_tally.units = result.flagged.len() as u64;
            result.clear.units = clear.count_ones() as u64;
            for (_, reason) in not {
                result.reasons[place(reason)].units += 1;
            }
        }
        Some(amount) => {
            let vector = batch.eval(amount);
            let money = |i: usize| if vector.is_valid(i) { vector.number(i) } else { 0 };
            inside.ones().for_each(|i| result.population.add(money(i)));
            flagged.ones().for_each(|i| result.flagged_tally.add(money(i)));
            clear.ones().for_each(|i| result.clear.add(money(i)));
            for (i, reason) in not {
                result.reasons[place(reason)].add(money(i));
            }
        }
    }
    result
}

/// Units of `inside` for which `id` has no value though its arguments have.
pub(super) fn gaps_of(batch: &Batch<'_>, id: ExprId, inside: &Bits) -> u64 {
    let vector = batch.eval(id);
    let Some(valid) = vector.valid_bits(batch.len) else { return 0 };
    let mut without = inside.zip(&valid, |i, v| i & !v);
    for argument in batch.env.graph.get(id).args() {
        if let Some(valid) = batch.eval(argument).valid_bits(batch.len) {
            without = without.and(&valid);
        }
    }
    without.count_ones() as u64
}

/// A register's row that a unit was paired with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairFlag {
    /// Position in the units asked about, and in the registers.
    pub unit: usize,
    pub register: usize,
    pub rung: usize,
    pub row: u32,
    /// `None`: unknown.
    pub flagged: Option<bool>,
    why: Option<Reason>,
}

/// The pairs of the units `units` (positions in the batch) with one register, by the first rung of its ladder that finds rows,
/// and what becomes of units that have none.
fn pairs<'e>(
    batch: &Batch<'e>,
    units: &[usize],
    number: usize,
    register: &Register,
    look: &mut dyn FnMut(&Batch<'e>, &Bits),
) -> (Vec<PairFlag>, Vec<(usize, Code)>) {
    let env = batch.env;
    let unit_rows = &batch.slots[0].ids;
    let keys: Vec<Vec<_>> = register.keys.iter().map(|rung| rung.iter().map(|&k| batch.eval(k)).collect()).collect();
    let covered = register.covered.map(|e| batch.eval(e));
    let covered = covered.map(|c| c.truth(batch.len).0);
    let mut found = vec![];
    let mut without = vec![];
    for (position, &i) in units.iter().enumerate() {
        let mut any_key = false;
        let mut unreadable = false;
        let mut hit = false;
        for (rung, (set, _)) in register.rungs.iter().enumerate() {
            let Some(index) = env.nodes.set(*set) else { continue };
            match index.of(unit_rows.get(i)) {
                Owned::Stretch(from, to) => {
                    any_key |= keys.get(rung).is_none_or(|keys| keys.iter().all(|k| k.is_valid(i)));
                    hit = from < to;
                    found.extend((from..to).map(|place| (position, rung, index.member(place))));
                }
                Owned::Unreadable => unreadable = true,
                Owned::Unknown => {}
            }
            if hit {
                break;
            }
        }
        if !hit {
            let code = if unreadable {
                Code::Not(Reason::Unreadable)
            } else if !any_key {
                Code::Not(Reason::MissingValue)
            } else if covered.as_ref().is_some_and(|c| !c.get(i)) {
                Code::Not(Reason::NotCovered)
            } else {
                Code::Clear
            };
            without.push((position, code));
        }
    }
    let Some(rel) = register.rungs.first().map(|(set, _)| env.member_rel(*set)) else { return (vec![], without) };
    let mut flags = Vec::with_capacity(found.len());
    for found in found.chunks(PAIRS_AT_ONCE) {
        let left: Vec<u32> = found.iter().map(|&(position, _, _)| unit_rows.get(units[position])).collect();
        let right: Vec<u32> = found.iter().map(|&(_, _, row)| row).collect();
        let slot = |rel, rows| Reached { rel, ids: Rc::new(Ids::List(Cow::Owned(rows))) };
        let pair = Batch::new(env, vec![slot(batch.slots[0].rel, left), slot(rel, right)]);
        let vector = pair.eval(register.flag);
        let (yes, no) = vector.truth(pair.len);
        look(&pair, &yes.or(&no).not());
        for (k, &(position, rung, row)) in found.iter().enumerate() {
            let flagged = if yes.get(k) {
                Some(true)
            } else if no.get(k) {
                Some(false)
            } else {
                None
            };
            let why = flagged.is_none().then(|| unknown(&vector, k));
            flags.push(PairFlag { unit: position, register: number, rung, row, flagged, why });
        }
    }
    (flags, without)
}

/// Flagged by any pair of any register; else unknown by any; else clear.
fn judge_pairs(batch: &Batch<'_>, units: &[usize], registers: &[Register], watched: &[ExprId], gaps: &mut [u64]) -> Vec<Code> {
    let mut codes = vec![Code::Out; units.len()];
    let mut raise = |position: usize, code: Code| {
        let now = &mut codes[position];
        *now = match (*now, code) {
            (Code::Flagged, _) | (_, Code::Flagged) => Code::Flagged,
            (Code::Not(reason), _) => Code::Not(reason),
            (_, code) => code,
        };
    };
    for (number, register) in registers.iter().enumerate() {
        let (found, without) = pairs(batch, units, number, register, &mut |pair, unknown| {
            for (&id, gaps) in watched.iter().zip(&mut *gaps) {
                // What reads the register's row is there for pairs alone.
                if pair.env.graph.reads(id) >> 1 & 1 == 1 {
                    *gaps += gaps_of(pair, id, unknown);
                }
            }
        });
        for (position, code) in without {
            raise(position, code);
        }
        for pair in found {
            raise(
                pair.unit,
                match pair.flagged {
                    Some(true) => Code::Flagged,
                    Some(false) => Code::Clear,
                    None => Code::Not(pair.why.unwrap_or(Reason::MissingValue)),
                },
            );
        }
    }
    codes
}

/// All pairs of the units `rows` of `rel` with the registers.
pub fn pairs_of(env: Env<'_>, rel: RelId, rows: &[u32], registers: &[Register]) -> Vec<PairFlag> {
    let batch = Batch::list(env, rel, rows.to_vec());
    let units: Vec<usize> = (0..rows.len()).collect();
    registers.iter().enumerate().flat_map(|(number, register)| pairs(&batch, &units, number, register, &mut |_, _| {}).0).collect()
}
