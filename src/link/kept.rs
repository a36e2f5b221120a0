//! What a run leaves for the next one, so that only new and changed records are compared: keys with a hash of what was known, and the weighed pairs.

use std::fs::File;
use std::path::Path;

use rustc_hash::FxHashMap;

use super::read::Texts;
use super::read_model;
use super::spec::Question;
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::linkage::{Band, Model, Pair, Records};
use crate::run::frame::{Cells, Frame};

pub const RECORDS: &str = "kept_records.parquet";
pub const PAIRS: &str = "kept_pairs.parquet";

/// Records of this run that stood in the earlier one as they are, and the pairs among them.
#[derive(Debug)]
pub struct KeptRun {
    pub model: Model,
    /// SHA-256 of the model file.
    pub hash: String,
    pub pairs: Vec<Pair>,
    /// By row of this run.
    pub same: Vec<bool>,
}

/// Reads the folder of an earlier run made with `--keep`.
///
/// # Errors
/// Not such a folder; made from another question.
pub fn read_kept(folder: &Path, question: &Question, keys: &Texts, records: &Records) -> Result<KeptRun, Diagnostics> {
    let (model, hash) = read_model(&folder.join("model.json"), question)?;
    let path = folder.join(RECORDS);
    let before = frame(&path)?;
    let (Ok(names), Some(digests)) = (before.text("key"), ints(&before, "digest")) else { return Err(broken(&path).into()) };
    let now: FxHashMap<&str, u32> = (0..keys.len()).map(|row| (keys.get(row), row as u32)).collect();
    // Row of this run of each record of the earlier one that is the same.
    let place: Vec<Option<u32>> = names
        .iter()
        .zip(digests)
        .map(|(name, digest)| {
            let row = *now.get(name.as_deref()?)?;
            (Some(records.digest_of(row) as i64) == *digest).then_some(row)
        })
        .collect();
    let mut same = vec![false; keys.len()];
    place.iter().flatten().for_each(|&row| same[row as usize] = true);
    let path = folder.join(PAIRS);
    let listed = frame(&path)?;
    let columns: Option<Vec<&[Option<i64>]>> = ["a", "b", "weight", "pattern", "mask"].iter().map(|name| ints(&listed, name)).collect();
    let Some(columns) = columns else { return Err(broken(&path).into()) };
    let mut pairs = Vec::with_capacity(listed.rows());
    for i in 0..listed.rows() {
        let cell = |column: usize| columns[column][i].unwrap_or_default();
        let row = |column: usize| usize::try_from(cell(column)).ok().and_then(|old| place.get(old).copied().flatten());
        if let (Some(a), Some(b)) = (row(0), row(1)) {
            let (weight, pattern, mask) = (cell(2) as i32, cell(3) as u64, cell(4) as u16);
            pairs.push(Pair { a: a.min(b), b: a.max(b), weight, pattern, mask, band: Band::Review });
        }
    }
    Ok(KeptRun { model, hash, pairs, same })
}

/// The two tables of the next run.
pub fn tables<'a>(keys: &'a Texts, digests: &[u64], pairs: &[Pair]) -> [(&'static str, Frame<'a>); 2] {
    let ints = |values: Vec<i64>| Cells::Int(values.into_iter().map(Some).collect());
    let records = Frame::default()
        .with("key", Cells::Text((0..keys.len()).map(|row| Some(keys.get(row).into())).collect()))
        .with("digest", ints(digests.iter().map(|&d| d as i64).collect()));
    // Pairs that no rule met stand there by an inspector's word alone, which is read again.
    let met = || pairs.iter().filter(|p| p.mask != 0);
    let pairs = Frame::default()
        .with("a", ints(met().map(|p| i64::from(p.a)).collect()))
        .with("b", ints(met().map(|p| i64::from(p.b)).collect()))
        .with("weight", ints(met().map(|p| i64::from(p.weight)).collect()))
        .with("pattern", ints(met().map(|p| p.pattern as i64).collect()))
        .with("mask", ints(met().map(|p| i64::from(p.mask)).collect()));
    [(RECORDS, records), (PAIRS, pairs)]
}

fn ints<'f>(frame: &'f Frame, name: &str) -> Option<&'f [Option<i64>]> {
    frame.0.iter().find_map(|(n, cells)| match cells {
        Cells::Int(values) if n == name => Some(values.as_slice()),
        _ => None,
    })
}

fn frame(path: &Path) -> Result<Frame<'static>, Diagnostics> {
    let file = File::open(path).map_err(|e| {
        Diagnostic::error("unreadable-file", format!("`{}` cannot be read: {e}", path.display()))
            .place(Place::File(path.display().to_string()), "")
            .help("give the folder of a run made with `--keep`")
    })?;
    Frame::read(file).map(|(frame, _)| frame).map_err(|_| broken(path).into())
}

fn broken(path: &Path) -> Diagnostic {
    Diagnostic::error("unreadable-parquet", format!("`{}` is not what a link run keeps", path.display()))
        .place(Place::File(path.display().to_string()), "")
        .help("link without `--since`, with `--keep`, to make it anew")
}
