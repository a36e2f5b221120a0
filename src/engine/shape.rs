//! Records of evidence as they lie in packed columns: what is shown of records alike is settled once.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use rustc_hash::FxHashMap;

use super::evidence::RecordUse;
use crate::finding::{Name, Record};
use crate::plan::Catalog;
use crate::schema::Value;
use crate::table::{Column, Origin, Table};

/// Names of the catalogue's tables, their columns and their files: shared by all records.
pub struct Names {
    tables: Vec<TableNames>,
}

struct TableNames {
    table: Name,
    /// With its place in the loaded table, if it was loaded.
    columns: Vec<(Name, Option<usize>)>,
    files: Vec<(Name, Option<Name>)>,
}

impl Names {
    pub fn new(catalog: &Catalog, tables: &[Arc<Table>]) -> Self {
        let of = |(i, def): (usize, &crate::plan::TableDef)| TableNames {
            table: def.name.as_str().into(),
            columns: def.columns.iter().map(|c| (c.name.as_str().into(), tables.get(i).and_then(|t| t.position(&c.name)))).collect(),
            files: tables.get(i).map_or_else(Vec::new, |table| {
                table.origin.files.iter().map(|f| (f.path.as_str().into(), f.sheet.as_deref().map(Name::from))).collect()
            }),
        };
        Names { tables: catalog.tables.iter().enumerate().map(of).collect() }
    }
}

/// Those of a record's `columns` that are shown beside its key, in order.
pub fn beside_key<'r>(catalog: &'r Catalog, table: usize, columns: &'r BTreeSet<usize>) -> impl Iterator<Item = usize> + 'r {
    let key = &catalog.tables[table].key;
    columns.iter().copied().filter(move |c| !key.contains(c))
}

/// What is shown of the records of one table that play one part.
#[derive(Debug)]
pub struct Shape<'a> {
    pub table: usize,
    /// All that were read, those of the key too.
    pub columns: Arc<BTreeSet<usize>>,
    role: &'a Name,
    name: &'a Name,
    key: Vec<(&'a Name, &'a Column)>,
    cells: Vec<(&'a Name, &'a Column)>,
    files: &'a [(Name, Option<Name>)],
    origin: &'a Origin,
}

/// Shapes of records, numbered as they come.
pub struct Shapes<'a> {
    catalog: &'a Catalog,
    names: &'a Names,
    tables: &'a [Arc<Table>],
    all: Vec<Shape<'a>>,
    joined: FxHashMap<(u32, u32), u32>,
}

impl<'a> Shapes<'a> {
    pub fn new(catalog: &'a Catalog, names: &'a Names, tables: &'a [Arc<Table>]) -> Self {
        Shapes { catalog, names, tables, all: vec![], joined: FxHashMap::default() }
    }
    pub fn all(&self) -> &[Shape<'a>] {
        &self.all
    }
    /// `None`: the table is not loaded.
    pub fn number(&mut self, table: usize, role: &'a Name, columns: &Arc<BTreeSet<usize>>) -> Option<u32> {
        let known = self.all.iter().position(|s| s.table == table && s.role == role && s.columns == *columns);
        Some(match known {
            Some(number) => number as u32,
            None => {
                let loaded = self.tables.get(table)?;
                let names = &self.names.tables[table];
                let named = |column: usize| {
                    let (name, place) = &names.columns[column];
                    Some((name, &loaded.columns[(*place)?]))
                };
                self.all.push(Shape {
                    table,
                    columns: columns.clone(),
                    role,
                    name: &names.table,
                    key: self.catalog.tables[table].key.iter().filter_map(|&k| named(k)).collect(),
                    cells: beside_key(self.catalog, table, columns).filter_map(named).collect(),
                    files: &names.files,
                    origin: &loaded.origin,
                });
                self.all.len() as u32 - 1
            }
        })
    }
    /// Whether both are the same record, whatever is shown of it.
    pub fn same(&self, a: RecordUse, b: RecordUse) -> bool {
        a.row == b.row && self.all[a.shape as usize].table == self.all[b.shape as usize].table
    }
    /// The shape of a record of shape `known` that shows the columns of `other` too.
    pub fn joined(&mut self, known: u32, other: u32) -> u32 {
        if known == other {
            return known;
        }
        if let Some(&both) = self.joined.get(&(known, other)) {
            return both;
        }
        let (a, b) = (&self.all[known as usize], &self.all[other as usize]);
        let both = if b.columns.is_subset(&a.columns) {
            known
        } else {
            let (table, role, columns) = (a.table, a.role, Arc::new(&*a.columns | &*b.columns));
            self.number(table, role, &columns).unwrap_or(known)
        };
        self.joined.insert((known, other), both);
        both
    }
    pub fn record(&self, used: RecordUse) -> InColumns<'_> {
        InColumns { shape: &self.all[used.shape as usize], row: used.row as usize }
    }
}

/// A record in packed columns.
pub struct InColumns<'s> {
    shape: &'s Shape<'s>,
    row: usize,
}

impl Record for InColumns<'_> {
    fn table(&self) -> &Name {
        self.shape.name
    }
    fn role(&self) -> &Name {
        self.shape.role
    }
    fn place(&self) -> (&Name, Option<&Name>, u32) {
        let Shape { origin, files, .. } = self.shape;
        let file = origin.file.get(self.row).and_then(|&f| files.get(usize::from(f)));
        let (file, sheet) = file.map_or((&*NO_FILE, None), |(file, sheet)| (file, sheet.as_ref()));
        (file, sheet, origin.line.get(self.row).copied().unwrap_or(0))
    }
    fn key(&self) -> impl ExactSizeIterator<Item = (&Name, Cow<'_, Value>)> {
        self.shape.key.iter().map(|(name, column)| (*name, Cow::Owned(column.value(self.row))))
    }
    fn cells(&self) -> impl ExactSizeIterator<Item = (&Name, Cow<'_, Value>)> {
        self.shape.cells.iter().map(|(name, column)| (*name, Cow::Owned(column.value(self.row))))
    }
}

/// Rows of views that no file holds.
static NO_FILE: LazyLock<Name> = LazyLock::new(|| "".into());
