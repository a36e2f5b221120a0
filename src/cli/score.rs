//! `recount score`: a run against the truth of a synthetic programme.

use std::collections::BTreeMap;

use super::args::{ScoreArgs, ScoreFormat};
use super::output::print;
use super::{Exit, Session};
use crate::diagnostic::Diagnostics;
use crate::{run, synth};

pub(super) fn score(arguments: &ScoreArgs, session: &Session) -> Result<Exit, Diagnostics> {
    let folder = super::runs::folder(arguments.run.as_ref(), session)?;
    let content = run::read(&folder)?;
    let truth = match &arguments.truth {
        Some(path) => path.clone(),
        None => session.project()?.root.join("truth.csv"),
    };
    let truth = synth::Truth::read(&truth)?;
    let covers: BTreeMap<String, Vec<String>> = content.rules.iter().map(|card| (card.id.clone(), card.covers.clone())).collect();
    let findings = content.findings.to_vec();
    let score = synth::score(&findings, &covers, &truth);
    if arguments.curves {
        let curves = synth::curves(&findings, &covers, &truth);
        print(&match arguments.format {
            ScoreFormat::Text => curves.to_string(),
            ScoreFormat::Json => json(&curves),
            ScoreFormat::Csv => curves.csv(),
        })?;
    } else {
        print(&match arguments.format {
            ScoreFormat::Text => score.to_string(),
            ScoreFormat::Json => json(&score),
            ScoreFormat::Csv => score.csv(),
        })?;
    }
    let limit = arguments.fail_below.map(|percent| f64::from(percent) / 100.0);
    let below = |recall: Option<f64>| limit.zip(recall).is_some_and(|(limit, recall)| recall < limit);
    Ok(if score.kinds.iter().any(|kind| kind.covered && below(kind.recall)) { Exit::Gate } else { Exit::Done })
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}
