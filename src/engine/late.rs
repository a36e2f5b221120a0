//! The second pass: for flagged units only, everything a finding says.

use std::borrow::Cow;
use std::io;
use std::rc::Rc;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::deliver::Records;
use super::evidence::{self, EvidencePlan, RecordUse};
use super::finding::identify;
use super::identity::Identity;
use super::judge::shown;
use super::needs::{expressions, flag_expressions, frames};
use super::shape::{InColumns, Names, Shapes};
use super::{Options, Prepared};
use crate::check::{Flag, UnitKind};
use crate::exec::{Batch, Env, Ids, PairFlag, Reached, Vector, pairs_of};
use crate::finding::{
    Batch as Kept, Brief, Drawer, ExemptionCheck, ExemptionResult, Figure, Finding, Message, Name, Packer, ParameterUse, Piece, Severity,
    Subject,
};
use crate::plan::{Catalog, Expr, ExprId, Graph, Part, RelId};
use crate::project::{Lookup, Project};
use crate::rule::{Rule, SayPiece};
use crate::schema::Value;

const AT_ONCE: usize = 2048;

/// What late evaluation of one rule needs besides the rule.
pub struct LateJob<'j> {
    pub rule: &'j Rule,
    /// Per exemption: the flag without dropped records.
    pub without_dropped: &'j [Option<ExprId>],
    /// Per frame (register): evidence.
    pub plans: Vec<EvidencePlan>,
    pub frames: Vec<Vec<RelId>>,
    /// Parameters that the rule's own expressions look up.
    pub parameters: Vec<ExprId>,
    pub evidence_rows: usize,
    pub names: &'j Names,
    /// Key of the hashes.
    pub secret: &'j [u8; 32],
    pub drawer: &'j Drawer,
}

impl<'j> LateJob<'j> {
    /// Of the rule at `position`.
    pub fn new(
        graph: &Graph,
        prepared: &'j Prepared,
        position: usize,
        rule: &'j Rule,
        names: &'j Names,
        options: &'j Options<'_>,
        drawer: &'j Drawer,
    ) -> Self {
        let frames = frames(graph, &prepared.catalog, &rule.check);
        let mut own = flag_expressions(&rule.check);
        own.extend(expressions(rule));
        LateJob {
            rule,
            without_dropped: &prepared.without_dropped[position],
            plans: evidence::plans(graph, &prepared.catalog, &rule.check, &frames, &shown(rule)),
            parameters: parameters(graph, &own),
            frames,
            evidence_rows: options.evidence_rows,
            names,
            secret: &options.secret,
            drawer,
        }
    }
}

/// The exemptions of a unit, and whether they exempt it.
type Exemptions = (Vec<ExemptionCheck>, bool);

/// A finding without key, records hash and evidence, and the records that are its evidence.
pub type Draft = (Finding, Vec<RecordUse>);

/// Findings of some units as they are kept, all but their cells as delivered.
pub struct Packed {
    pub batch: Kept,
    pub briefs: Vec<Brief>,
    pub records: Records,
}

/// Parameter look-ups in the frame of `exprs` (not those inside aggregates, which are made per member).
pub fn parameters(graph: &Graph, exprs: &[ExprId]) -> Vec<ExprId> {
    let mut out = vec![];
    let mut todo: Vec<ExprId> = exprs.iter().rev().copied().collect();
    let mut seen = rustc_hash::FxHashSet::default();
    while let Some(id) = todo.pop() {
        if !seen.insert(id) {
            continue;
        }
        let expr = graph.get(id);
        if matches!(expr, Expr::Parameter { .. }) {
            out.push(id);
        }
        todo.extend(expr.args());
    }
    out
}

/// Findings of the flagged units `rows`, in their order.
///
/// # Errors
/// There is no room to keep them.
pub fn findings(env: Env<'_>, project: &Project, job: &LateJob<'_>, rows: &[u32]) -> io::Result<Vec<Packed>> {
    let packed = |rows: &[u32]| {
        let (mut packer, mut records) = (Packer::default(), Records::default());
        let mut shapes = Shapes::new(env.catalog, job.names, env.tables);
        let keys = identity_keys(env, job.rule, rows);
        for (i, (mut finding, used)) in chunk(env, project, job, rows, &mut shapes).into_iter().enumerate() {
            let evidence: Vec<InColumns> = used.iter().map(|record| shapes.record(*record)).collect();
            identify(job.secret, &mut finding, &evidence, keys.as_ref().map(|keys| (&keys[..], i)));
            packer.push(&finding, &evidence);
            records.push(&used);
        }
        let (batch, briefs) = packer.finish(job.drawer)?;
        Ok(Packed { batch, briefs, records: records.shaped(&shapes) })
    };
    rows.par_chunks(AT_ONCE).map(packed).collect()
}

/// Keys of the units that are groups; none for records.
fn identity_keys<'e>(env: Env<'e>, rule: &Rule, rows: &[u32]) -> Option<Vec<Rc<Vector<'e>>>> {
    let check = &rule.check;
    matches!(check.kind, UnitKind::Group | UnitKind::Area | UnitKind::KeyPeriod).then(|| {
        let batch = Batch::list(env, check.rel, rows.to_vec());
        check.identity.iter().map(|&e| batch.eval(e)).collect()
    })
}

/// The findings of the units `rows`.
pub fn chunk<'a>(env: Env<'_>, project: &Project, job: &'a LateJob<'_>, rows: &[u32], shapes: &mut Shapes<'a>) -> Vec<Draft> {
    let check = &job.rule.check;
    match &check.flag {
        Flag::Row(_) => {
            let batch = Batch::list(env, check.rel, rows.to_vec());
            let exemptions = exemptions_of_rows(&batch, job);
            drafts(&batch, project, job, 0, exemptions, &vec![vec![]; rows.len()], shapes)
        }
        Flag::Pairs(registers) => {
            let flagged: Vec<PairFlag> =
                pairs_of(env, check.rel, rows, registers).into_iter().filter(|p| p.flagged == Some(true)).collect();
            let mut of_unit: Vec<Vec<PairFlag>> = vec![vec![]; rows.len()];
            for pair in &flagged {
                of_unit[pair.unit].push(*pair);
            }
            let exemptions = exemptions_of_pairs(env, job, rows, &flagged);
            // The strongest pair speaks: first register, first rung, first row.
            let mut out: Vec<Option<Draft>> = (0..rows.len()).map(|_| None).collect();
            for (number, frame) in job.frames.iter().enumerate() {
                let speaking: Vec<(usize, PairFlag)> = of_unit
                    .iter()
                    .enumerate()
                    .filter_map(|(unit, pairs)| Some((unit, *pairs.iter().min_by_key(|p| (p.register, p.rung, p.row))?)))
                    .filter(|(_, pair)| pair.register == number)
                    .collect();
                if speaking.is_empty() {
                    continue;
                }
                let left = speaking.iter().map(|(unit, _)| rows[*unit]).collect();
                let right = speaking.iter().map(|(_, pair)| pair.row).collect();
                let batch = pair_batch(env, check.rel, left, frame[1], right);
                let exempt = speaking.iter().map(|(unit, _)| exemptions[*unit].clone()).collect();
                let others: Vec<Vec<PairFlag>> = speaking
                    .iter()
                    .map(|(unit, pair)| {
                        of_unit[*unit].iter().filter(|p| (p.register, p.row) != (pair.register, pair.row)).copied().collect()
                    })
                    .collect();
                for ((unit, _), draft) in speaking.iter().zip(drafts(&batch, project, job, number, exempt, &others, shapes)) {
                    out[*unit] = Some(draft);
                }
            }
            out.into_iter().flatten().collect()
        }
    }
}

fn pair_batch<'e>(env: Env<'e>, left: RelId, units: Vec<u32>, right: RelId, rows: Vec<u32>) -> Batch<'e> {
    let slot = |rel, rows| Reached { rel, ids: Rc::new(Ids::List(Cow::Owned(rows))) };
    Batch::new(env, vec![slot(left, units), slot(right, rows)])
}

fn result(vector: &Vector<'_>, i: usize) -> ExemptionResult {
    match vector.is_valid(i) {
        true if vector.number(i) != 0 => ExemptionResult::Holds,
        true => ExemptionResult::DoesNotHold,
        false => ExemptionResult::Unknown,
    }
}

fn exemptions_of_rows(batch: &Batch<'_>, job: &LateJob<'_>) -> Vec<Exemptions> {
    let mut out = vec![vec![]; batch.len];
    for (exemption, flag) in job.rule.exempt.iter().zip(job.without_dropped) {
        let results: Vec<ExemptionResult> = if exemption.drop {
            // The unit's own record may be the one to leave out, or the rest may no longer be enough.
            let own = job.frames.first().and_then(|f| f.first()).copied();
            let member = job.rule.check.members.first().map(|m| batch.env.member_rel(m.set));
            let itself = (own.is_some() && own == member).then(|| {
                let rows = batch.reach(&crate::plan::RowRef::slot(0));
                let pair = Batch::new(batch.env, vec![rows.clone(), rows]);
                (*pair.eval(exemption.when)).clone()
            });
            let left = flag.map(|flag| batch.eval(flag));
            (0..batch.len)
                .map(|i| {
                    let gone = itself.as_ref().is_some_and(|v| result(v, i) == ExemptionResult::Holds);
                    let cleared = left.as_ref().is_some_and(|v| result(v, i) == ExemptionResult::DoesNotHold);
                    if gone || cleared { ExemptionResult::Holds } else { ExemptionResult::DoesNotHold }
                })
                .collect()
        } else {
            let vector = batch.eval(exemption.when);
            (0..batch.len).map(|i| result(&vector, i)).collect()
        };
        for (checks, result) in out.iter_mut().zip(results) {
            checks.push(ExemptionCheck { says: exemption.says.clone(), result });
        }
    }
    out.into_iter()
        .map(|checks: Vec<ExemptionCheck>| {
            let exempt = checks.iter().any(|c| c.result == ExemptionResult::Holds);
            (checks, exempt)
        })
        .collect()
}

/// An exemption holds for a unit when it holds for each of its flagged pairs.
fn exemptions_of_pairs(env: Env<'_>, job: &LateJob<'_>, rows: &[u32], flagged: &[PairFlag]) -> Vec<Exemptions> {
    let exempt = &job.rule.exempt;
    let mut holds: Vec<Vec<Option<ExemptionResult>>> = vec![vec![None; exempt.len()]; rows.len()];
    // Whether each flagged pair of a unit is covered by one exemption or another.
    let mut covered: Vec<bool> = vec![true; rows.len()];
    for (number, frame) in job.frames.iter().enumerate() {
        let pairs: Vec<&PairFlag> = flagged.iter().filter(|p| p.register == number).collect();
        if pairs.is_empty() {
            continue;
        }
        let left = pairs.iter().map(|p| rows[p.unit]).collect();
        let batch = pair_batch(env, job.rule.check.rel, left, frame[1], pairs.iter().map(|p| p.row).collect());
        let vectors: Vec<_> = exempt.iter().map(|e| batch.eval(e.when)).collect();
        for (i, pair) in pairs.iter().enumerate() {
            let mut any = false;
            for (k, vector) in vectors.iter().enumerate() {
                let one = result(vector, i);
                any |= one == ExemptionResult::Holds;
                let all = &mut holds[pair.unit][k];
                *all = Some(match (*all, one) {
                    (None, one) => one,
                    (Some(ExemptionResult::DoesNotHold), _) | (_, ExemptionResult::DoesNotHold) => ExemptionResult::DoesNotHold,
                    (Some(ExemptionResult::Unknown), _) | (_, ExemptionResult::Unknown) => ExemptionResult::Unknown,
                    _ => ExemptionResult::Holds,
                });
            }
            covered[pair.unit] &= any;
        }
    }
    holds
        .into_iter()
        .zip(covered)
        .map(|(results, covered)| {
            let checks: Vec<ExemptionCheck> = exempt
                .iter()
                .zip(results)
                .map(|(e, result)| ExemptionCheck { says: e.says.clone(), result: result.unwrap_or(ExemptionResult::Unknown) })
                .collect();
            // Different exemptions may speak for different pairs: together they cover all of them.
            (checks, covered && !exempt.is_empty())
        })
        .collect()
}

/// Values of the expressions a finding shows, for one row of the batch.
struct Shown<'v, 'e> {
    batch: &'v Batch<'e>,
    vectors: std::cell::RefCell<FxHashMap<ExprId, Rc<Vector<'e>>>>,
}

impl Shown<'_, '_> {
    fn pieces(&self, pieces: &[SayPiece], i: usize) -> Vec<Piece> {
        let piece = |piece: &SayPiece| match piece {
            SayPiece::Text(text) => Piece::Text(text.clone()),
            SayPiece::Value(id) => Piece::Value(self.value(*id, i)),
        };
        pieces.iter().map(piece).collect()
    }
    fn value(&self, id: ExprId, i: usize) -> Value {
        let known = self.vectors.borrow().get(&id).cloned();
        let vector = known.unwrap_or_else(|| {
            let vector = self.batch.eval(id);
            self.vectors.borrow_mut().insert(id, vector.clone());
            vector
        });
        vector.value(i)
    }
}

fn drafts<'a>(
    batch: &Batch<'_>,
    project: &Project,
    job: &'a LateJob<'_>,
    frame: usize,
    exemptions: Vec<Exemptions>,
    others: &[Vec<PairFlag>],
    shapes: &mut Shapes<'a>,
) -> Vec<Draft> {
    let rule = job.rule;
    let shown = Shown { batch, vectors: Default::default() };
    let graph = batch.env.graph;
    let texts = |parts: Vec<Part>| {
        parts.into_iter().map(|part| match part {
            Part::Text(text) => SayPiece::Text(text.as_str().into()),
            Part::Value(id) => SayPiece::Value(id),
        })
    };
    let figures: Vec<(&Name, ExprId, Option<Vec<SayPiece>>)> =
        rule.figures.iter().map(|(name, id)| (name, *id, graph.arithmetic(*id).map(|parts| texts(parts).collect()))).collect();
    let name = Name::from(rule.text.id.as_str());
    let records = job.plans[frame].records(batch, job.evidence_rows, shapes);
    let unchecked = rule.unchecked.iter().map(|u| ExemptionCheck { says: u.says.clone(), result: ExemptionResult::NotDelivered });
    let unchecked: Vec<ExemptionCheck> = unchecked.collect();
    exemptions
        .into_iter()
        .zip(records)
        .enumerate()
        .map(|(i, ((mut exemptions, exempt), (mut records, evidence_omitted)))| {
            exemptions.extend_from_slice(&unchecked);
            for pair in &others[i] {
                if let Some(plan) = job.plans.get(pair.register) {
                    evidence::add_pair(&mut records, plan, pair.row, shapes);
                }
            }
            let optional = |id: Option<ExprId>| id.map(|id| shown.value(id, i)).filter(|v| *v != Value::Null);
            let severity = rule
                .severity
                .iter()
                .find(|(_, when)| when.is_none_or(|when| shown.value(when, i) == Value::Bool(true)))
                .map_or(Severity::Info, |(severity, _)| *severity);
            let mut message = Message::new();
            for (language, pieces) in &rule.say {
                message.insert(language.clone(), shown.pieces(pieces, i));
            }
            let mut flag = Identity::new(job.secret, "flag");
            flag.text(&rule.text.id);
            for &id in &rule.decisive {
                flag.value(&shown.value(id, i));
            }
            let finding = Finding {
                key: String::new(),
                records_hash: String::new(),
                flag_hash: flag.hex(),
                rule: name.clone(),
                severity,
                subjects: rule
                    .subjects
                    .iter()
                    .map(|(entity, id)| Subject { entity: entity.clone(), value: shown.value(*id, i) })
                    .filter(|s| s.value != Value::Null)
                    .collect(),
                region: optional(rule.region).and_then(|v| if let Value::Region(code) = v { Some(code) } else { None }),
                date: optional(rule.date).and_then(|v| if let Value::Date(day) = v { Some(day) } else { None }),
                period: optional(rule.check.period),
                amount: optional(rule.amount).and_then(|v| if let Value::Money(fen) = v { Some(fen) } else { None }),
                measure: optional(rule.measure),
                message,
                exempt,
                exemptions,
                figures: figures
                    .iter()
                    .map(|(name, id, terms)| Figure {
                        name: (*name).clone(),
                        value: shown.value(*id, i),
                        arithmetic: terms.as_ref().map(|terms| shown.pieces(terms, i)),
                    })
                    .collect(),
                parameters: used_parameters(batch.env.catalog, project, &shown, &job.parameters, i),
                evidence: vec![],
                evidence_omitted,
            };
            (finding, records)
        })
        .collect()
}

fn used_parameters(catalog: &Catalog, project: &Project, shown: &Shown<'_, '_>, parameters: &[ExprId], i: usize) -> Vec<ParameterUse> {
    let mut out: Vec<ParameterUse> = parameters
        .iter()
        .filter_map(|&id| {
            let Expr::Parameter { parameter, args, at, place } = shown.batch.env.graph.get(id) else { return None };
            let def = &catalog.parameters[parameter.index()];
            let keys: Vec<Value> = args.iter().map(|&a| crate::exec::as_key(shown.value(a, i))).collect();
            let at = at.map(|e| shown.value(e, i)).and_then(|v| if let Value::Date(day) = v { Some(day) } else { None });
            let place = place.map(|e| shown.value(e, i)).and_then(|v| if let Value::Region(code) = v { Some(code) } else { None });
            match project.parameters.get(&def.name)?.lookup(&keys, place, at, &project.regions) {
                Lookup::Found(entry) => Some(ParameterUse {
                    name: def.name.as_str().into(),
                    keys,
                    value: entry.value.clone(),
                    region: entry.region,
                    valid_from: entry.valid_from,
                    valid_to: entry.valid_to,
                    source: entry.source.as_str().into(),
                }),
                Lookup::Gap => None,
            }
        })
        .collect();
    out.sort();
    out.dedup();
    out
}
