//! What was planted: the truth file, written by the generator and read by `score`.

use std::path::Path;

use crate::diagnostic::{Diagnostic, Diagnostics, Place};

/// One record of one planted case or look-alike. A case may have several records.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct TruthRow {
    /// Number of the case that the record belongs to.
    pub truth_no: String,
    /// Catalogue id, `FD12`.
    pub kind: String,
    pub role: Role,
    pub table: String,
    /// Values of the record's key columns, joined by `/`.
    pub key: String,
    /// Entity of the case's subject: person, household, area ...
    pub entity: String,
    pub subject: String,
    pub note: String,
    /// How strongly the case is planted, where it stands in a programme of several doses; [`super::dosing`] says of what.
    #[serde(default)]
    pub dose: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A rule of this kind should flag it.
    Planted,
    /// Looks like it and is in order: a rule should leave it clear or exempt.
    Lookalike,
}

/// The truth file's rows, in the order written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Truth {
    pub rows: Vec<TruthRow>,
    prefix: String,
    cases: usize,
    /// Kind and dose of what is being planted.
    dosed: Option<(&'static str, i64)>,
}

/// A case being written down.
pub(super) struct Case {
    truth_no: String,
    kind: &'static str,
    role: Role,
    entity: &'static str,
    subject: String,
    note: &'static str,
    dose: Option<i64>,
}

impl Truth {
    pub(super) fn of_village(index: usize) -> Self {
        Truth { prefix: format!("T{:05}", index + 1), ..Truth::default() }
    }

    /// Truth of the programme as a whole (areas above the village).
    pub(super) fn of_areas() -> Self {
        Truth { prefix: "T00000".into(), ..Truth::default() }
    }

    /// Cases of that kind have that dose from here on; those of other kinds that come along have none.
    pub(super) fn dosed(&mut self, kind: &'static str, dose: Option<i64>) {
        self.dosed = dose.map(|d| (kind, d));
    }

    pub(super) fn case(&mut self, kind: &'static str, planted: bool, entity: &'static str, subject: String, note: &'static str) -> Case {
        self.cases += 1;
        let role = if planted { Role::Planted } else { Role::Lookalike };
        let dose = self.dosed.filter(|d| d.0 == kind).map(|d| d.1);
        Case { truth_no: format!("{}{:04}", self.prefix, self.cases), kind, role, entity, subject, note, dose }
    }

    pub(super) fn record(&mut self, case: &Case, table: &'static str, key: String) {
        self.rows.push(TruthRow {
            truth_no: case.truth_no.clone(),
            kind: case.kind.into(),
            role: case.role,
            table: table.into(),
            key,
            entity: case.entity.into(),
            subject: case.subject.clone(),
            note: case.note.into(),
            dose: case.dose,
        });
    }

    /// Reads a truth file.
    ///
    /// # Errors
    /// The file cannot be read, or a row lacks a column or names an unknown role.
    pub fn read(path: &Path) -> Result<Truth, Diagnostics> {
        let name = path.display().to_string();
        let problem = |text: String| {
            Diagnostics::from(
                Diagnostic::error("truth-unreadable", format!("the truth file cannot be read: {text}"))
                    .place(Place::File(name.clone()), "")
                    .help("give the `truth.csv` that `recount synth` wrote beside the programme"),
            )
        };
        let mut reader = csv::Reader::from_path(path).map_err(|e| problem(e.to_string()))?;
        let rows = reader.deserialize().collect::<Result<Vec<TruthRow>, _>>().map_err(|e| problem(e.to_string()))?;
        Ok(Truth { rows, ..Truth::default() })
    }
}
