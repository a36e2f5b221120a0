//! A table that may be larger than the memory allowed, from its files into the store.
//!
//! Records are packed in blocks; as many as the budget takes are put in order and written as a run to a file without a name beside the store. Texts of a
//! run are numbered within it: when all files are read, the lists of texts are merged and the numbers in the runs become those of the whole table.
//! The runs are then merged into row groups. Where keys that repeat or the latest rows of a snapshot cannot be told in the table's own order, key and
//! origin of each row are sorted and merged a second time. What is stored is, byte for byte, what loading in memory stores.

mod intake;
mod keys;
mod merge;
mod output;
mod run;
#[cfg(test)]
mod tests;
mod texts;

use std::io;
use std::path::Path;

use rayon::prelude::*;

use super::assemble::{fits, key_of, key_text, repeated_warning};
use super::intern::Pool;
use super::order::gather;
use super::plan::TablePlan;
use super::read::{FileRows, Reading};
use super::store::{Card, Shelf, card_files, store_message};
use super::{Bits, Column, Contents, Data, Dictionary, Progress, Receipt, Spill, receipt};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{Fingerprint, InputFile};
use intake::{Intake, Layout, span, wider};
use keys::{Latest, Repeats, code};
use merge::Merge;
use output::{Known, Output, write_texts};
use texts::TextList;

/// What a table is stored with.
pub(super) struct Storing<'a> {
    pub plan: &'a TablePlan<'a>,
    pub files: &'a [InputFile],
    pub shelf: &'a Shelf<'a>,
    /// Text domains of all tables.
    pub domains: usize,
    pub as_of: Option<i32>,
    /// Bytes allowed.
    pub limit: u64,
    pub block_bytes: usize,
    pub progress: &'a dyn Progress,
}

/// What is known of all rows once all files are read.
struct Together {
    /// All texts, by column of the plan.
    lists: Vec<Option<TextList>>,
    /// `None`: the table's own order will tell.
    repeats: Option<Repeats>,
    /// Rows that stay of a snapshot table.
    kept: Option<Bits>,
}

/// Of the rows that stay: the least and the most of each column of whole numbers, and the texts they hold.
struct Held {
    spans: Vec<Option<(i64, i64)>>,
    used: Vec<Option<Bits>>,
}

impl Storing<'_> {
    /// Reads the files and stores the table; gives the folder's name.
    ///
    /// # Errors
    /// Files that cannot be read, and no room or right to write.
    pub fn store(&self) -> Result<String, Diagnostics> {
        fits(self.plan, 0, self.files.len())?;
        let store = self.shelf.store();
        let spill = std::fs::create_dir_all(store).and_then(|()| Spill::in_folder(store)).map_err(|e| self.no_room(&e))?;
        let pool = Pool::new(self.domains);
        let layout = Layout::new(self.plan, self.files.len(), self.limit);
        let mut intake = Intake::new(self.plan, &pool, &spill, &layout, self.files.len(), self.held());
        let warnings = self.read(&mut intake)?;
        intake.write().map_err(|e| self.no_room(&e))?;
        let together = self.together(&intake).map_err(|e| self.no_room(&e))?;
        let placed = self.shelf.place(&intake.gathered.files, |beside, previous| self.fill(beside, &intake, together, warnings, previous));
        // Loading it in memory instead would take what was not allowed.
        placed.map(|((), name)| name).map_err(|warning| Diagnostic { help: vec![], ..self.no_room(&warning.message) }.help(HELP).into())
    }

    /// Bytes that records may take before they are written: about as much again is what the allocator keeps and what is being read.
    fn held(&self) -> usize {
        let reading = (rayon::current_num_threads() * 4 * self.block()) as u64;
        (self.limit / 2).saturating_sub(reading) as usize
    }

    /// Bytes of a block: all that are under way at one time are a small part of the budget.
    fn block(&self) -> usize {
        let most = self.limit / (rayon::current_num_threads() as u64 * 64);
        self.block_bytes.min(most.max(1 << 18) as usize)
    }

    fn no_room(&self, why: &dyn std::fmt::Display) -> Diagnostic {
        let message = format!("table `{}` could not be put in order on disk: {why}", self.plan.name());
        Diagnostic::error("store-not-written", message).help(HELP)
    }

    /// Large files are read one after the other, a block at a time; small ones several at once.
    fn read(&self, intake: &mut Intake) -> Result<Diagnostics, Diagnostics> {
        let reading = Reading { plan: self.plan, pool: intake.pool, progress: self.progress, block_bytes: self.block() };
        let size = |f: &InputFile| Fingerprint::of(f).map_or(0, |f| f.bytes);
        let small = self.limit / 64;
        let (mut messages, mut warnings) = (Diagnostics::default(), Diagnostics::default());
        let mut rest = self.files;
        while let Some(first) = rest.first() {
            let mut bytes = 0;
            let fit = rest.iter().take_while(|f| {
                bytes += size(f).max(1);
                bytes <= small
            });
            let (some, after) = rest.split_at(fit.count().max(1));
            rest = after;
            if some.len() > 1 {
                let read: Vec<Result<FileRows, Diagnostics>> = some.par_iter().map(|f| reading.file(f)).collect();
                for (file, rows) in some.iter().zip(read) {
                    let Some(rows) = messages.take(rows) else {
                        intake.in_vain = true;
                        continue;
                    };
                    intake.take(&file.name, rows.blocks)?;
                    intake.end(rows.origin);
                    warnings.extend(rows.warnings);
                }
                intake.settle().map_err(|e| self.no_room(&e))?;
                continue;
            }
            let mut full = None;
            let read = reading.stream(first, &mut |blocks| {
                intake.take(&first.name, blocks)?;
                intake.settle().map_err(|e| {
                    full = Some(self.no_room(&e));
                    Diagnostics::default()
                })
            });
            if let Some(full) = full {
                return Err(full.into());
            }
            match messages.take(read) {
                Some((origin, noted)) => {
                    intake.end(origin);
                    warnings.extend(noted);
                }
                None => intake.in_vain = true,
            }
        }
        messages.finish(warnings)
    }

    /// Gives texts their numbers in the whole table, and looks at the rows in their second order.
    fn together(&self, intake: &Intake) -> io::Result<Together> {
        let (plan, layout, spill) = (self.plan, intake.layout, intake.spill);
        let texts: Vec<usize> = (0..plan.columns.len()).filter(|i| plan.columns[*i].domain.is_some()).collect();
        let mut lists = vec![None; plan.columns.len()];
        // Two at a time: the new numbers of one column's texts are held together.
        for some in texts.chunks(2) {
            let merged: Vec<io::Result<TextList>> = some.par_iter().map(|&i| self.one_list(intake, i)).collect();
            for (i, list) in some.iter().zip(merged) {
                lists[*i] = Some(list?);
            }
        }
        if layout.second.is_empty() {
            return Ok(Together { lists, repeats: None, kept: None });
        }
        let own = layout.second.len();
        let (line, file, number) = layout.origin(own);
        let by: Vec<usize> = (0..own).collect();
        let at = |c: usize| layout.second.iter().position(|s| *s == c).unwrap_or(0);
        let mut repeats = Repeats::new(key_of(plan).into_iter().map(at).collect(), line, file, self.files.len());
        let mut latest = number.map(|number| Latest::new(by[..own - 1].to_vec(), own - 1, number, self.as_of, intake.rows));
        let mut merge = Merge::new(spill, &layout.keys, &by, intake.sorted.iter().filter_map(|s| s.keys.as_ref()));
        while let Some(window) = merge.next()? {
            let columns = match &window.sorted {
                Some(sorted) => window.columns.par_iter().map(|c| gather(c, sorted)).collect(),
                None => window.columns,
            };
            repeats.add(&columns, window.rows);
            latest.iter_mut().for_each(|l| l.add(&columns, window.rows));
        }
        repeats.end();
        Ok(Together { lists, repeats: Some(repeats), kept: latest.map(Latest::finish) })
    }

    /// The texts of column `i`; the runs have their numbers afterwards.
    fn one_list(&self, intake: &Intake, i: usize) -> io::Result<TextList> {
        let lists: Vec<TextList> = intake.sorted.iter().map(|s| s.texts[i].unwrap_or_default()).collect();
        if let [one] = lists[..] {
            return Ok(one);
        }
        let (list, codes) = texts::merge(intake.spill, &lists)?;
        for (sorted, codes) in intake.sorted.iter().zip(codes) {
            sorted.rows.recode(intake.spill, &intake.layout.rows, i, &codes)?;
            if let (Some(keys), Some(at)) = (&sorted.keys, intake.layout.second.iter().position(|s| *s == i)) {
                keys.recode(intake.spill, &intake.layout.keys, at, &codes)?;
            }
        }
        Ok(list)
    }

    /// What the rows that stay hold.
    fn held_by(&self, intake: &Intake, lists: &[Option<TextList>], kept: &Bits) -> io::Result<Held> {
        let own = self.plan.columns.len();
        let mut held =
            Held { spans: vec![None; own], used: lists.iter().map(|list| list.map(|list| Bits::new(list.count, false))).collect() };
        let form = &intake.layout.rows;
        let (_, _, number) = intake.layout.origin(own);
        for run in intake.sorted.iter().map(|s| &s.rows) {
            for piece in 0..run.pieces(form) {
                let columns = run.read(intake.spill, form, piece)?;
                let stays = |row: &u32| number.is_none_or(|n| kept.get(code(&columns[n], *row as usize) as usize));
                let rows: Vec<u32> = (0..run.range(form, piece).len() as u32).filter(stays).collect();
                held.spans.par_iter_mut().zip(&mut held.used).zip(&columns).for_each(|((all, used), column)| {
                    let column = gather(column, &rows);
                    *all = wider(*all, span(&column));
                    if let (Data::Code(codes, _), Some(used)) = (&column.data, used) {
                        (0..rows.len()).filter(|row| column.is_valid(*row)).for_each(|row| used.set(codes[row] as usize, true));
                    }
                });
            }
        }
        Ok(held)
    }

    /// Writes the files of the table into `beside`.
    fn fill(
        &self,
        beside: &Path,
        intake: &Intake,
        together: Together,
        mut warnings: Diagnostics,
        previous: Option<Receipt>,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let (plan, layout, spill) = (self.plan, intake.layout, intake.spill);
        let own = plan.columns.len();
        let Together { lists, mut repeats, kept } = together;
        let held = match &kept {
            Some(kept) => self.held_by(intake, &lists, kept)?,
            None => Held { spans: intake.spans.clone(), used: vec![None; own] },
        };
        let mut hashes = vec![vec![]; own];
        for (i, list) in lists.iter().enumerate() {
            if let Some(list) = list {
                hashes[i] = write_texts(spill, list, held.used[i].as_ref(), &beside.join(format!("texts-{i}.parquet")))?;
            }
        }
        let files = &intake.gathered.files;
        let known = Known { plan, files, marks: &intake.marks, spans: &held.spans, hashes };
        let (line, file, number) = layout.origin(own);
        let mut output =
            Output::create(&beside.join("rows.parquet"), known, &layout.rows.columns[..own + 1 + usize::from(layout.has_file)])?;
        let key = key_of(plan);
        let mut in_order =
            repeats.is_none().then(|| Repeats::new((0..key.len()).collect(), key.len(), file.map(|_| key.len() + 1), files.len()));
        let wanted: Vec<usize> = key.iter().copied().chain([line]).chain(file).collect();
        // Numbers of the texts that rows still hold.
        let fewer: Vec<Option<Vec<u32>>> = held.used.iter().map(|used| used.as_ref().map(ranks)).collect();
        let mut merge = Merge::new(spill, &layout.rows, &layout.by, intake.sorted.iter().map(|s| &s.rows));
        while let Some(mut window) = merge.next()? {
            if let (Some(kept), Some(number)) = (&kept, number) {
                let stays = |row: &u32| kept.get(code(&window.columns[number], *row as usize) as usize);
                let all = window.sorted.take().unwrap_or_else(|| (0..window.rows as u32).collect());
                window.sorted = Some(all.into_iter().filter(stays).collect());
                window.columns.par_iter_mut().zip(&fewer).for_each(|(column, fewer)| {
                    if let (Data::Code(codes, _), Some(fewer)) = (&mut column.data, fewer) {
                        codes.iter_mut().for_each(|c| *c = fewer.get(*c as usize).copied().unwrap_or(0));
                    }
                });
            }
            if let Some(repeats) = in_order.as_mut().filter(|_| !key.is_empty()) {
                let sorted = |i: &usize| match &window.sorted {
                    Some(sorted) => gather(&window.columns[*i], sorted),
                    None => window.columns[*i].clone(),
                };
                let columns: Vec<Column> = wanted.par_iter().map(sorted).collect();
                repeats.add(&columns, window.rows);
            }
            output.add(&window.columns, window.rows, window.sorted.as_deref())?;
        }
        let written = output.finish()?;
        let from = if in_order.is_some() { &key } else { &layout.second };
        let mut repeats = in_order.take().or(repeats.take()).unwrap_or_else(|| Repeats::new(vec![], 0, None, files.len()));
        repeats.end();
        let mut shown = vec![];
        for group in &repeats.shown {
            shown.push((self.key_text(&group.key, from, &lists, spill)?, group.places.clone()));
        }
        warnings.extend(repeated_warning(plan, repeats.groups, &repeats.found, files, shown.into_iter()));
        let gathered = &intake.gathered;
        let receipt = receipt::build(plan, &intake.tallies, files, intake.rows, gathered.ragged, &gathered.rejected_cells, &repeats.found);
        let whole = plan.key.iter().all(|&k| !intake.marks[k].valid);
        let unique = !plan.key.is_empty() && whole && receipt.duplicate_keys == 0;
        let card = Card {
            rows: written.rows,
            columns: written.columns,
            files: card_files(files),
            receipt: Receipt { rows: written.rows as u64, ..receipt },
            rejected_cells: gathered.rejected_cells.clone(),
            rejected: gathered.rejected.clone(),
            warnings: warnings.0.iter().filter_map(store_message).collect(),
            ties: !unique && written.ties,
            previous,
        };
        card.write(beside, &Contents { ties: card.ties, ..written.contents })
    }

    /// The key of a row as people may see it; `row`: its columns, which are those of the plan at `from`.
    fn key_text(&self, row: &[Column], from: &[usize], lists: &[Option<TextList>], spill: &Spill) -> io::Result<String> {
        let mut columns: Vec<Column> = self.plan.columns.iter().map(|c| Column::empty(&c.name, &c.semantic, None)).collect();
        for (&i, column) in from.iter().zip(row) {
            columns[i] = column.clone();
            if let (Data::Code(codes, dictionary), Some(list)) = (&mut columns[i].data, &lists[i]) {
                let text = list.get(spill, codes[0] as usize)?;
                *codes = vec![0];
                *dictionary = Dictionary::new(vec![text.into()]).into();
            }
        }
        Ok(key_text(self.plan, &columns, 0))
    }
}

/// How many are set before each bit.
fn ranks(bits: &Bits) -> Vec<u32> {
    let mut before = 0;
    let rank = |i: usize| {
        let rank = before;
        before += u32::from(bits.get(i));
        rank
    };
    (0..bits.len()).map(rank).collect()
}

const HELP: &str = "free some space where the store lies (`.recount`), give the right to write there, or load without --memory";
