//! A roll of people for record linkage: villages with lineages, kin and twins, written down with mistakes at stated rates, with the
//! truth about who is who and which households are counted twice.
//!
//! The generator knows nothing of how linkage compares: it models how such rolls come about. Counties are made one by one from streams
//! of their own, so that the same options give the same bytes with any number of threads.

mod copies;
mod errors;
mod people;
mod rates;
mod words;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use rayon::prelude::*;

use super::unwritable;
use crate::diagnostic::{Diagnostic, Diagnostics};
pub use rates::RollRates;

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
