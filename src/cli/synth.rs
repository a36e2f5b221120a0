//! `recount synth`: writes a synthetic programme.

use super::args::SynthArgs;
use super::output::{Side, columns, print, thousands};
use super::progress::Progress;
use super::{Exit, Session, interrupt};
use crate::diagnostic::Diagnostics;
use crate::synth::{self, RollOptions, RollRates, SynthOptions};

pub(super) fn synth(arguments: &SynthArgs, session: &Session) -> Result<Exit, Diagnostics> {
    let progress = Progress::new(session);
    if let Some(people) = arguments.roll {
        progress.stage("write the roll");
        let rates = if arguments.hard { RollRates::hard() } else { RollRates::base() };
        let summary = synth::write_roll(&RollOptions { people, seed: arguments.seed, rates }, &arguments.output)?;
        progress.end();
        let classes: Vec<String> = summary.listing_pairs.iter().map(|(class, n)| format!("{} {class}", thousands(*n))).collect();
        print(&format!(
            "{} rows of {} people in {} listings, {} pairs of one person, pairs of listings that share people: {}; in {}\n",
            thousands(summary.rows),
            thousands(summary.people),
            thousands(summary.listings),
            thousands(summary.person_pairs),
            classes.join(", "),
            arguments.output.display()
        ))?;
        return Ok(Exit::Done);
    }
    progress.stage("write the programme");
    let mut options = SynthOptions::new(arguments.households, arguments.years, arguments.seed);
    options.rules.clone_from(&arguments.rules);
    (options.prevalence, options.village_size, options.doses) = (arguments.prevalence, arguments.village_size, arguments.doses);
    interrupt::says(&format!("the programme in {} is not complete; run the same command again", arguments.output.display()));
    let summary = synth::write(&options, &arguments.output)?;
    progress.end();
    let mut rows: Vec<Vec<String>> = summary.files.iter().map(|(file, n)| vec![thousands(*n), file.clone()]).collect();
    rows.insert(0, vec!["rows".into(), "file".into()]);
    print(&columns(&[Side::Right, Side::Left], &rows))?;
    let cases: usize = summary.kinds.values().map(|(cases, _)| cases).sum();
    let alike: usize = summary.kinds.values().map(|(_, alike)| alike).sum();
    print(&format!(
        "{} households in {} villages, {} planted cases of {} kinds, {} look-alikes, in {}\n",
        thousands(summary.households as u64),
        thousands(summary.villages as u64),
        thousands(cases as u64),
        summary.kinds.len(),
        thousands(alike as u64),
        arguments.output.display()
    ))?;
    if !summary.not_planted.is_empty() {
        print(&format!("No room for: {}\n", summary.not_planted.join(", ")))?;
    }
    Ok(Exit::Done)
}
