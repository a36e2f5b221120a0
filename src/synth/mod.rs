//! A made-up assistance programme of any size, with planted cases, innocent look-alikes and the truth about both.
//!
//! [`write`] makes every table of the sample project file, the policy tables and the region tree. The same options give the same
//! bytes on any machine and with any number of threads: each village draws from a stream of its own and villages are written in order.
//! Cases are planted from the audit catalogue, not from rule files, so that [`score`] can tell whether rules find them.

mod areas;
mod calendar;
mod curves;
mod doses;
mod draw;
mod emit;
mod facts;
mod family;
mod farm;
mod files;
mod household;
mod ids;
mod jobs;
mod kept;
mod layout;
mod logs;
mod model;
mod names;
mod offices;
mod plant;
mod projects;
mod roll;
mod score;
mod truth;
mod village;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use rayon::prelude::*;

use crate::canonical::{PARAMETERS, POLICY_TABLES, PROJECT, STANDARDS};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use areas::Areas;
pub use curves::{Curve, Curves, DoseTotal, curves};
use doses::Amount;
pub use doses::{Dosing, dosing};
use files::Tables;
use layout::Layout;
pub use roll::{RollOptions, RollRates, RollSummary, write_roll};
pub use score::{KindScore, Missed, RuleScore, Score, Totals, score};
pub use truth::{Role, Truth, TruthRow};

/// Villages made at once: bounds the memory, and is large enough to keep all threads busy.
const BATCH: usize = 64;

/// What to make. The programme always ends with 2020, its as-of date is 2020-12-31.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SynthOptions {
    /// Households in the register, at least 150 for each year, at most 5,000,000.
    pub households: usize,
    /// Years of data, 4 to 6.
    pub years: usize,
    pub seed: u64,
    /// Planted cases of each kind for 10,000 households, and as many look-alikes; never fewer than three of each. 1 to 100.
    pub prevalence: u32,
    /// Households of a village as asked for, 16 to 400; without it 24 in a programme below 5,000 households, else 100.
    pub village_size: Option<usize>,
    /// Plant every kind at all its doses ([`dosing`]), so many cases at each.
    pub doses: bool,
    /// Folder of rules that the project file should name, instead of the one the sample names.
    pub rules: Option<String>,
}

impl SynthOptions {
    pub fn new(households: usize, years: usize, seed: u64) -> Self {
        SynthOptions { households, years, seed, prevalence: 5, village_size: None, doses: false, rules: None }
    }

    /// First year of data; the last is 2020.
    pub fn first_year(&self) -> i32 {
        2021 - self.years as i32
    }

    fn amount(&self) -> Amount {
        Amount { cases: (self.households * self.prevalence as usize / 10_000).max(3), doses: self.doses }
    }

    fn check(&self) -> Result<(), Diagnostics> {
        let mut problems = Diagnostics::default();
        // Targets and surges ask for a number of exits per county and year.
        let least = 150 * self.years.clamp(4, 6);
        if !(least..=5_000_000).contains(&self.households) {
            problems.push(
                Diagnostic::error("synth-options", format!("{} households cannot be made", self.households))
                    .help(format!("give {least} to 5000000 households: fewer have no room for every planted case")),
            );
        }
        if !(4..=6).contains(&self.years) {
            problems.push(
                Diagnostic::error("synth-options", format!("{} years cannot be made", self.years))
                    .help("give 4 to 6 years: they end with 2020, and the policy tables begin with 2015"),
            );
        }
        if !(1..=100).contains(&self.prevalence) {
            problems.push(
                Diagnostic::error("synth-options", format!("a prevalence of {} cannot be made", self.prevalence))
                    .help("give 1 to 100 cases of each kind for 10,000 households"),
            );
        }
        if let Some(size) =
            self.village_size.filter(|size| !(16..=400).contains(size) || !(12..=90_000).contains(&(self.households / size)))
        {
            problems.push(
                Diagnostic::error("synth-options", format!("villages of {size} households cannot be made"))
                    .help("give 16 to 400 households to a village, such that there are 12 to 90,000 villages"),
            );
        }
        problems.finish(())
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SynthSummary {
    pub households: usize,
    pub villages: usize,
    /// Files of the programme and their rows without the header, by path below the folder.
    pub files: Vec<(String, u64)>,
    /// Planted cases and look-alikes per kind.
    pub kinds: BTreeMap<String, (usize, usize)>,
    /// Kinds of the catalogue that found no room (small programmes).
    pub not_planted: Vec<String>,
}

/// Kinds of case that the generator plants, sorted.
pub fn kinds() -> Vec<&'static str> {
    jobs::kinds()
}

/// Writes a programme into `dir` (made if absent): `recount.yaml`, `policy/*.csv`, `data/*.csv`, `truth.csv`.
/// Files of the same names are replaced, others are left alone.
///
/// # Errors
/// Options out of range; a file or folder that cannot be written.
pub fn write(options: &SynthOptions, dir: &Path) -> Result<SynthSummary, Diagnostics> {
    options.check()?;
    let layout = Layout::new(options);
    let specs = files::files(layout.first_year, options.years);
    for folder in ["data", "policy"] {
        let path = dir.join(folder);
        fs::create_dir_all(&path).map_err(|e| unwritable(&path, &e))?;
    }

    let mut outputs = Vec::with_capacity(specs.len());
    for spec in &specs {
        let path = dir.join("data").join(&spec.name);
        let mut out = Output::create(&path, spec.gb18030)?;
        out.append(spec.header.as_bytes())?;
        out.append(b"\n")?;
        outputs.push(out);
    }
    let mut truth_out = Output::create(&dir.join("truth.csv"), false)?;
    let dosed = if options.doses { ",dose" } else { "" };
    truth_out.append(format!("truth_no,kind,role,table,key,entity,subject,note{dosed}\n").as_bytes())?;

    let mut areas = Areas::new(&layout);
    let mut bank = projects::Batches::default();
    let mut rows = vec![0u64; specs.len()];
    let mut kinds: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let indexes: Vec<usize> = (0..layout.sites.len()).collect();
    for batch in indexes.chunks(BATCH) {
        let made: Vec<(Tables, Truth, areas::Exits, projects::Batches)> = batch
            .par_iter()
            .map(|&index| {
                let mut village = village::make(&layout, index);
                let mut tables = Tables::new(layout.first_year, options.years);
                let batches = projects::add(&layout, &mut village, &mut tables);
                emit::emit(&layout, &village, &mut tables);
                let exits = areas::exits(&layout, &village);
                (tables, village.truth, exits, batches)
            })
            .collect();
        for (tables, truth, exits, sums) in made {
            areas.add(exits);
            bank.add(sums);
            append(&mut outputs, &mut rows, &tables)?;
            write_truth(&mut truth_out, &mut kinds, &truth, options.doses)?;
        }
    }
    let mut tables = Tables::new(layout.first_year, options.years);
    let mut truth = areas.finish(&layout, &mut tables);
    logs::write(&layout, &mut tables, &mut truth);
    bank.finish(&layout, &mut tables, &mut truth);
    append(&mut outputs, &mut rows, &tables)?;
    write_truth(&mut truth_out, &mut kinds, &truth, options.doses)?;
    for out in outputs {
        out.close()?;
    }
    truth_out.close()?;

    let mut listed: Vec<(String, u64)> = specs.iter().zip(rows).map(|(s, n)| (format!("data/{}", s.name), n)).collect();
    listed.sort();
    for (name, text) in project_files(options, &layout) {
        let mut out = Output::create(&dir.join(name), false)?;
        out.append(text.as_bytes())?;
        out.close()?;
    }
    let not_planted = jobs::kinds().into_iter().filter(|k| kinds.get(*k).is_none_or(|n| n.0 == 0)).map(String::from).collect();
    Ok(SynthSummary { households: options.households, villages: layout.sites.len(), files: listed, kinds, not_planted })
}

fn append(outputs: &mut [Output], rows: &mut [u64], tables: &Tables) -> Result<(), Diagnostics> {
    for (n, buffer) in tables.buffers.iter().enumerate() {
        outputs[n].append(buffer)?;
        rows[n] += tables.rows[n];
    }
    Ok(())
}

fn write_truth(out: &mut Output, kinds: &mut BTreeMap<String, (usize, usize)>, truth: &Truth, doses: bool) -> Result<(), Diagnostics> {
    let mut text = String::new();
    let mut counted = std::collections::BTreeSet::new();
    for r in &truth.rows {
        let role = if r.role == Role::Planted { "planted" } else { "lookalike" };
        let cells = [r.truth_no.as_str(), &r.kind, role, &r.table, &r.key, &r.entity, &r.subject];
        // The note alone may hold a comma; none holds a quote.
        let note = if r.note.contains(',') { format!("\"{}\"", r.note) } else { r.note.clone() };
        text.push_str(&cells.join(","));
        text.push(',');
        text.push_str(&note);
        if doses {
            text.push_str(&format!(",{}", r.dose.map_or_else(String::new, |d| d.to_string())));
        }
        text.push('\n');
        if counted.insert(&r.truth_no) {
            let count = kinds.entry(r.kind.clone()).or_default();
            if r.role == Role::Planted { count.0 += 1 } else { count.1 += 1 }
        }
    }
    out.append(text.as_bytes())
}

/// The project file and the policy tables.
fn project_files(options: &SynthOptions, layout: &Layout) -> Vec<(&'static str, String)> {
    let (first, cover) = (layout.first_year, layout.cover_year());
    // Coverage follows the years; the sample's project file is that of four years.
    let mut project = PROJECT.replace("from: 2015-01-01,", &format!("from: {cover}-01-01,"));
    project = project.replace("from: 2017-01-01,", &format!("from: {first}-01-01,"));
    if let Some(rules) = &options.rules {
        project = project.replace("rules: [../rules/]", &format!("rules: [{rules}]"));
    }
    let mut regions = String::from("code,name,level,parent,valid_from,valid_to,successor\n");
    for (code, name, level, parent) in layout.regions() {
        let parent = if parent == 0 { String::new() } else { parent.to_string() };
        regions.push_str(&format!("{code},{name},{level},{parent},2000-01-01,,\n"));
    }
    let mut all = vec![
        ("recount.yaml", project),
        ("policy/parameters.csv", PARAMETERS.to_string()),
        ("policy/standards.csv", STANDARDS.to_string()),
        ("policy/regions.csv", regions),
    ];
    all.extend(POLICY_TABLES.map(|(name, text)| (name, text.to_string())));
    all
}

/// A file being written, in UTF-8 or GB18030.
struct Output {
    path: std::path::PathBuf,
    gb18030: bool,
    out: BufWriter<File>,
}

impl Output {
    fn create(path: &Path, gb18030: bool) -> Result<Self, Diagnostics> {
        let file = File::create(path).map_err(|e| unwritable(path, &e))?;
        Ok(Output { path: path.to_path_buf(), gb18030, out: BufWriter::with_capacity(1 << 18, file) })
    }

    /// Whole lines of UTF-8.
    fn append(&mut self, bytes: &[u8]) -> Result<(), Diagnostics> {
        let written = if self.gb18030 {
            let text = String::from_utf8_lossy(bytes);
            self.out.write_all(&encoding_rs::GB18030.encode(&text).0)
        } else {
            self.out.write_all(bytes)
        };
        written.map_err(|e| unwritable(&self.path, &e))
    }

    fn close(mut self) -> Result<(), Diagnostics> {
        self.out.flush().map_err(|e| unwritable(&self.path, &e))
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Diagnostics {
    Diagnostic::error("cannot-write", format!("cannot write {}: {error}", path.display()))
        .place(Place::File(path.display().to_string()), "")
        .help("choose a folder you may write to, on a disk with room")
        .into()
}
