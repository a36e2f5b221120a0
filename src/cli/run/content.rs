//! What an audit found, as the content of a run folder.

use std::collections::{BTreeMap, BTreeSet};

use crate::case::{self, Budget, RuleCard, VisitPlan};
use crate::diagnostic::Diagnostics;
use crate::engine::Audit;
use crate::finding::{Coverage, Status};
use crate::project::{PolicyKind, Project, policy_files};
use crate::rule::RuleFile;
use crate::run::{FORMAT, InputFile, InputText, Manifest, Population, RunContent, fingerprint, places, sha256};

/// What decides the result besides the files.
pub(super) struct Asked {
    pub as_of: i32,
    pub options: BTreeMap<String, String>,
    pub secret: [u8; 32],
    pub budget: Option<Budget>,
}

/// # Errors
/// A policy file that can no longer be read.
pub(super) fn assemble(project: &Project, files: &[RuleFile], audit: Audit, asked: Asked) -> Result<RunContent, Diagnostics> {
    let cards = cards(files, &audit);
    let set_apart: BTreeSet<String> =
        audit.outcomes.iter().filter(|o| matches!(o.status, Status::Quarantined { .. })).map(|o| o.rule.clone()).collect();
    let cases = case::build(audit.findings.briefs(), &cards, &case::Options { key: asked.secret, set_apart });
    let visits: Option<VisitPlan> =
        asked.budget.map(|budget| case::plan_visits(&cases, audit.findings.briefs(), &project.regions, &budget));
    let inputs = inputs(project, files)?;
    let manifest = manifest(project, files, &audit, asked.as_of, asked.options, &asked.secret)?;
    Ok(RunContent {
        manifest,
        populations: populations(&audit),
        outcomes: audit.outcomes,
        findings: audit.findings,
        rules: cards,
        cases,
        visits,
        receipts: audit.loaded.receipt,
        rejected: audit.loaded.rejected,
        places: places(&project.regions),
        inputs,
    })
}

fn cards(files: &[RuleFile], audit: &Audit) -> Vec<RuleCard> {
    let checks: BTreeMap<&str, &str> = files.iter().map(|f| (f.id(), f.spec.check.value.kind())).collect();
    audit
        .rules
        .iter()
        .zip(&audit.overlays)
        .map(|(text, overlays)| {
            let family = text.id.split('/').next().unwrap_or(&text.id);
            RuleCard::new(text, family, checks.get(text.id.as_str()).copied().unwrap_or_default(), overlays)
        })
        .collect()
}

/// Denominators of the roll-up: households and persons by their own names, other tables by theirs.
fn populations(audit: &Audit) -> Vec<Population> {
    let entity = |table: &str| match table {
        "households" => "household".to_string(),
        "members" => "person".to_string(),
        other => other.to_string(),
    };
    let mut all: Vec<Population> =
        audit.populations.iter().map(|p| Population { entity: entity(&p.table), region: p.region, units: p.records }).collect();
    all.sort();
    all
}

fn manifest(
    project: &Project,
    files: &[RuleFile],
    audit: &Audit,
    as_of: i32,
    options: BTreeMap<String, String>,
    secret: &[u8; 32],
) -> Result<Manifest, Diagnostics> {
    let policy = policy_files(project)?;
    let of = |kind: PolicyKind| {
        let texts: Vec<&str> = policy.iter().filter(|f| f.kind == kind).flat_map(|f| [f.path.as_str(), f.text.as_str()]).collect();
        sha256(texts.join("\n").as_bytes())
    };
    let mut rules: Vec<(String, String)> = files.iter().map(|f| (f.id().to_string(), sha256(f.text.text.as_bytes()))).collect();
    rules.extend(overlays(files).into_iter().map(|(name, text)| (name, sha256(text.as_bytes()))));
    rules.sort();
    let inputs = audit.loaded.receipt.iter().flat_map(|receipt| {
        receipt.files.iter().map(|file| InputFile {
            table: receipt.table.clone(),
            path: file.path.clone(),
            sheet: file.sheet.clone(),
            sha256: file.sha256.clone(),
            bytes: file.bytes,
            rows: file.rows,
        })
    });
    let coverage = audit.loaded.receipt.iter().map(|receipt| {
        let covers = project.tables.iter().find(|t| t.name.value == receipt.table).and_then(|t| t.covers.as_ref());
        Coverage {
            table: receipt.table.clone(),
            rows: receipt.rows,
            without_key: 0,
            from: covers.and_then(|c| c.from),
            to: covers.and_then(|c| c.to),
        }
    });
    Ok(Manifest {
        format: FORMAT,
        recount: env!("CARGO_PKG_VERSION").to_string(),
        programme: None,
        as_of,
        time_zone: project.time_zone.clone(),
        seed: 0,
        secret: fingerprint(secret),
        options,
        project: sha256(project.text.text.as_bytes()),
        parameters: of(PolicyKind::Parameters),
        regions: of(PolicyKind::Regions),
        rules,
        files: inputs.collect(),
        coverage: coverage.collect(),
    })
}

/// Overlay files that apply, by name.
fn overlays(files: &[RuleFile]) -> BTreeMap<String, String> {
    let spans = files.iter().flat_map(|f| &f.overlays).filter_map(|change| change.rule.span.as_ref());
    spans.map(|span| (span.source.name.clone(), span.source.text.clone())).collect()
}

fn inputs(project: &Project, files: &[RuleFile]) -> Result<Vec<InputText>, Diagnostics> {
    let mut all = vec![InputText { path: "recount.yaml".into(), text: project.text.text.clone() }];
    all.extend(policy_files(project)?.into_iter().map(|f| InputText { path: inside(&f.path), text: f.text }));
    all.extend(files.iter().map(|f| InputText { path: format!("rules/{}.yaml", f.id()), text: f.text.text.clone() }));
    all.extend(overlays(files).into_iter().map(|(name, text)| InputText { path: inside(&name), text }));
    Ok(all)
}

/// A path that stays inside the run folder's `inputs/`.
fn inside(path: &str) -> String {
    path.split('/').filter(|part| !part.is_empty() && *part != "." && *part != "..").collect::<Vec<_>>().join("/")
}
