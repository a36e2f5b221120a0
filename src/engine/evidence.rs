//! Which records speak for a finding: those its expressions read, and the members of its sets.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::shape::Shapes;
use crate::check::{CheckPlan, Flag};
use crate::exec::{Batch, is_row};
use crate::finding::Name;
use crate::plan::{Catalog, Expr, ExprId, Graph, Hop, KeyPart, Rel, RelId, RowRef, RowSet, SetId, TestId};

/// A row of the frame that is shown, with the columns that were read.
#[derive(Debug, Clone)]
struct RowPlan {
    row: RowRef,
    role: Name,
    table: usize,
    columns: Arc<BTreeSet<usize>>,
}

/// Member rows that are shown.
#[derive(Debug, Clone)]
struct SetPlan {
    owner: RowRef,
    set: SetId,
    inner: u8,
    filter: Option<ExprId>,
    role: Name,
    /// From the member row to the record of a table.
    hops: Vec<Hop>,
    table: usize,
    columns: Arc<BTreeSet<usize>>,
    /// Only the members that a test says to look at first, in its order.
    leads: Option<TestId>,
}

/// What a rule shows for one unit, in one frame.
#[derive(Debug, Clone)]
pub struct EvidencePlan {
    rows: Vec<RowPlan>,
    sets: Vec<SetPlan>,
}

/// A record that takes part in a finding: what is shown of it, by number, and its row of the loaded table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordUse {
    pub shape: u32,
    pub row: u32,
}

struct Reader<'g> {
    graph: &'g Graph,
    catalog: &'g Catalog,
    frame: Vec<RelId>,
    own: BTreeSet<SetId>,
    slot_roles: Vec<String>,
    plan: EvidencePlan,
}

impl EvidencePlan {
    /// From what `exprs` read in a frame; `register` names the row of slot 1 of a `match`.
    pub fn new(graph: &Graph, catalog: &Catalog, check: &CheckPlan, frame: &[RelId], register: Option<&str>, exprs: &[ExprId]) -> Self {
        let mut slot_roles = vec!["record".to_owned()];
        slot_roles.extend(register.map(str::to_owned));
        let mut reader = Reader {
            graph,
            catalog,
            frame: frame.to_vec(),
            own: check.members.iter().map(|m| m.set).collect(),
            slot_roles,
            plan: EvidencePlan { rows: vec![], sets: vec![] },
        };
        for slot in 0..frame.len() {
            // Slots number at most a handful.
            reader.row(&RowRef::slot(slot as u8), None);
        }
        if let Flag::Pairs(registers) = &check.flag {
            for (set, _) in registers.iter().filter(|r| register == Some(&r.name)).flat_map(|r| &r.rungs) {
                if let RowSet::Matching { own, other } = graph.get_set(*set) {
                    reader.keys(own, &RowRef::slot(0));
                    reader.keys(other, &RowRef::slot(1));
                }
            }
        }
        for (i, members) in check.members.iter().enumerate() {
            reader.path(&members.owner);
            let at = reader.set(&members.owner, members.set, members.inner, members.filter, Some(&members.role));
            if let (0, Some(at)) = (i, at) {
                reader.plan.sets[at].leads = check.leads;
            }
        }
        for &expr in exprs {
            reader.read(expr);
        }
        reader.plan
    }
}

impl Reader<'_> {
    /// The table's record behind a row: views are seen through.
    fn record(&self, row: &RowRef, frame: &[RelId]) -> Option<(RowRef, usize)> {
        let mut rel = self.graph.rel_of(self.catalog, row, frame)?;
        let mut row = row.clone();
        loop {
            match self.graph.get_rel(rel) {
                Rel::Table(table) => return Some((row, *table)),
                Rel::Rows { of, .. } => {
                    row = row.then(Hop::Base);
                    rel = *of;
                }
                Rel::Groups { .. } | Rel::Linked { .. } => return None,
            }
        }
    }
    fn role(&self, row: &RowRef) -> String {
        let last = row.hops.iter().rev().find(|h| !matches!(h, Hop::Base));
        match last {
            Some(Hop::Link(link)) => self.catalog.links[link.index()].name.clone(),
            Some(Hop::Neighbour(_)) => "before".to_owned(),
            _ => self.slot_roles.get(usize::from(row.slot)).cloned().unwrap_or_else(|| "record".to_owned()),
        }
    }
    fn part(&self, groups: RelId, part: usize) -> Option<KeyPart> {
        self.graph.get_rel(groups).parts()?.get(part).cloned()
    }
    /// Columns that a key reads, in the key's own frame.
    fn columns(&self, key: ExprId, found: &mut dyn FnMut(&RowRef, usize)) {
        let expr = self.graph.get(key);
        if let Expr::Column { row, column } = expr {
            found(row, *column);
        }
        for arg in expr.args() {
            self.columns(arg, found);
        }
    }
    /// What puts a row into its group or pair is part of the evidence.
    fn keys(&mut self, part: &KeyPart, of: &RowRef) {
        let mut read = vec![];
        for &key in &part.keys {
            self.columns(key, &mut |row, column| {
                let hops = of.hops.iter().chain(&row.hops).copied().collect();
                read.push((RowRef { slot: of.slot, hops }, column));
            });
        }
        for (row, column) in read {
            if matches!(self.graph.rel_of(self.catalog, &row, &self.frame).map(|r| self.graph.get_rel(r)), Some(Rel::Table(_))) {
                self.row(&row, Some(column));
            }
        }
    }
    /// Keys of the groups that a path goes through.
    fn path(&mut self, row: &RowRef) {
        for (i, hop) in row.hops.iter().enumerate() {
            if let Hop::Group { groups, part } = hop
                && let Some(part) = self.part(*groups, *part)
            {
                self.keys(&part, &RowRef { slot: row.slot, hops: row.hops[..i].to_vec() });
            }
        }
    }
    fn row(&mut self, row: &RowRef, column: Option<usize>) {
        let Some((row, table)) = self.record(row, &self.frame) else { return };
        let role = self.role(&row).into();
        let at = match self.plan.rows.iter().position(|r| r.row == row) {
            Some(at) => at,
            None => {
                self.plan.rows.push(RowPlan { row, role, table, columns: Arc::default() });
                self.plan.rows.len() - 1
            }
        };
        Arc::make_mut(&mut self.plan.rows[at].columns).extend(column);
    }
    fn set(&mut self, owner: &RowRef, set: SetId, inner: u8, filter: Option<ExprId>, role: Option<&str>) -> Option<usize> {
        if let Some(at) = self.plan.sets.iter().position(|s| s.owner == *owner && s.set == set && (role.is_none() || s.filter == filter)) {
            return Some(at);
        }
        let rel = self.graph.members_of(self.catalog, set)?;
        let mut frame = vec![rel; usize::from(inner) + 1];
        frame[usize::from(inner)] = rel;
        let (row, table) = self.record(&RowRef::slot(inner), &frame)?;
        let role = role.map(str::to_owned).unwrap_or_else(|| match self.graph.get_set(set) {
            RowSet::Back(link) => self.catalog.links[link.index()].back.clone().unwrap_or_else(|| self.catalog.tables[table].name.clone()),
            _ => self.catalog.tables[table].name.clone(),
        });
        let part = match self.graph.get_set(set) {
            RowSet::Members { groups, part } => self.part(*groups, *part),
            RowSet::Matching { other, .. } => Some(other.clone()),
            RowSet::Back(_) => None,
        };
        let mut columns = BTreeSet::new();
        for key in part.iter().flat_map(|p| &p.keys) {
            self.columns(*key, &mut |at, column| {
                if at.hops == row.hops {
                    columns.insert(column);
                }
            });
        }
        let columns = Arc::new(columns);
        let plan = SetPlan { owner: owner.clone(), set, inner, filter, role: role.into(), hops: row.hops, table, columns, leads: None };
        self.plan.sets.push(plan);
        if let Some(filter) = filter {
            let at = self.plan.sets.len() - 1;
            self.inside(filter, inner, at);
        }
        Some(self.plan.sets.len() - 1)
    }
    fn read(&mut self, id: ExprId) {
        let expr = self.graph.get(id).clone();
        if let Some(row) = expr.own_row() {
            self.path(row);
        }
        match &expr {
            Expr::Column { row, column } => match self.graph.rel_of(self.catalog, row, &self.frame).map(|r| self.graph.get_rel(r)) {
                Some(Rel::Table(_)) => self.row(row, Some(*column)),
                Some(Rel::Rows { .. }) => self.row(row, None),
                _ => {}
            },
            Expr::Has { row } => self.row(row, None),
            Expr::Tested { test, .. } => {
                // What the test was told of each member that is shown.
                let members = self.graph.get_test(*test).members.clone();
                let at = members.as_ref().and_then(|m| self.plan.sets.iter().position(|s| s.set == m.set));
                if let (Some(members), Some(at)) = (members, at) {
                    let hops = self.plan.sets[at].hops.clone();
                    let mut read = vec![];
                    for &value in members.values.iter().chain(&members.filter) {
                        self.columns(value, &mut |row, column| read.extend((row.hops == hops).then_some(column)));
                    }
                    Arc::make_mut(&mut self.plan.sets[at].columns).extend(read);
                }
            }
            Expr::Aggregate { owner, set, inner, arg, filter, .. } => {
                // Peer groups are counted, not listed; the check says which members are evidence.
                let peers = matches!(self.graph.get_set(*set), RowSet::Members { .. }) && !self.own.contains(set);
                if peers {
                    return;
                }
                let own = self.own.contains(set);
                let at = if own { self.plan.sets.iter().position(|s| s.set == *set) } else { self.set(owner, *set, *inner, *filter, None) };
                if let Some(at) = at {
                    for part in [arg, filter].into_iter().flatten() {
                        self.inside(*part, *inner, at);
                    }
                }
            }
            _ => {}
        }
        for arg in expr.args() {
            self.read(arg);
        }
    }
    /// Columns that an aggregate's parts read: of the member, and of the rows around it.
    fn inside(&mut self, id: ExprId, inner: u8, at: usize) {
        let expr = self.graph.get(id).clone();
        if let Expr::Column { row, column } = &expr {
            if row.slot == inner {
                let hops = &self.plan.sets[at].hops;
                if row.hops == *hops {
                    Arc::make_mut(&mut self.plan.sets[at].columns).insert(*column);
                }
            } else if row.slot < inner && usize::from(row.slot) < self.frame.len() && inner == self.frame.len() as u8 {
                // Slots below the member are those of the unit's own frame.
                if let Some(Rel::Table(_)) = self.graph.rel_of(self.catalog, row, &self.frame).map(|r| self.graph.get_rel(r)) {
                    self.row(row, Some(*column));
                }
            }
        }
        for arg in expr.args() {
            self.inside(arg, inner, at);
        }
    }
}

impl EvidencePlan {
    /// Records that take part, per row of the batch: the unit's own first, then members; at most `limit` members, the rest counted.
    pub fn records<'a>(&'a self, batch: &Batch<'_>, limit: usize, shapes: &mut Shapes<'a>) -> Vec<(Vec<RecordUse>, u64)> {
        let mut out: Vec<(Vec<RecordUse>, u64)> = vec![(vec![], 0); batch.len];
        for plan in &self.rows {
            let Some(shape) = shapes.number(plan.table, &plan.role, &plan.columns) else { continue };
            let reached = batch.reach(&plan.row);
            for (i, (records, _)) in out.iter_mut().enumerate() {
                let row = reached.ids.get(i);
                if is_row(row) {
                    add(records, RecordUse { shape, row }, shapes);
                }
            }
        }
        for plan in &self.sets {
            let Some(shape) = shapes.number(plan.table, &plan.role, &plan.columns) else { continue };
            let members = batch.members(&plan.owner, plan.set, plan.inner, plan.filter, &plan.hops);
            let first = plan.leads.and_then(|test| batch.env.nodes.test(test)).map(|tested| {
                // Rows of the set itself, beside the records they stand for.
                let rows = batch.members(&plan.owner, plan.set, plan.inner, plan.filter, &[]);
                (rows, &tested.leads)
            });
            for (i, ((records, omitted), mut members)) in out.iter_mut().zip(members).enumerate() {
                if let Some((rows, leads)) = &first {
                    let mut ranked: Vec<(u32, u32)> =
                        rows[i].iter().zip(&members).filter_map(|(row, record)| Some((*leads.get(row)?, *record))).collect();
                    ranked.sort_unstable();
                    *omitted += (members.len() - ranked.len()) as u64;
                    members = ranked.into_iter().map(|(_, record)| record).collect();
                }
                let mut listed = 0;
                for row in members {
                    let record = RecordUse { shape, row };
                    if listed == limit && !records.iter().any(|r| shapes.same(*r, record)) {
                        *omitted += 1;
                        continue;
                    }
                    listed += usize::from(add(records, record, shapes));
                }
            }
        }
        out
    }
}

/// A record stands once, with all columns that were read; its first role stays. Whether it is new.
fn add(records: &mut Vec<RecordUse>, record: RecordUse, shapes: &mut Shapes<'_>) -> bool {
    match records.iter_mut().find(|r| shapes.same(**r, record)) {
        Some(known) => {
            known.shape = shapes.joined(known.shape, record.shape);
            false
        }
        None => {
            records.push(record);
            true
        }
    }
}

/// The flagged register rows of a pair rule that did not speak are evidence too.
pub fn add_pair<'a>(records: &mut Vec<RecordUse>, plan: &'a EvidencePlan, row: u32, shapes: &mut Shapes<'a>) {
    if let Some(RowPlan { table, role, columns, row: at }) = plan.rows.iter().find(|r| r.row.slot == 1)
        && at.hops.is_empty()
        && let Some(shape) = shapes.number(*table, role, columns)
    {
        add(records, RecordUse { shape, row }, shapes);
    }
}

/// Registers of a pair rule by frame, else the one frame of its units.
pub fn plans(graph: &Graph, catalog: &Catalog, check: &CheckPlan, frames: &[Vec<RelId>], exprs: &[ExprId]) -> Vec<EvidencePlan> {
    match &check.flag {
        Flag::Row(_) => vec![EvidencePlan::new(graph, catalog, check, &frames[0], None, exprs)],
        Flag::Pairs(registers) => registers
            .iter()
            .zip(frames)
            .map(|(register, frame)| {
                let mut all: Vec<ExprId> = exprs.to_vec();
                all.push(register.flag);
                EvidencePlan::new(graph, catalog, check, frame, Some(&register.name), &all)
            })
            .collect(),
    }
}
