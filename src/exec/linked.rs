//! Realises `Rel::Linked` by record linkage: hands the compared values to the linkage core and takes its clusters as groups.

use std::borrow::Cow;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::batch::Batch;
use super::build::concat;
use super::grouped::numbered;
use super::key::{CHUNK, chunked};
use super::nodes::{Frame, FrameKind};
use super::texts::with_dictionary;
use super::vector::{Values, Vector};
use super::{Env, MANY, NOKEY, NONE};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::linkage::{self, ClusterReview, Judgement, Linkage, Records, Run, Verdict};
use crate::plan::{KeyPart, LinkSpec};
use crate::schema::{TextKind, Type, format};
use crate::table::Bits;

/// Rows of one part that take part, in order.
fn rows_of(env: Env<'_>, part: &KeyPart) -> Vec<u32> {
    match part.among {
        None => (0..env.nodes.rows(&env, part.of) as u32).collect(),
        Some(among) => chunked(env, part.of, |start, batch| {
            let (yes, _) = batch.eval(among).truth(batch.len);
            yes.ones().map(|i| (start + i) as u32).collect::<Vec<u32>>()
        })
        .concat(),
    }
}

/// Values of field `field` of all rows of all parts, in chunks of at most `CHUNK` rows.
fn values(env: Env<'_>, parts: &[KeyPart], rows: &[Vec<u32>], field: usize) -> Vec<Vector<'static>> {
    let chunks: Vec<(&KeyPart, &[u32])> =
        parts.iter().zip(rows).flat_map(|(part, rows)| rows.chunks(CHUNK).map(move |r| (part, r))).collect();
    chunks
        .into_par_iter()
        .map(|(part, rows)| {
            let key = part.keys[field];
            let batch = Batch::list(env, part.of, rows.to_vec());
            concat([(&*batch.eval(key), rows.len())], env.graph.type_of(key))
        })
        .collect()
}

pub fn linked(env: Env<'_>, parts: &[KeyPart], by: &LinkSpec) -> Frame {
    let (parts, judged) = match parts.split_last() {
        Some((last, records)) if by.judged => (records, Some(last)),
        _ => (parts, None),
    };
    let rows: Vec<Vec<u32>> = parts.iter().map(|part| rows_of(env, part)).collect();
    let found = allowed(env, by, &rows).and_then(|()| link(env, parts, judged, by, &rows));
    let mut frame = match found {
        Ok((records, found)) => groups(env, parts, &rows, &records, &found),
        Err(problems) => {
            // The specification was checked with the rule; what is left are limits of size.
            let nobody = parts.iter().map(|part| vec![MANY; env.nodes.rows(&env, part.of)]).collect();
            let mut frame = numbered(nobody, 0).frame(vec![], "linkage");
            if let FrameKind::Linked { failed, .. } = &mut frame.kind {
                *failed = Some(told(problems));
            }
            frame
        }
    };
    // Judgements are of no group.
    if let (Some(part), FrameKind::Linked { group_of, firsts, .. }) = (judged, &mut frame.kind) {
        group_of.push(vec![NONE; env.nodes.rows(&env, part.of)]);
        firsts.push(vec![]);
    }
    frame
}

/// Whether so many records can be linked, before any is read.
fn allowed(env: Env<'_>, by: &LinkSpec, rows: &[Vec<u32>]) -> Result<(), linkage::Problems> {
    let total = rows.iter().map(Vec::len).sum::<usize>() as u64;
    let narrower = "link fewer records: narrow the rule with `among`, or the run with --region";
    // Groups and single records are numbered together.
    if total >= u64::from(NOKEY) / 2 {
        return Err(linkage::Problems::one(format!("{total} records are to be linked; {} is the most", NOKEY / 2 - 1), narrower));
    }
    let needed = linkage::bytes(&by.spec, total);
    match env.memory {
        Some(limit) if needed > limit => {
            let mib = |bytes: u64| bytes.div_ceil(1 << 20);
            let message = format!("linking {total} records would need about {} MiB, and {} MiB are allowed", mib(needed), mib(limit));
            Err(linkage::Problems::one(message, format!("allow more with --memory, or {narrower}")))
        }
        _ => Ok(()),
    }
}

fn told(problems: linkage::Problems) -> Diagnostics {
    let mut out = Diagnostics::default();
    problems.0.into_iter().for_each(|p| out.push(Diagnostic::error("linkage-size", p.message).help(p.help)));
    out
}

fn link(
    env: Env<'_>,
    parts: &[KeyPart],
    judged: Option<&KeyPart>,
    by: &LinkSpec,
    rows: &[Vec<u32>],
) -> Result<(Records, Linkage), linkage::Problems> {
    let total = rows.iter().map(Vec::len).sum();
    let mut builder = Records::builder(&by.spec, total)?;
    for field in 0..by.spec.fields.len() {
        let column = Cells::new(env, parts, rows, field);
        builder.column(field, |row| column.at(row));
    }
    if parts.len() > 1 {
        let first = rows[0].len();
        builder.side(|row| u8::from(row >= first));
    }
    let records = builder.finish();
    let judgements = judged.map_or_else(Vec::new, |judged| judgements(env, parts, judged, rows, by.spec.fields.len()));
    let found = linkage::link(&records, &by.spec, &Run { judgements: &judgements, ..Run::default() })?;
    for c in &found.contradictions {
        tracing::warn!(rows = ?c.chain, "judgements contradict each other: two records are judged different, and the same through others");
    }
    for message in &found.report.messages {
        tracing::info!(message, "linkage");
    }
    Ok((records, found))
}

/// Texts of one key of all rows that take part.
struct Cells {
    chunks: Vec<Vector<'static>>,
    /// The first row of each chunk.
    starts: Vec<usize>,
}

impl Cells {
    fn new(env: Env<'_>, parts: &[KeyPart], rows: &[Vec<u32>], key: usize) -> Self {
        let mut starts = vec![];
        let mut start = 0;
        for chunk in rows.iter().flat_map(|rows| rows.chunks(CHUNK)) {
            starts.push(start);
            start += chunk.len();
        }
        Cells { chunks: values(env, parts, rows, key), starts }
    }
    fn at(&self, row: usize) -> Option<Cow<'_, str>> {
        let chunk = self.starts.partition_point(|&s| s <= row) - 1;
        cell(&self.chunks[chunk], row - self.starts[chunk])
    }
}

/// What inspectors said about records that take part.
fn judgements(env: Env<'_>, parts: &[KeyPart], judged: &KeyPart, rows: &[Vec<u32>], key: usize) -> Vec<Judgement> {
    let names = Cells::new(env, parts, rows, key);
    let total = rows.iter().map(Vec::len).sum();
    let row_of: FxHashMap<String, u32> = (0..total).filter_map(|row| Some((names.at(row)?.into_owned(), row as u32))).collect();
    let said = [rows_of(env, judged)];
    let [a, b, verdict] = [0, 1, 2].map(|key| Cells::new(env, std::slice::from_ref(judged), &said, key));
    let one = |i: usize| {
        let verdict = match &*verdict.at(i)? {
            "same" => Verdict::Same,
            "different" => Verdict::Different,
            "unsure" => Verdict::Unsure,
            _ => return None,
        };
        let (a, b) = (*row_of.get(&*a.at(i)?)?, *row_of.get(&*b.at(i)?)?);
        (a != b).then_some(Judgement { a: a.min(b), b: a.max(b), verdict })
    };
    (0..said[0].len()).filter_map(one).collect()
}

fn cell<'v>(vector: &'v Vector<'static>, i: usize) -> Option<Cow<'v, str>> {
    if !vector.is_valid(i) {
        return None;
    }
    Some(match &vector.values {
        Values::Code(..) | Values::Text(_) => Cow::Borrowed(vector.text(i)),
        _ => Cow::Owned(format(&vector.value(i))),
    })
}

fn groups(env: Env<'_>, parts: &[KeyPart], rows: &[Vec<u32>], records: &Records, found: &Linkage) -> Frame {
    let total: usize = rows.iter().map(Vec::len).sum();
    // A row that nothing is linked to goes by its own number, after the clusters.
    let alone = found.clusters.len();
    let mut label: Vec<u32> = (0..total).map(|row| (alone + row) as u32).collect();
    for (c, cluster) in (0u32..).zip(&found.clusters) {
        cluster.rows.iter().for_each(|&row| label[row as usize] = c);
    }
    let mut start = 0;
    let mut labels = vec![];
    for (part, taken) in parts.iter().zip(rows) {
        let mut of = vec![NONE; env.nodes.rows(&env, part.of)];
        for (i, &row) in taken.iter().enumerate() {
            of[row as usize] = label[start + i];
        }
        start += taken.len();
        labels.push(of);
    }
    let groups = numbered(labels, alone + total);
    let columns = columns(records, found, &groups.labels);
    groups.frame(columns, "linkage")
}

/// The columns of `LINKED_COLUMNS`.
fn columns(records: &Records, found: &Linkage, cluster_of_group: &[u32]) -> Vec<Vector<'static>> {
    let n = cluster_of_group.len();
    let cluster = |g: usize| found.clusters.get(cluster_of_group[g] as usize);
    let linked = Bits::from_fn(n, |g| cluster(g).is_some());
    let weight: Vec<i64> = (0..n).map(|g| cluster(g).map_or(0, |c| i64::from(c.weakest))).collect();
    let probability = (0..n).map(|g| cluster(g).map_or(0, |c| (linkage::probability(c.weakest) * 1e6).round() as i64)).collect();
    let text = |value: Vec<String>, valid: Bits| {
        let values = Values::Text(value.into_iter().map(Into::into).collect());
        with_dictionary(Vector::new(values, Type::Text(TextKind::Plain)).with_valid(Some(valid)))
    };
    let agreement: Vec<String> =
        (0..n).into_par_iter().map(|g| cluster(g).map_or_else(String::new, |c| agreement(records, found, c.weakest_edge))).collect();
    let review: Vec<String> =
        (0..n).map(|g| cluster(g).map_or_else(String::new, |c| c.review.iter().map(reason).collect::<Vec<_>>().join(", "))).collect();
    let reviewed = Bits::from_fn(n, |g| !review[g].is_empty());
    vec![
        Vector::new(Values::I64(Cow::Owned(weight)), Type::Decimal(3)).with_valid(Some(linked.clone())),
        Vector::new(Values::I64(Cow::Owned(probability)), Type::Decimal(6)).with_valid(Some(linked.clone())),
        text(agreement, linked),
        text(review, reviewed),
    ]
}

/// What agrees in the weakest link of a group.
fn agreement(records: &Records, found: &Linkage, edge: (u32, u32)) -> String {
    linkage::explain(records, found, edge.0, edge.1).map_or_else(String::new, |e| e.sentence())
}

fn reason(review: &ClusterReview) -> &'static str {
    match review {
        ClusterReview::Large => "large",
        ClusterReview::Bridge => "bridge",
        ClusterReview::Contradiction => "contradiction",
    }
}
