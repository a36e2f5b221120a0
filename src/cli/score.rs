//! `recount score`: a run against the truth of a synthetic programme.

use std::collections::BTreeMap;

use super::args::ScoreArgs;
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
    let score = synth::score(&content.findings.to_vec(), &covers, &truth);
    print(&score.to_string())?;
    let limit = arguments.fail_below.map(|percent| f64::from(percent) / 100.0);
    let below = |recall: Option<f64>| limit.zip(recall).is_some_and(|(limit, recall)| recall < limit);
    Ok(if score.kinds.iter().any(|kind| kind.covered && below(kind.recall)) { Exit::Gate } else { Exit::Done })
}
