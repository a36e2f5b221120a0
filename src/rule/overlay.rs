//! Overlays: an office changes limits, severity, status or exclusions of a rule, with reason, owner and expiry. Never its logic.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::folder::{RuleFile, read_text, shown, yaml_files};
use super::spec::{ExemptSpec, LimitsSpec, SeveritySpec, Text};
use super::{RuleStatus, dates};
use crate::diagnostic::{Diagnostic, Diagnostics, Spanned, yaml};

/// One overlay file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OverlaySpec {
    /// Name of the office.
    pub office: Option<Spanned<Text>>,
    pub changes: Vec<Change>,
}

/// A change to one rule or, by pattern, to several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Id of the rule, or a pattern: `funds/*`.
    pub rule: Spanned<String>,
    pub severity: Option<Spanned<SeveritySpec>>,
    pub status: Option<Spanned<RuleStatus>>,
    pub limits: Option<LimitsSpec>,
    /// Further exemptions, checked and shown like the rule's own.
    #[serde(default)]
    pub exempt: Vec<ExemptSpec>,
    pub reason: Spanned<String>,
    /// Who answers for the change.
    pub owner: Spanned<String>,
    /// Last day of the change, e.g. `2020-12-31`.
    pub expires: Spanned<String>,
}

impl Change {
    /// The change in words, for the reading guide.
    pub fn in_words(&self) -> String {
        let mut what = vec![];
        if self.severity.is_some() {
            what.push("severity".to_owned());
        }
        if self.status.is_some() {
            what.push("status".to_owned());
        }
        if let Some(rate) = self.limits.as_ref().and_then(|l| l.max_flag_rate.as_ref()) {
            what.push(format!("max_flag_rate {}", rate.value));
        }
        if !self.exempt.is_empty() {
            what.push(format!("{} further exemption(s)", self.exempt.len()));
        }
        format!("{}: {} ({}, until {})", what.join(", "), self.reason.value, self.owner.value, self.expires.value)
    }
}

/// Reads all overlay files below `folders` (relative to `root`); an absent folder is no mistake unless someone named it.
pub fn read_overlays(root: &Path, folders: &[Spanned<PathBuf>]) -> (Vec<Arc<Change>>, Diagnostics) {
    let mut problems = Diagnostics::default();
    let mut changes = vec![];
    for folder in folders {
        let base = root.join(&folder.value);
        if !base.is_dir() {
            if folder.span.is_some() {
                problems.push(
                    Diagnostic::error("missing-folder", format!("there is no folder `{}`", shown(&folder.value)))
                        .at(folder.span.clone(), "named here")
                        .help("create it or remove the line"),
                );
            }
            continue;
        }
        for path in yaml_files(&base, &mut problems) {
            let name = shown(path.strip_prefix(root).unwrap_or(&path));
            let Some(text) = read_text(&path, &name, &mut problems) else { continue };
            if let Some(spec) = problems.take(yaml::read::<OverlaySpec>(&text)) {
                changes.extend(spec.changes.into_iter().map(Arc::new));
            }
        }
    }
    (changes, problems)
}

/// Applies `changes` to the rules they name. Changes that expired before `as_of` (days since 1970-01-01) are left out with a warning;
/// a change without a rule, without effect, or contradicting another is an error and is left out.
pub fn apply(files: &mut [RuleFile], changes: &[Arc<Change>], as_of: i32) -> Diagnostics {
    let mut problems = Diagnostics::default();
    // Rule and key -> the change that already set it.
    let mut set: BTreeMap<(usize, &str), &Change> = BTreeMap::new();
    for change in changes {
        let Some(expires) = problems.take(dates::day(&change.expires)) else { continue };
        let Ok(pattern) = glob::Pattern::new(&change.rule.value) else {
            problems.push(
                Diagnostic::error("rule-pattern", format!("`{}` is not a pattern", change.rule.value))
                    .at(change.rule.span.clone(), "neither an id nor a pattern")
                    .help("write an id, or `*` for any part of it: `funds/*`"),
            );
            continue;
        };
        let matching: Vec<usize> = (0..files.len()).filter(|&i| pattern.matches(files[i].id())).collect();
        if matching.is_empty() {
            problems.push(
                Diagnostic::error("unknown-rule", format!("no rule matches `{}`", change.rule.value))
                    .at(change.rule.span.clone(), "no such rule")
                    .suggest(&change.rule.value, files.iter().map(RuleFile::id)),
            );
            continue;
        }
        if expires < as_of {
            problems.push(
                Diagnostic::warning(
                    "expired-overlay",
                    format!("the overlay for `{}` expired on {} and is not applied", change.rule.value, change.expires.value),
                )
                .at(change.expires.span.clone(), "before the as-of date")
                .help(format!("ask {} whether it still holds; then renew the date, else remove it", change.owner.value)),
            );
            continue;
        }
        let max_flag_rate = change.limits.as_ref().and_then(|l| l.max_flag_rate.as_ref());
        if change.severity.is_none() && change.status.is_none() && max_flag_rate.is_none() && change.exempt.is_empty() {
            problems.push(
                Diagnostic::error("empty-overlay", format!("the overlay for `{}` changes nothing", change.rule.value))
                    .at(change.rule.span.clone(), "no severity, status, limits or exempt")
                    .help("say what it changes, or remove it"),
            );
            continue;
        }
        for i in matching {
            let mut contradicts = |key: &'static str, wanted: bool, problems: &mut Diagnostics| {
                if !wanted {
                    return false;
                }
                match set.get(&(i, key)) {
                    Some(first) => {
                        problems.push(
                            Diagnostic::error("overlay-conflict", format!("two overlays set `{key}` of `{}`", files[i].id()))
                                .at(change.rule.span.clone(), "a second time; not applied")
                                .at(first.rule.span.clone(), "first here")
                                .help("keep one of them"),
                        );
                        true
                    }
                    None => {
                        set.insert((i, key), change);
                        false
                    }
                }
            };
            let conflict = contradicts("severity", change.severity.is_some(), &mut problems)
                | contradicts("status", change.status.is_some(), &mut problems)
                | contradicts("limits.max_flag_rate", max_flag_rate.is_some(), &mut problems);
            if conflict {
                continue;
            }
            let file = &mut files[i];
            if let Some(severity) = &change.severity {
                file.spec.severity = severity.clone();
            }
            if let Some(status) = &change.status {
                file.spec.status = Some(status.clone());
            }
            if let Some(rate) = max_flag_rate {
                file.spec.limits.get_or_insert_default().max_flag_rate = Some(rate.clone());
            }
            file.spec.exempt.extend(change.exempt.iter().cloned());
            file.overlays.push(change.clone());
        }
    }
    problems
}
