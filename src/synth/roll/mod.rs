//! A roll of people for record linkage: villages with lineages, kin and twins, written down with mistakes at stated rates, with the
//! truth about who is who and which households are counted twice.
//!
//! The generator knows nothing of how linkage compares: it models how such rolls come about. Counties are made one by one from streams
//! of their own, so that the same options give the same bytes with any number of threads.

mod copies;
mod errors;
mod people;
mod rates;
pub(super) mod words;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use rayon::prelude::*;

use super::unwritable;
use crate::diagnostic::{Diagnostic, Diagnostics};
pub use rates::RollRates;

/// A name as somebody writes it who only heard it; one that no character of which has another spelling gets another given name.
pub(super) fn by_ear(words: &words::Words, draw: &mut super::draw::Draw, name: &str) -> String {
    words.mistaken(draw, name, words::Mistake::Homophone).unwrap_or_else(|| format!("{name}儿"))
}

/// What to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollOptions {
    /// Rows of the roll, about; 1,000 to 100,000,000.
    pub people: usize,
    pub seed: u64,
    pub rates: RollRates,
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct RollSummary {
    pub rows: u64,
    /// Different people.
    pub people: u64,
    pub listings: u64,
    /// Pairs of rows of one person.
    pub person_pairs: u64,
    /// Pairs of listings that share people, by class.
    pub listing_pairs: std::collections::BTreeMap<String, u64>,
}

/// Villages in a county, and households in a village on average.
const VILLAGES: usize = 240;
const HOMES: usize = 200;
/// Rows that a household comes to on average, copies included.
const ROWS_PER_HOME: usize = 5;

const ROLL: &str = "record_no,listing_no,relation,name,id_no,sex,birth,region_code,phone,account\n";
const PEOPLE: &str = "record_no,person\n";
const LISTINGS: &str = "listing_a,listing_b,class,shared\n";

/// Writes `roll.csv`, `truth_people.csv` (record -> person) and `truth_listings.csv` (pairs of listings that share people, with their class)
/// into `dir`, made if absent.
///
/// # Errors
/// Options out of range; a file or folder that cannot be written.
pub fn write_roll(options: &RollOptions, dir: &Path) -> Result<RollSummary, Diagnostics> {
    if !(1_000..=100_000_000).contains(&options.people) {
        return Err(Diagnostic::error("synth-options", format!("a roll of {} people cannot be made", options.people))
            .help("give 1000 to 100000000 people")
            .into());
    }
    fs::create_dir_all(dir).map_err(|e| unwritable(dir, &e))?;
    let open = |name: &str, head: &str| -> Result<(std::path::PathBuf, BufWriter<File>), Diagnostics> {
        let path = dir.join(name);
        let mut out = BufWriter::with_capacity(1 << 18, File::create(&path).map_err(|e| unwritable(&path, &e))?);
        out.write_all(head.as_bytes()).map_err(|e| unwritable(&path, &e))?;
        Ok((path, out))
    };
    let mut outputs = [open("roll.csv", ROLL)?, open("truth_people.csv", PEOPLE)?, open("truth_listings.csv", LISTINGS)?];
    let words = words::Words::new();
    let homes = (options.people / ROWS_PER_HOME).max(50);
    let county_homes = VILLAGES * HOMES;
    let counties: Vec<(usize, usize)> =
        (0..homes.div_ceil(county_homes)).map(|c| (c, county_homes.min(homes - c * county_homes))).collect();
    let mut summary = RollSummary::default();
    for batch in counties.chunks(rayon::current_num_threads().max(1)) {
        let made: Vec<copies::County> = batch.par_iter().map(|&(c, homes)| copies::county(&words, options, c, homes)).collect();
        for county in made {
            let texts = county.write(&mut summary);
            for ((path, out), text) in outputs.iter_mut().zip(texts) {
                out.write_all(text.as_bytes()).map_err(|e| unwritable(path, &e))?;
            }
        }
    }
    for (path, out) in &mut outputs {
        out.flush().map_err(|e| unwritable(path, &e))?;
    }
    Ok(summary)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn made(people: usize, rates: RollRates, threads: usize) -> ([String; 3], RollSummary) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let options = RollOptions { people, seed: 5, rates };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let summary = pool.install(|| write_roll(&options, dir.path())).expect("a roll");
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).expect(name);
        ([read("roll.csv"), read("truth_people.csv"), read("truth_listings.csv")], summary)
    }

    #[test]
    fn the_bytes_do_not_depend_on_threads_and_the_truth_is_whole() {
        // Two counties, so that they are made at once.
        let (one, summary) = made(260_000, RollRates::base(), 1);
        let (two, other) = made(260_000, RollRates::base(), 2);
        assert!(one == two);
        assert_eq!(summary, other);
        let [roll, people, listings] = one;
        assert_eq!(roll.lines().count() as u64, summary.rows + 1);
        let persons: Vec<&str> = people.lines().skip(1).filter_map(|l| l.split_once(',')).map(|(_, p)| p).collect();
        assert_eq!(persons.len() as u64, summary.rows);
        let mut count: BTreeMap<&str, u64> = BTreeMap::new();
        persons.iter().for_each(|p| *count.entry(p).or_default() += 1);
        assert_eq!(count.len() as u64, summary.people);
        assert_eq!(count.values().map(|n| n * (n - 1) / 2).sum::<u64>(), summary.person_pairs);
        // Every pair of listings in the truth shares as many people as it says.
        let mut members: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (line, person) in roll.lines().skip(1).zip(&persons) {
            members.entry(line.split(',').nth(1).unwrap_or_default()).or_default().insert(person);
        }
        for line in listings.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let shared = members[cells[0]].intersection(&members[cells[1]]).count();
            assert!(shared > 0 && shared.to_string() == cells[3], "{line}");
        }
    }

    #[test]
    fn mistakes_come_at_the_stated_rates() {
        let mut rates = RollRates::base();
        // First records have half the rate, copies the whole.
        rates.id_missing = 2000;
        rates.name_homophone = 0;
        let ([roll, people, _], summary) = made(60_000, rates, 2);
        let mut seen = BTreeSet::new();
        let (mut first, mut copies, mut first_without, mut copies_without) = (0, 0, 0, 0);
        let mut by_line: Vec<(&str, bool)> = vec![];
        for (line, truth) in roll.lines().skip(1).zip(people.lines().skip(1)) {
            let cells: Vec<&str> = line.split(',').collect();
            // Children under six are without an id by right.
            let adult = cells[6] > "1950" && cells[6] < "2000";
            by_line.push((truth.split_once(',').map_or("", |(_, p)| p), adult && cells[4].is_empty()));
            if !adult {
                by_line.pop();
            }
        }
        let mut total: BTreeMap<&str, u32> = BTreeMap::new();
        by_line.iter().for_each(|(p, _)| *total.entry(p).or_default() += 1);
        for (person, without) in &by_line {
            if total[person] == 1 {
                first += 1;
                first_without += i32::from(*without);
            } else if !seen.insert(*person) {
                copies += 1;
                copies_without += i32::from(*without);
            }
        }
        let share = |n: i32, of: i32| f64::from(n) / f64::from(of);
        assert!((share(first_without, first) - 0.108).abs() < 0.01, "{}", share(first_without, first));
        // Which of two records is the copy is not told: their mean is three quarters of the rate.
        assert!((share(copies_without, copies) - 0.158).abs() < 0.02, "{}", share(copies_without, copies));
        assert!(summary.person_pairs * 20 > summary.rows);
    }

    #[test]
    fn options_out_of_range_are_refused() {
        let options = RollOptions { people: 10, seed: 1, rates: RollRates::hard() };
        let problems = write_roll(&options, Path::new("/nowhere")).expect_err("too few");
        assert_eq!(problems.0[0].code, "synth-options");
    }
}
