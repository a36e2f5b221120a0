//! What rules that did not run leave unseen.

use std::collections::BTreeSet;

use crate::finding::Status;
use crate::run::RunContent;

/// Rules that were not run, by reason, in the order of the first of each.
pub(super) fn skipped(content: &RunContent) -> Vec<(&str, Vec<&str>)> {
    let mut by_reason: Vec<(&str, Vec<&str>)> = vec![];
    for outcome in &content.outcomes {
        let Status::Skipped { reason } = &outcome.status else { continue };
        match by_reason.iter_mut().find(|(r, _)| r == reason) {
            Some((_, rules)) => rules.push(&outcome.rule),
            None => by_reason.push((reason, vec![&outcome.rule])),
        }
    }
    by_reason
}

/// Kinds of the catalogue that only rules cover which did not run, in order.
pub(super) fn kinds(content: &RunContent) -> Vec<&str> {
    let of = |ran: bool| -> BTreeSet<&str> {
        let outcomes = content.outcomes.iter().filter(|o| matches!(o.status, Status::Completed | Status::Quarantined { .. }) == ran);
        let cards = outcomes.filter_map(|o| content.rules.iter().find(|card| card.id == o.rule));
        cards.flat_map(|card| card.covers.iter().map(String::as_str)).collect()
    };
    let seen = of(true);
    of(false).into_iter().filter(|kind| !seen.contains(kind)).collect()
}
