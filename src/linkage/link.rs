//! The whole run: fit (or take a model), weigh, draw the line, cluster.

use rustc_hash::FxHashMap;

use super::assumed;
use super::block::{EVERYTHING, Keys};
use super::classes;
use super::cluster::{self, Guards, Union, key};
use super::compare::Comparer;
use super::em;
use super::frequency::{self, Counts, Frequencies};
use super::judge::{Judged, judge};
use super::model::{Class, ClassModel, FieldModel, LevelModel, MODEL_VERSION, Model};
use super::outcome::{Band, Cluster, CurvePoint, Judgement, Linkage, Pair, Refused, Report, Verdict, probability};
use super::pairs::{Meeting, Trace};
use super::parameters::Parameters;
use super::problem::Problems;
use super::records::Records;
use super::score::{self, Candidate, Scorer};
use super::spec::{Accept, Kind, Spec};

/// Matching pairs per record that are assumed before the first fit.
const DOUBLES: f64 = 0.25;

/// A pair whose truth is known, to learn m from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    pub a: u32,
    pub b: u32,
    pub same: bool,
}

/// What a run brings along.
#[derive(Debug, Clone, Copy, Default)]
pub struct Run<'a> {
    /// Weighs by this model instead of fitting one.
    pub model: Option<&'a Model>,
    pub judgements: &'a [Judgement],
    /// For fitting, and for the curve over them.
    pub labels: &'a [Label],
}

/// What an earlier run leaves to a later one over records most of which are the same.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// Model of the earlier run.
    pub model: &'a Model,
    /// Its pairs, by the rows of the later run; pairs of rows that are no more, or are not the same, left out.
    pub pairs: &'a [Pair],
    /// For each row of the later run: whether all that is known of it is the same as in the earlier.
    pub same: &'a [bool],
}

/// Fits a model and gives it back with its report: classes, levels, convergence, curve. The same as the model of [`link`].
pub fn train(records: &Records, spec: &Spec, labels: &[Label]) -> Result<Model, Problems> {
    link(records, spec, &Run { labels, ..Run::default() }).map(|linkage| linkage.model)
}

/// Finds pairs and clusters. With a model, its specification counts and `spec` only has to have the same fields.
pub fn link(records: &Records, spec: &Spec, run: &Run) -> Result<Linkage, Problems> {
    spec.check()?;
    if spec.fields.iter().map(|f| f.kind).ne(records.slots.iter().map(|s| s.kind)) {
        return Err(Problems::one("the records were built from other fields", "build them from this specification"));
    }
    let judged = judge(records, run.judgements)?;
    match run.model {
        Some(model) => {
            if model.spec.fields != spec.fields {
                return Err(Problems::one("the model was fitted on other fields", "train again, or use the specification of the model"));
            }
            let comparer = Comparer::new(&model.spec, records);
            let keys = Keys::build(&model.spec, records, &comparer, Some(&model.keys));
            weigh(records, model.clone(), &keys, &comparer, &judged, run.labels, None)
        }
        None => {
            let comparer = Comparer::new(spec, records);
            let keys = Keys::build(spec, records, &comparer, None);
            let (model, compared) = fit(records, spec, &keys, &comparer, run.labels)?;
            weigh(records, model, &keys, &comparer, &judged, run.labels, Some((spec, compared)))
        }
    }
}

/// Links records most of which were linked before: only pairs with a record that is new or not the same are compared. The result equals [`link`] over
/// all records with the kept model, but for `pairs_compared`, which counts what was compared now.
pub fn update(records: &Records, kept: &Kept, run: &Run) -> Result<Linkage, Problems> {
    let model = kept.model;
    let run = Run { model: Some(model), ..*run };
    if model.spec.fields.iter().map(|f| f.kind).ne(records.slots.iter().map(|s| s.kind)) || kept.same.len() != records.len() {
        return Err(Problems::one("what was kept is not about these records", "link all of them again"));
    }
    let comparer = Comparer::new(&model.spec, records);
    let keys = Keys::build(&model.spec, records, &comparer, Some(&model.keys));
    if keys.outgrown {
        return link(records, &model.spec, &run);
    }
    let judged = judge(records, run.judgements)?;
    let parameters = Parameters::of(model);
    let frequencies = Frequencies::new(records, &comparer, &model.fields);
    let scorer = Scorer { records, comparer: &comparer, parameters: &parameters, frequencies: &frequencies };
    let review = model.spec.limits.review;
    let (mut candidates, compared) = scorer.candidates(&keys, kept.same, review);
    for pair in kept.pairs.iter().filter(|p| p.mask != 0 && p.weight >= review) {
        let (x, y) = (records.at[pair.a as usize], records.at[pair.b as usize]);
        candidates.push(Candidate { a: x.min(y), b: x.max(y), weight: pair.weight, mask: pair.mask, pattern: pair.pattern });
    }
    candidates.sort_unstable_by_key(|c| (c.a, c.b));
    let labelled = labelled(records, &candidates, run.labels)?;
    Ok(assemble(&scorer, model.clone(), &keys, &judged, candidates, compared, labelled))
}

/// How the labelled pairs stand at each weight.
fn labelled(records: &Records, candidates: &[Candidate], labels: &[Label]) -> Result<Vec<CurvePoint>, Problems> {
    let mut weights = Vec::with_capacity(labels.len());
    for label in labels {
        let (Some(a), Some(b)) = (records.record_of(label.a), records.record_of(label.b)) else { return Err(strange(records, label)) };
        let pair = (a.min(b) as u32, a.max(b) as u32);
        let weight = candidates.binary_search_by_key(&pair, |c| (c.a, c.b)).map_or(i32::MIN, |i| candidates[i].weight);
        weights.push((weight, label.same));
    }
    Ok(score::labelled_curve(&weights))
}

fn strange(records: &Records, label: &Label) -> Problems {
    Problems::one(format!("a label names rows {} and {}; there are {}", label.a, label.b, records.len()), "take it out")
}

/// All pairs as they were compared for the fit.
struct Compared {
    trace: Trace<em::Seen>,
    frequencies: Frequencies,
}

fn fit(records: &Records, spec: &Spec, keys: &Keys, comparer: &Comparer, labels: &[Label]) -> Result<(Model, Compared), Problems> {
    let samples = classes::sample(records, comparer, keys);
    let mut messages = Vec::new();
    let has = |class: Class| samples.iter().any(|s| s.class == class);
    if records.len() < assumed::FEW {
        messages
            .push(format!("{} records are too few to sample: kin and strangers are weighed by assumed national figures", records.len()));
    } else if !has(Class::Kin) {
        messages.push(
            "no household or listing column that groups people: kin are not told apart, a relative's pair may look like a match"
                .to_string(),
        );
    }
    if !has(Class::Neighbour) {
        messages.push("no place column that groups people: neighbours are not told apart".to_string());
    }
    if samples.len() == 1 && records.len() >= assumed::FEW {
        messages.push("this is plain Fellegi-Sunter with one class of non-matches".into());
    }
    let counts: Vec<(Option<Counts>, Option<Counts>)> = comparer
        .fields
        .iter()
        .map(|field| {
            let applies = frequency::applies(spec, field);
            let sounds = applies && field.slot.kind == Kind::PersonName && field.names.get(1) == Some(&"pinyin");
            (applies.then(|| frequency::count(records, spec, field)), sounds.then(|| frequency::count_sounds(records, field)))
        })
        .collect();
    let tables = |doubles: f64| -> Vec<FieldModel> {
        let fields = comparer.fields.iter().zip(&counts);
        fields
            .map(|(field, (values, sounds))| FieldModel {
                field: spec.fields[field.field].name.clone(),
                levels: Vec::new(),
                term_frequency: values.as_ref().map(|c| c.table(doubles)),
                sound_frequency: sounds.as_ref().map(|c| c.table(doubles)),
            })
            .collect()
    };
    let chances = |fields: &[FieldModel]| fields.iter().map(|f| f.term_frequency.as_ref().map(|t| t.chance)).collect::<Vec<_>>();
    let first = tables(DOUBLES);
    let frequencies = Frequencies::new(records, comparer, &first);
    let meeting = Meeting { records, keys, comparer };
    let trace = meeting.trace(|a, b, mask| em::see(meeting, &frequencies, a, b, mask));
    let cells = em::cells(&trace);
    let guess = em::fit(records, keys, comparer, &cells, &samples, &chances(&first));
    let doubles = 2.0 * guess.parameters.matches / records.len().max(1) as f64;
    let mut fields = tables(doubles.min(20.0));
    let fit = em::fit(records, keys, comparer, &cells, &samples, &chances(&fields));
    messages.extend(fit.messages);
    if !fit.thin.is_empty() {
        let list: Vec<String> = fit.thin.iter().map(|(f, n)| format!("{} ({n:.0})", spec.fields[*f].name)).collect();
        messages.push(format!(
            "the agreement of these fields was learnt from few matching pairs and leans on assumed figures: {}",
            list.join(", ")
        ));
    }
    let mut parameters = fit.parameters;
    supervise(records, comparer, labels, &mut parameters, &mut messages)?;
    for (f, (field, comparison)) in fields.iter_mut().zip(&comparer.fields).enumerate() {
        let level = |l: usize| LevelModel {
            level: comparison.names[l].to_owned(),
            m: nine(parameters.m[f][l]),
            m_count: nine(parameters.m_count[f][l]),
            u: parameters.classes.iter().map(|c| nine(c.u[f][l])).collect(),
        };
        field.levels = (0..comparison.names.len()).map(level).collect();
        for table in [&mut field.term_frequency, &mut field.sound_frequency].into_iter().flatten() {
            table.chance = nine(table.chance);
            table.rest = nine(table.rest);
            table.values.values_mut().for_each(|v| *v = nine(*v));
        }
    }
    let mut convergence = fit.convergence;
    convergence.log_likelihood.iter_mut().for_each(|l| *l = nine(*l));
    let model = Model {
        version: MODEL_VERSION,
        spec: spec.clone(),
        records: records.len() as u64,
        digest: format!("{:016x}", records.digest()),
        matches: nine(parameters.matches),
        classes: parameters.classes.iter().map(|c| ClassModel { class: c.class, pairs: nine(c.pairs), sampled: c.sampled }).collect(),
        fields,
        keys: keys.models.clone(),
        convergence,
        accept: 0,
        curve: Vec::new(),
        messages,
    };
    Ok((model, Compared { trace, frequencies }))
}

/// Nine significant digits: what a model file holds, so that a model read back weighs the same to the last bit.
fn nine(x: f64) -> f64 {
    format!("{x:.8e}").parse().unwrap_or(x)
}

/// m from labelled matches, with the fitted m standing in for few of them.
fn supervise(
    records: &Records,
    comparer: &Comparer,
    labels: &[Label],
    parameters: &mut Parameters,
    messages: &mut Vec<String>,
) -> Result<(), Problems> {
    /// Matches that the fitted m counts for.
    const PRIOR: f64 = 10.0;
    let same: Vec<&Label> = labels.iter().filter(|l| l.same).collect();
    if same.is_empty() {
        return Ok(());
    }
    let mut counts: Vec<Vec<f64>> = parameters.m.iter().map(|l| vec![0.0; l.len()]).collect();
    for label in &same {
        let (Some(a), Some(b)) = (records.record_of(label.a), records.record_of(label.b)) else {
            return Err(strange(records, label));
        };
        let pattern = comparer.pattern(records, a.min(b), a.max(b));
        for (field, counts) in comparer.fields.iter().zip(&mut counts) {
            let level = (pattern >> field.shift & ((1 << field.bits) - 1)) as usize;
            if level > 0 {
                counts[level - 1] += 1.0;
            }
        }
    }
    for (f, field) in comparer.fields.iter().enumerate() {
        let n: f64 = counts[f].iter().sum();
        for (m, count) in parameters.m[f].iter_mut().zip(&counts[f]) {
            *m = (count + PRIOR * *m) / (n + PRIOR);
        }
        em::order(field, &mut parameters.m[f], &parameters.classes[0].u[f]);
        parameters.m_count[f].clone_from(&counts[f]);
    }
    messages.push(format!("m was learnt from {} labelled matches", same.len()));
    Ok(())
}

/// Weighs all pairs and clusters them. `fitted`: the specification of a model that still lacks its curve, and the pairs it was fitted on.
fn weigh(
    records: &Records,
    mut model: Model,
    keys: &Keys,
    comparer: &Comparer,
    judged: &Judged,
    labels: &[Label],
    fitted: Option<(&Spec, Compared)>,
) -> Result<Linkage, Problems> {
    let parameters = Parameters::of(&model);
    let frequencies = Frequencies::new(records, comparer, &model.fields);
    let scorer = Scorer { records, comparer, parameters: &parameters, frequencies: &frequencies };
    let review = model.spec.limits.review;
    let (candidates, compared) = match &fitted {
        Some((_, met)) => scorer.candidates_of(keys, &met.trace, &met.frequencies, review),
        None => scorer.candidates(keys, &[], review),
    };
    let labelled = labelled(records, &candidates, labels)?;
    if let Some((spec, _)) = fitted {
        if spec.accept == Accept::Labels && labelled.is_empty() {
            return Err(Problems::one(
                "the line is to be drawn by labels, and no labelled pair was weighed",
                "give labels, or `accept: balanced`",
            ));
        }
        model.curve = score::curve(&candidates, spec.limits.review, model.matches);
        for point in &mut model.curve {
            (point.precision, point.recall, point.f1) = (nine(point.precision), nine(point.recall), nine(point.f1));
        }
        model.accept = score::accept(&model.curve, &labelled, spec.accept);
    }
    Ok(assemble(&scorer, model, keys, judged, candidates, compared, labelled))
}

/// Bands, clusters and the report of weighed pairs.
pub(crate) fn assemble(
    scorer: &Scorer,
    model: Model,
    keys: &Keys,
    judged: &Judged,
    mut candidates: Vec<Candidate>,
    compared: u64,
    labelled: Vec<CurvePoint>,
) -> Linkage {
    let (records, comparer) = (scorer.records, scorer.comparer);
    // A pair judged the same is a link, whether or not a rule met it.
    let listed: rustc_hash::FxHashSet<u64> = candidates.iter().map(|c| key(c.a, c.b)).collect();
    for (a, b) in judged.same.iter().filter(|(a, b)| !listed.contains(&key(*a, *b))) {
        let pattern = comparer.pattern(records, *a as usize, *b as usize);
        let weight = scorer.weight(pattern, *a as usize);
        candidates.push(Candidate { a: *a, b: *b, weight, mask: keys.mask(*a as usize, *b as usize), pattern });
    }
    candidates.sort_unstable_by_key(|c| (c.a, c.b));
    let verdict = |c: &Candidate| -> Option<Verdict> {
        let pair = key(c.a, c.b);
        if judged.different.contains(&pair) {
            Some(Verdict::Different)
        } else if judged.same.binary_search(&(c.a, c.b)).is_ok() {
            Some(Verdict::Same)
        } else if judged.unsure.contains(&pair) {
            Some(Verdict::Unsure)
        } else {
            None
        }
    };
    let band = |c: &Candidate| match verdict(c) {
        Some(Verdict::Same) => Band::Link,
        Some(Verdict::Different) => Band::No,
        Some(Verdict::Unsure) => Band::Review,
        None if c.weight >= model.accept => Band::Link,
        None => Band::Review,
    };
    let links: Vec<Candidate> = candidates.iter().filter(|c| band(c) == Band::Link).copied().collect();
    let guards = Guards::new(scorer, judged.different.clone());
    let found = cluster::cluster(&guards, &links, &judged.same, model.accept);
    let row = |record: u32| records.rows[record as usize];
    let ordered = |a: u32, b: u32| (row(a).min(row(b)), row(a).max(row(b)));
    let mut refused: Vec<Refused> = found
        .refused
        .iter()
        .map(|(x, y, weight, conflict, between)| {
            let (a, b) = ordered(*x, *y);
            Refused { a, b, weight: *weight, conflict: *conflict, between: ordered(between.0, between.1) }
        })
        .collect();
    refused.sort_unstable_by_key(|r| (r.a, r.b));
    let mut union = Union::new(records.len());
    for members in &found.members {
        for m in &members[1..] {
            union.join(members[0], *m);
        }
    }
    let mut inside: FxHashMap<u32, Vec<Candidate>> = FxHashMap::default();
    for c in &links {
        let root = union.find(c.a);
        if root == union.find(c.b) {
            inside.entry(root).or_default().push(*c);
        }
    }
    let mut clusters: Vec<Cluster> = found
        .members
        .iter()
        .zip(&found.weakest)
        .map(|(members, weakest)| {
            let edges = inside.get(&members[0]).map_or(&[][..], Vec::as_slice);
            let mut rows: Vec<u32> = members.iter().map(|m| row(*m)).collect();
            rows.sort_unstable();
            Cluster {
                rows,
                weakest: weakest.2,
                weakest_edge: ordered(weakest.0, weakest.1),
                review: cluster::review(&guards, members, edges, model.accept, model.spec.limits.cluster),
            }
        })
        .collect();
    clusters.sort_unstable_by_key(|c| c.rows[0]);
    let cut: rustc_hash::FxHashSet<(u32, u32)> = refused.iter().map(|r| (r.a, r.b)).collect();
    let mut pairs: Vec<Pair> = candidates
        .iter()
        .map(|c| {
            let (a, b) = ordered(c.a, c.b);
            let band = if cut.contains(&(a, b)) { Band::Review } else { band(c) };
            Pair { a, b, weight: c.weight, pattern: c.pattern, mask: c.mask, band }
        })
        .collect();
    pairs.sort_unstable_by_key(|p| (p.a, p.b));
    let report = report(records, &model, keys, &pairs, compared);
    Linkage { curve: model.curve.clone(), labelled, model, report, pairs, clusters, refused, contradictions: judged.contradictions.clone() }
}

fn report(records: &Records, model: &Model, keys: &Keys, pairs: &[Pair], compared: u64) -> Report {
    let mut rules = keys.reports.clone();
    let mut links = 0;
    // Expected matches met by one rule alone and by exactly two; in integers, so that order plays no part.
    let (mut once, mut twice) = (0u64, 0u64);
    for pair in pairs {
        if pair.band == Band::Link {
            links += 1;
            if pair.mask.count_ones() == 1 {
                rules[pair.mask.trailing_zeros() as usize].links_alone += 1;
            }
        }
        let parts = (probability(pair.weight) * 1e6) as u64;
        match pair.mask.count_ones() {
            1 => once += parts,
            2 => twice += parts,
            _ => {}
        }
    }
    let (once, twice) = (once as f64 / 1e6, twice as f64 / 1e6);
    let all = keys.names.iter().any(|n| n == EVERYTHING);
    let missed = if all { 0.0 } else { once * (once - 1.0).max(0.0) / (2.0 * (twice + 1.0)) };
    let mut messages = records.messages.clone();
    messages.extend(keys.messages.iter().cloned());
    messages.extend(model.messages.iter().cloned());
    Report {
        records: records.len() as u64,
        rules,
        pairs_compared: compared,
        pairs_kept: pairs.len() as u64,
        links,
        reviews: pairs.iter().filter(|p| p.band == Band::Review).count() as u64,
        matches_missed: missed,
        messages,
    }
}

impl Model {
    /// Level of each compared field of a pattern, by name; `missing` where a value is.
    pub fn levels_of(&self, pattern: u64) -> Vec<(&str, &str)> {
        let mut shift = 0;
        let mut all = Vec::new();
        for field in &self.fields {
            let bits = u32::BITS - (field.levels.len() as u32).leading_zeros();
            let level = (pattern >> shift & ((1 << bits) - 1)) as usize;
            shift += bits;
            all.push((
                field.field.as_str(),
                if level == 0 { "missing" } else { field.levels.get(level - 1).map_or("?", |l| l.level.as_str()) },
            ));
        }
        all
    }
}
