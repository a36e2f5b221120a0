//! Cells of the evidence as they stand in the delivered files: looked up for all findings at once.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use rayon::prelude::*;

use super::evidence::RecordUse;
use super::late::Packed;
use super::shape::{Shapes, beside_key};
use crate::diagnostic::Diagnostics;
use crate::finding::{DeliveredCells, Drawer};
use crate::plan::Catalog;
use crate::project::Project;
use crate::table::{Loaded, WantedCells};

/// The records behind the evidence of some findings, in their order.
#[derive(Debug, Default)]
pub struct Records {
    /// Table and columns, by shape.
    shapes: Vec<(usize, Arc<BTreeSet<usize>>)>,
    rows: Vec<RecordUse>,
    /// Where the records of each finding end.
    ends: Vec<u32>,
}

impl Records {
    /// The records of one more finding.
    pub fn push(&mut self, records: &[RecordUse]) {
        self.rows.extend_from_slice(records);
        self.ends.push(self.rows.len() as u32);
    }
    /// What the shapes of all of them are.
    pub fn shaped(self, shapes: &Shapes<'_>) -> Self {
        Records { shapes: shapes.all().iter().map(|s| (s.table, s.columns.clone())).collect(), ..self }
    }
    pub fn len(&self) -> usize {
        self.rows.len()
    }
}

/// Marks of rows, counted: how many are marked before each.
struct Marks {
    words: Vec<u64>,
    before: Vec<u32>,
}

impl Marks {
    fn new(rows: usize) -> Self {
        Marks { words: vec![0; rows.div_ceil(64)], before: vec![] }
    }
    fn set(&mut self, row: u32) {
        if let Some(word) = self.words.get_mut(row as usize / 64) {
            *word |= 1 << (row % 64);
        }
    }
    /// The marked rows, ascending; from now on [`Marks::rank`] holds.
    fn count(&mut self) -> Vec<u32> {
        let mut rows = vec![];
        self.before = self
            .words
            .iter()
            .enumerate()
            .map(|(w, word)| {
                let before = rows.len() as u32;
                let mut left = *word;
                while left != 0 {
                    rows.push(w as u32 * 64 + left.trailing_zeros());
                    left &= left - 1;
                }
                before
            })
            .collect();
        rows
    }
    /// Place of a marked row among the marked ones.
    fn rank(&self, row: u32) -> usize {
        let (word, bit) = (row as usize / 64, row % 64);
        self.before[word] as usize + (self.words[word] & ((1 << bit) - 1)).count_ones() as usize
    }
}

/// Adds to each batch the cells as they stand in the delivered files.
///
/// # Errors
/// A file is gone or is no longer the one that was loaded; there is no room to keep the cells.
pub fn deliver(
    project: &Project,
    catalog: &Catalog,
    loaded: &Loaded,
    packed: &mut [Packed],
    drawer: &Drawer,
) -> Result<io::Result<()>, Diagnostics> {
    let in_file = |table: usize, column: usize| catalog.tables[table].columns[column].is.is_none();
    let columns: BTreeSet<(usize, usize)> = packed
        .iter()
        .flat_map(|p| &p.records.shapes)
        .flat_map(|(table, columns)| beside_key(catalog, *table, columns).map(|c| (*table, c)))
        .filter(|(table, column)| in_file(*table, *column))
        .collect();
    let asked: Vec<((usize, usize), Marks, WantedCells)> = columns
        .into_par_iter()
        .map(|(table, column)| {
            let mut marks = Marks::new(loaded.tables.get(table).map_or(0, |t| t.rows));
            for records in packed.iter().map(|p| &p.records) {
                let reads: Vec<bool> = records.shapes.iter().map(|(t, columns)| *t == table && columns.contains(&column)).collect();
                if reads.contains(&true) {
                    records.rows.iter().filter(|r| reads[r.shape as usize]).for_each(|r| marks.set(r.row));
                }
            }
            let rows = marks.count();
            ((table, column), marks, WantedCells { table, column: catalog.tables[table].columns[column].name.clone(), rows })
        })
        .collect();
    let mut places: BTreeMap<(usize, usize), (usize, Marks)> = BTreeMap::new();
    let mut wanted = vec![];
    for (number, (column, marks, cells)) in asked.into_iter().enumerate() {
        places.insert(column, (number, marks));
        wanted.push(cells);
    }
    let delivered = crate::table::delivered(project, loaded, wanted)?;
    Ok(packed.par_iter_mut().try_for_each(|p| {
        let records = std::mem::take(&mut p.records);
        let shapes: Vec<Vec<Option<&(usize, Marks)>>> = records
            .shapes
            .iter()
            .map(|(table, columns)| beside_key(catalog, *table, columns).map(|c| places.get(&(*table, c))).collect())
            .collect();
        let mut cells = DeliveredCells::default();
        let mut start = 0;
        for &end in &records.ends {
            for RecordUse { shape, row } in &records.rows[start..end as usize] {
                for place in &shapes[*shape as usize] {
                    cells.push(place.and_then(|(number, marks)| delivered.at(*number, marks.rank(*row))));
                }
            }
            cells.end();
            start = end as usize;
        }
        p.batch.deliver(cells, drawer)
    }))
}
