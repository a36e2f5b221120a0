//! The findings of a run as they are kept: what sorts, sums and cases need of each at hand, the rest as bytes in memory or in a file.

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::code::{self, Reader, Words};
use super::stake::{Stake, stake};
use super::{Finding, Name, Record, Severity, Subject};
use crate::schema::Value;
use crate::table::Spill;

/// What is at hand of every finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brief {
    pub key: Box<str>,
    pub rule: Name,
    pub severity: Severity,
    pub exempt: bool,
    pub subjects: Box<[Subject]>,
    pub region: Option<i64>,
    pub date: Option<i32>,
    pub period: Option<Value>,
    /// Fen.
    pub amount: Option<i64>,
    pub stake: Option<Stake>,
    /// Records listed.
    pub records: u32,
    batch: u32,
    /// Among the findings of its batch.
    at: u32,
}

impl Brief {
    fn new(f: &Finding, evidence: &[impl Record], at: usize) -> Self {
        Brief {
            key: f.key.as_str().into(),
            rule: f.rule.clone(),
            severity: f.severity,
            exempt: f.exempt,
            subjects: f.subjects.as_slice().into(),
            region: f.region,
            date: f.date,
            period: f.period.clone(),
            amount: f.amount,
            stake: stake(f, evidence),
            records: evidence.len() as u32,
            batch: 0,
            at: at as u32,
        }
    }
}

/// Bytes of several findings, one after another.
#[derive(Debug, Default)]
struct Bytes {
    held: Held,
    /// Where each finding ends.
    ends: Vec<u32>,
}

#[derive(Debug)]
enum Held {
    Memory(Box<[u8]>),
    File(u64),
}

impl Default for Held {
    fn default() -> Self {
        Held::Memory([].into())
    }
}

/// Findings that were made together.
#[derive(Debug)]
pub struct Batch {
    names: Vec<Name>,
    bodies: Bytes,
    delivered: Bytes,
}

/// Where the bytes of findings go.
#[derive(Debug, Clone, Default)]
pub struct Drawer {
    file: Option<Arc<Spill>>,
    /// What went wrong first when bytes were fetched.
    failed: Arc<OnceLock<String>>,
}

impl Drawer {
    /// A file in `folder` that has no name and is gone with the process, however it ends.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn in_folder(folder: &Path) -> io::Result<Self> {
        Ok(Drawer { file: Some(Arc::new(Spill::in_folder(folder)?)), failed: Arc::default() })
    }

    fn put(&self, bytes: Vec<u8>) -> io::Result<Held> {
        let Some(spill) = &self.file else { return Ok(Held::Memory(bytes.into())) };
        spill.put(&bytes).map(Held::File)
    }

    /// Bytes of one finding; a piece of memory is lent.
    fn get<'b>(&self, bytes: &'b Bytes, at: usize, room: &'b mut Vec<u8>) -> Option<&'b [u8]> {
        let end = *bytes.ends.get(at)? as usize;
        let start = at.checked_sub(1).map_or(0, |before| bytes.ends[before] as usize);
        match &bytes.held {
            Held::Memory(all) => all.get(start..end),
            Held::File(from) => {
                room.resize(end - start, 0);
                match self.file.as_ref()?.read(room, from + start as u64) {
                    Ok(()) => Some(room),
                    Err(error) => {
                        self.fail(error.to_string());
                        None
                    }
                }
            }
        }
    }

    fn fail(&self, problem: String) {
        // The first problem is the one that is told.
        let _ = self.failed.set(problem);
    }
}

/// Turns findings into a batch, one after another.
#[derive(Debug, Default)]
pub struct Packer {
    words: Words,
    bodies: Vec<u8>,
    ends: Vec<u32>,
    briefs: Vec<Brief>,
}

impl Packer {
    /// Adds a finding with these records as its evidence, whatever stands in the finding itself; its cells as delivered come later.
    pub fn push(&mut self, finding: &Finding, evidence: &[impl Record]) {
        self.briefs.push(Brief::new(finding, evidence, self.briefs.len()));
        code::finding(&mut self.bodies, &mut self.words, finding, evidence);
        self.ends.push(self.bodies.len() as u32);
    }
    /// # Errors
    /// The drawer's file cannot be written.
    pub fn finish(self, drawer: &Drawer) -> io::Result<(Batch, Vec<Brief>)> {
        let bodies = Bytes { held: drawer.put(self.bodies)?, ends: self.ends };
        Ok((Batch { names: self.words.into_names(), bodies, delivered: Bytes::default() }, self.briefs))
    }
}

/// Cells as delivered of the findings of a batch, in their order.
#[derive(Debug, Default)]
pub struct Cells {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Cells {
    pub fn push(&mut self, cell: Option<&str>) {
        code::delivered(&mut self.bytes, cell);
    }
    /// The cells of one finding are complete.
    pub fn end(&mut self) {
        self.ends.push(self.bytes.len() as u32);
    }
}

impl Batch {
    /// # Errors
    /// The drawer's file cannot be written.
    pub fn deliver(&mut self, cells: Cells, drawer: &Drawer) -> io::Result<()> {
        self.delivered = Bytes { held: drawer.put(cells.bytes)?, ends: cells.ends };
        Ok(())
    }
}

/// All findings of a run, in their order.
#[derive(Debug, Default)]
pub struct Findings {
    briefs: Vec<Brief>,
    batches: Vec<Batch>,
    drawer: Drawer,
}

/// Findings of one batch when they come from a list.
const BATCH: usize = 2048;

impl Findings {
    pub fn on(drawer: &Drawer) -> Self {
        Findings { drawer: drawer.clone(), ..Findings::default() }
    }
    /// Takes over a batch that was packed for the same drawer.
    pub fn add(&mut self, batch: Batch, briefs: Vec<Brief>) {
        let number = self.batches.len() as u32;
        self.batches.push(batch);
        self.briefs.extend(briefs.into_iter().map(|brief| Brief { batch: number, ..brief }));
    }
    /// Takes over findings on the same drawer.
    pub fn append(&mut self, other: Findings) {
        let before = self.batches.len() as u32;
        self.batches.extend(other.batches);
        self.briefs.extend(other.briefs.into_iter().map(|brief| Brief { batch: brief.batch + before, ..brief }));
    }
    /// Leaves out all others.
    pub fn retain(&mut self, keep: impl FnMut(&Brief) -> bool) {
        self.briefs.retain(keep);
    }
    pub fn len(&self) -> usize {
        self.briefs.len()
    }
    pub fn is_empty(&self) -> bool {
        self.briefs.is_empty()
    }
    pub fn briefs(&self) -> &[Brief] {
        &self.briefs
    }
    /// The finding at a position. `None` beyond the last; also where its bytes cannot be fetched, which [`Findings::intact`] tells.
    pub fn get(&self, position: usize) -> Option<Finding> {
        self.decode(self.briefs.get(position)?, true)
    }
    /// The same without its evidence.
    pub fn told(&self, position: usize) -> Option<Finding> {
        self.decode(self.briefs.get(position)?, false)
    }
    pub fn iter(&self) -> impl Iterator<Item = Finding> + '_ {
        (0..self.len()).filter_map(|i| self.get(i))
    }
    pub fn to_vec(&self) -> Vec<Finding> {
        self.iter().collect()
    }
    /// # Errors
    /// Why findings could not be fetched: what was made of them is not to be trusted.
    pub fn intact(&self) -> Result<(), String> {
        self.drawer.failed.get().map_or(Ok(()), |problem| Err(problem.clone()))
    }

    fn decode(&self, brief: &Brief, evidence: bool) -> Option<Finding> {
        let batch = self.batches.get(brief.batch as usize)?;
        let (mut room, mut cells) = (vec![], vec![]);
        let bytes = self.drawer.get(&batch.bodies, brief.at as usize, &mut room)?;
        let mut reader = Reader { bytes, names: &batch.names };
        let decoded = reader.finding().and_then(|(mut finding, records)| {
            if evidence {
                let bytes = self.drawer.get(&batch.delivered, brief.at as usize, &mut cells)?;
                let mut delivered = Reader { bytes, names: &[] };
                finding.evidence.reserve(records);
                for _ in 0..records {
                    finding.evidence.push(reader.evidence(&mut delivered)?);
                }
            }
            Some(finding)
        });
        if decoded.is_none() {
            self.drawer.fail("the file with the findings of this run was changed while it was read".to_owned());
        }
        decoded
    }

    /// Puts them in order: by rule, subjects, date, key; equal keys (records without a key and alike) stay told apart by their place.
    pub fn sort(&mut self) {
        use rayon::prelude::*;
        let mut briefs = std::mem::take(&mut self.briefs);
        let place = |brief: &Brief| {
            let first = self.decode(brief, true).and_then(|f| f.evidence.into_iter().next());
            first.map(|e| (e.table, e.key, e.file, e.line))
        };
        briefs.par_sort_by(|a, b| {
            (&a.rule, &a.subjects, a.date, &a.period)
                .cmp(&(&b.rule, &b.subjects, b.date, &b.period))
                .then_with(|| a.key.cmp(&b.key))
                .then_with(|| place(a).cmp(&place(b)))
        });
        self.briefs = briefs;
    }
}

impl From<Vec<Finding>> for Findings {
    fn from(all: Vec<Finding>) -> Self {
        let drawer = Drawer::default();
        let mut out = Findings::on(&drawer);
        for some in all.chunks(BATCH) {
            let (mut packer, mut cells) = (Packer::default(), Cells::default());
            for finding in some {
                packer.push(finding, &finding.evidence);
                finding.evidence.iter().flat_map(|row| &row.cells).for_each(|cell| cells.push(cell.delivered.as_deref()));
                cells.end();
            }
            // Memory takes what it is given.
            let Ok((mut batch, briefs)) = packer.finish(&drawer) else { continue };
            if batch.deliver(cells, &drawer).is_ok() {
                out.add(batch, briefs);
            }
        }
        out
    }
}

impl Clone for Findings {
    fn clone(&self) -> Self {
        self.to_vec().into()
    }
}

impl PartialEq for Findings {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}
impl Eq for Findings {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fixture;

    /// On disk and in memory, findings come back as they were, with their evidence or without.
    #[test]
    fn findings_come_back_as_they_were() {
        let all = fixture::many(3000).findings.to_vec();
        let folder = tempfile::tempdir().expect("a folder");
        let drawer = Drawer::in_folder(folder.path()).expect("a file");
        assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0, "nothing to clean up");
        let mut on_disk = Findings::on(&drawer);
        for some in all.chunks(700) {
            let (mut packer, mut cells) = (Packer::default(), Cells::default());
            for finding in some {
                packer.push(finding, &finding.evidence);
                finding.evidence.iter().flat_map(|row| &row.cells).for_each(|cell| cells.push(cell.delivered.as_deref()));
                cells.end();
            }
            let (mut batch, briefs) = packer.finish(&drawer).expect("room");
            batch.deliver(cells, &drawer).expect("room");
            on_disk.add(batch, briefs);
        }
        assert!(all.len() > BATCH);
        let in_memory = Findings::from(all.clone());
        for findings in [&in_memory, &on_disk] {
            assert_eq!(findings.to_vec(), all);
            assert_eq!(findings.told(7), Some(Finding { evidence: vec![], ..all[7].clone() }));
            assert_eq!((findings.get(all.len()), findings.intact()), (None, Ok(())));
        }
        assert_eq!(in_memory, on_disk);
    }

    /// A file that was cut short is told, not passed over.
    #[test]
    fn lost_bytes_are_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let drawer = Drawer::in_folder(folder.path()).expect("a file");
        let mut packer = Packer::default();
        packer.push(&fixture::small().findings.to_vec()[0], &[] as &[crate::finding::EvidenceRow]);
        let (batch, briefs) = packer.finish(&drawer).expect("room");
        let mut findings = Findings::on(&drawer);
        findings.add(batch, briefs);
        drawer.file.as_ref().expect("a file").cut(3);
        assert_eq!(findings.told(0), None);
        assert!(findings.intact().is_err());
    }
}
