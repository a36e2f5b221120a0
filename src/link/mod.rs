//! `recount link`: records of files linked to people and households, outside any rule.
//!
//! A link file says what is linked; [`run`] reads the files, trains or takes a model, scores, clusters and votes households, and [`write()`]
//! leaves a folder. The method is that of [`crate::linkage`], which the check `same_entity` uses too.

mod judge;
mod kept;
mod read;
mod show;
mod spec;
mod write;

use std::path::{Path, PathBuf};

pub use read::{Delivered, ReadFile, Texts, read};
use show::pair_text;
pub use show::{found_text, model_text};
pub use spec::{LINK_VERSION, LinkFile, Question, told};
pub use write::{LinkManifest, TableFormat, write};

use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::linkage::{self, HouseholdLink, Judgement, Kept, Kind, Label, Linkage, Model, Records, Run, SharedId, Verdict};
use crate::run::sha256;

/// What to do.
#[derive(Debug, Clone, Default)]
pub struct LinkOptions {
    /// The link file.
    pub file: PathBuf,
    /// A model file to use instead of training.
    pub model: Option<PathBuf>,
    /// Judgements instead of those the link file names.
    pub judgements: Option<PathBuf>,
    /// Pairs whose truth is known, to learn from and to draw the line by.
    pub labels: Option<PathBuf>,
    /// Folder of an earlier run that kept its pairs: its model is used, and only new or changed records are compared.
    pub since: Option<PathBuf>,
}

/// Records ready to be linked.
#[derive(Debug)]
pub struct Prepared {
    pub question: Question,
    pub records: Records,
    pub keys: Texts,
    /// Listing of each record, where there is a household field.
    listings: Option<Texts>,
    pub files: Vec<ReadFile>,
    pub model: Option<(Model, String)>,
    pub judgements: Vec<Judgement>,
    judgements_sha256: Option<String>,
    /// Judgements about records that are not there.
    pub judgements_absent: usize,
    labels: Vec<Label>,
    labels_sha256: Option<String>,
    kept: Option<kept::KeptRun>,
}

/// What was found.
#[derive(Debug)]
pub struct Found {
    pub question: String,
    pub manifest: LinkManifest,
    pub linkage: Linkage,
    pub households: Vec<HouseholdLink>,
    pub shared_ids: Vec<SharedId>,
    pub judgements_absent: usize,
    keys: Texts,
    listings: Option<Texts>,
    /// By row: what the next run tells a changed record by.
    digests: Vec<u64>,
}

impl Found {
    fn key(&self, row: u32) -> &str {
        self.keys.get(row as usize)
    }
    fn listing(&self, row: u32) -> &str {
        self.listings.as_ref().map_or("", |l| l.get(row as usize))
    }
    /// `name exact, id_no one-edit`: fields that both records have, with their level.
    fn levels(&self, pattern: u64) -> String {
        let levels = self.linkage.model.levels_of(pattern);
        levels.iter().map(|(field, level)| format!("{field} {level}")).collect::<Vec<_>>().join(", ")
    }
}

/// Reads the link file, its files, model and judgements.
///
/// # Errors
/// All that is wrong with any of them.
pub fn prepare(options: &LinkOptions) -> Result<Prepared, Diagnostics> {
    let question = Question::read(&options.file)?;
    let root = options.file.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let root = if root.as_os_str().is_empty() { PathBuf::from(".") } else { root };
    let model = match &options.model {
        Some(path) => Some(read_model(path, &question)?),
        None => None,
    };
    let mut delivered = read(&question, &root)?;
    if delivered.key.len() < 2 {
        return Err(Diagnostic::error("no-records", format!("{} records: there is nothing to link", delivered.key.len()))
            .place(Place::File(options.file.display().to_string()), "")
            .help("give files with at least two records under `from:`")
            .into());
    }
    let mut builder = Records::builder(&question.spec, delivered.key.len()).map_err(|problems| told(problems, &options.file))?;
    let household = question.spec.first(Kind::Household);
    let mut listings = None;
    for (field, slot) in delivered.fields.iter_mut().enumerate() {
        // Each column is let go as soon as it is packed.
        let texts = std::mem::take(slot);
        builder.column(field, |row| texts.cell(row));
        if household == Some(field) {
            listings = Some(texts);
        }
    }
    if question.spec.across {
        let first = delivered.first;
        builder.side(move |row| u8::from(row >= first));
    }
    let path = options.judgements.clone().or_else(|| question.file.judgements.as_ref().map(|j| root.join(&j.value)));
    let (mut judgements, mut absent, mut judgements_sha256) = (vec![], 0, None);
    if let Some(path) = path {
        (judgements, absent) = judge::read_judgements(&path, &delivered.key)?;
        judgements_sha256 = std::fs::read(&path).ok().map(|bytes| sha256(&bytes));
    }
    let (mut labels, mut labels_sha256) = (vec![], None);
    if let Some(path) = &options.labels {
        labels = judge::read_judgements(path, &delivered.key)?
            .0
            .into_iter()
            .filter(|j| j.verdict != Verdict::Unsure)
            .map(|j| Label { a: j.a, b: j.b, same: j.verdict == Verdict::Same })
            .collect();
        labels_sha256 = std::fs::read(path).ok().map(|bytes| sha256(&bytes));
        if labels.is_empty() {
            return Err(Diagnostic::error("linkage-labels", format!("`{}` has no label about two records of these files", path.display()))
                .place(Place::File(path.display().to_string()), "")
                .help("give a CSV file with the columns a, b (keys of records) and verdict (same, different)")
                .into());
        }
    }
    let records = builder.finish();
    let kept = match &options.since {
        Some(folder) => Some(kept::read_kept(folder, &question, &delivered.key, &records)?),
        None => None,
    };
    Ok(Prepared {
        records,
        keys: delivered.key,
        labels,
        labels_sha256,
        kept,
        listings,
        files: delivered.files,
        model,
        judgements,
        judgements_sha256,
        judgements_absent: absent,
        question,
    })
}

fn read_model(path: &Path, question: &Question) -> Result<(Model, String), Diagnostics> {
    let place = || Place::File(path.display().to_string());
    let text = std::fs::read_to_string(path).map_err(|e| {
        Diagnostic::error("unreadable-file", format!("`{}` cannot be read: {e}", path.display()))
            .place(place(), "")
            .help("give the model.json of a link folder, or leave out `--model` to train")
    })?;
    let model = Model::from_json(&text).map_err(|problems| told(problems, path))?;
    if model.spec.fields != question.spec.fields || model.spec.across != question.spec.across {
        return Err(Diagnostic::error("linkage-model", "the model was trained for other fields than the link file has")
            .place(place(), "")
            .help("train again (leave out `--model`), or take the link file in the model's folder")
            .into());
    }
    Ok((model, sha256(text.as_bytes())))
}

/// Trains on the records.
///
/// # Errors
/// What the core refuses.
pub fn train(prepared: &Prepared, file: &Path) -> Result<Model, Diagnostics> {
    linkage::train(&prepared.records, &prepared.question.spec, &prepared.labels).map_err(|problems| told(problems, file))
}

/// Why two records were, or were not, linked: the whole run decides, so it is made (with the model, if one is given).
///
/// # Errors
/// A key that no record has, or one key twice; what the core refuses.
pub fn explain(prepared: &Prepared, file: &Path, keys: [&str; 2]) -> Result<String, Diagnostics> {
    let mut problems = Diagnostics::default();
    let mut rows = vec![];
    for key in keys {
        match (0..prepared.keys.len()).find(|&row| prepared.keys.get(row) == key) {
            Some(row) => rows.push(row as u32),
            None => problems.push(
                Diagnostic::error("unknown-record", format!("no record has the key `{key}`"))
                    .help(format!("give two values of `{}`, the key of the link file", prepared.question.file.key.value)),
            ),
        }
    }
    problems.finish(())?;
    let linkage = linkage::link(&prepared.records, &prepared.question.spec, &options(prepared)).map_err(|problems| told(problems, file))?;
    match linkage::explain(&prepared.records, &linkage, rows[0], rows[1]) {
        Some(explanation) => Ok(pair_text(prepared, &explanation)),
        None => Err(Diagnostic::error("unknown-record", format!("`{}` and `{}` are one record", keys[0], keys[1]))
            .help("give the keys of two different records")
            .into()),
    }
}

fn options(prepared: &Prepared) -> Run<'_> {
    let model = prepared.model.as_ref().map(|(model, _)| model);
    Run { model, judgements: &prepared.judgements, labels: &prepared.labels }
}

/// Scores, clusters, and votes households.
///
/// # Errors
/// What the core refuses.
pub fn run(prepared: Prepared, file: &Path) -> Result<Found, Diagnostics> {
    let run = options(&prepared);
    let linkage = match &prepared.kept {
        Some(kept) => linkage::update(&prepared.records, &Kept { model: &kept.model, pairs: &kept.pairs, same: &kept.same }, &run),
        None => linkage::link(&prepared.records, &prepared.question.spec, &run),
    };
    let linkage = linkage.map_err(|problems| told(problems, file))?;
    let given = prepared.kept.as_ref().map(|kept| &kept.hash).or(prepared.model.as_ref().map(|(_, hash)| hash));
    let digests = (0..prepared.keys.len()).map(|row| prepared.records.digest_of(row as u32)).collect();
    let same = prepared.kept.as_ref().map(|kept| kept.same.iter().filter(|same| **same).count() as u64);
    let households = linkage::households(&prepared.records, &linkage);
    let shared_ids = linkage::shared_ids(&prepared.records, &linkage);
    let manifest = LinkManifest {
        format: 1,
        version: env!("CARGO_PKG_VERSION"),
        link: sha256(prepared.question.text.as_bytes()),
        inputs: prepared.files,
        model: given.cloned().unwrap_or_else(|| sha256(linkage.model.to_json().as_bytes())),
        model_given: given.is_some(),
        judgements: prepared.judgements_sha256,
        labels: prepared.labels_sha256,
        same_as_before: same,
    };
    Ok(Found {
        question: prepared.question.text,
        manifest,
        linkage,
        households,
        shared_ids,
        judgements_absent: prepared.judgements_absent,
        keys: prepared.keys,
        listings: prepared.listings,
        digests,
    })
}
