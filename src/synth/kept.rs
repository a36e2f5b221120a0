//! Rows of the tables that hold little more than what cases and their look-alikes bring: wages and funds, household books, journeys,
//! hardship lists, allowances, complaints, acts on cases, sanctions, field checks. A row is its cells in the order of the header.

use super::calendar::{as_of, day};
use super::draw::Draw;
use super::files::{T, Tables};
use super::ids::Id;
use super::layout::Layout;
use super::model::{Days, Fen, Report, Village};
use super::village::visit;

#[derive(Debug, Clone)]
pub(super) enum Cell {
    Text(String),
    Id(Id),
    Int(i64),
    Day(Days),
    Month(i32, i32),
    Fen(Fen),
    Bool(bool),
    Empty,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        if text.is_empty() { Cell::Empty } else { Cell::Text(text.to_string()) }
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Cell::from(text.as_str())
    }
}

impl From<Id> for Cell {
    fn from(id: Id) -> Self {
        Cell::Id(id)
    }
}

impl From<i64> for Cell {
    fn from(n: i64) -> Self {
        Cell::Int(n)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) table: T,
    pub(super) cells: Vec<Cell>,
}

impl Village<'_> {
    /// Key of the next row of a table of [`Kept`] rows.
    pub(super) fn next_kept(&self, table: T, letter: char) -> String {
        // Ordinary rows of the same table are numbered from 1.
        self.key(letter, 90_001 + self.kept.iter().filter(|k| k.table == table).count())
    }
}

pub(super) fn emit(village: &Village, tables: &mut Tables) {
    for kept in &village.kept {
        let mut row = tables.row(kept.table);
        for cell in &kept.cells {
            match cell {
                Cell::Text(text) => row.text(text),
                Cell::Id(id) => row.id(id),
                Cell::Int(n) => row.int(*n),
                Cell::Day(on) => row.date(*on),
                Cell::Month(year, month) => row.month(*year, *month),
                Cell::Fen(fen) => row.hundredths(*fen),
                Cell::Bool(yes) => row.yes_no(*yes),
                Cell::Empty => row.text(""),
            };
        }
    }
}

/// Streams of the draws made for what stands in these tables in good order, one per village.
const STREAM: u64 = 3 << 40;

/// What is in order: household books, wages under the declared income, answered complaints, helpers who come; and what the
/// village reported about visits.
pub(super) fn fill(layout: &Layout, village: &mut Village) {
    let mut draw = Draw::new(layout.seed, STREAM + village.site.index as u64);
    let last = layout.last_year;
    let region = village.site.code;
    for at in 0..village.households.len() {
        visit_lately(layout, village, &mut draw, at);
        if !draw.per_mille(120) {
            continue;
        }
        let h = &village.households[at];
        let book = format!("HK{}", village.household_id(h.number));
        let head = h.head_person().clone();
        let mut rows: Vec<Kept> = Vec::new();
        for p in h.people.iter().filter(|p| p.in_registers && p.id_raw.is_none() && p.current()) {
            let relation = match p.relation {
                r @ ("head" | "spouse" | "child" | "parent" | "sibling") => r,
                _ => "other",
            };
            let sex = if p.female { "female" } else { "male" };
            let cells =
                vec![p.id.into(), (&p.name).into(), (&book).into(), head.id.into(), relation.into(), sex.into(), Cell::Day(p.birth)];
            let rest = [region.into(), Cell::Empty, Cell::Empty, Cell::Empty, Cell::Empty, Cell::Empty];
            rows.push(Kept { table: T::Hukou, cells: cells.into_iter().chain(rest).collect() });
        }
        if let Some(income) = h.incomes.iter().find(|i| i.year == last - 1 && i.wage > 0).filter(|_| head.work_months > 0) {
            for month in 1..=6 {
                let wage = income.wage / 1000 * 100;
                let cells = vec![
                    head.id.into(),
                    Cell::Month(last - 1, month),
                    "乡镇建筑队".into(),
                    "actual".into(),
                    Cell::Fen(wage),
                    Cell::Fen(wage),
                ];
                rows.push(Kept { table: T::Wages, cells });
            }
            let amount = Cell::Fen(draw.range(3, 90) * 10_000);
            rows.push(Kept {
                table: T::Balances,
                cells: vec![head.id.into(), Cell::Day(day(last, 6, 30)), "deposit".into(), amount, Cell::Fen(0)],
            });
        }
        // A case of these kinds brings its own rows about its people.
        let brought = |id: &Id| village.kept.iter().any(|k| k.cells.iter().any(|c| matches!(c, Cell::Id(i) if i == id)));
        if !h.people.iter().any(|p| brought(&p.id)) {
            village.kept.extend(rows);
        }
    }
    for year in layout.years() {
        let received = draw.days(day(year, 2, 1), day(year, 9, 30));
        let key = village.next_kept(T::Complaints, 'Q');
        let household = village.household_id(1 + draw.below(village.site.households));
        let replied = Cell::Day(received + draw.days(5, 50));
        let cells = vec![
            (&key).into(),
            region.into(),
            (&household).into(),
            draw.pick(&["hotline", "letter", "visit", "online"]).into(),
            "咨询补贴发放时间".into(),
            Cell::Day(received),
            Cell::Empty,
            replied,
            Cell::Empty,
        ];
        village.kept.push(Kept { table: T::Complaints, cells });
    }
    reported_visits(layout, village);
}

/// A household that nobody has visited for long is visited now, where no case wants it otherwise.
fn visit_lately(layout: &Layout, village: &mut Village, draw: &mut Draw, at: usize) {
    let since = day(layout.last_year - 1, 1, 10);
    if village.unvisited.contains(&at) || village.visits.iter().any(|v| v.household == at && v.kind != "phone" && v.on >= since) {
        return;
    }
    let away = |on: Days| village.absences.iter().any(|a| a.household == at && a.starts <= on + 8 && a.ends >= on - 8);
    let Some(on) = (0..10).map(|_| draw.days(day(layout.last_year - 1, 4, 1), day(layout.last_year, 9, 20))).find(|&on| !away(on)) else {
        return;
    };
    let cadre = village.cadres[2 + (at + 1) % 2].id;
    let mut made = visit(village, draw, cadre, at, on);
    (made.met, made.met_who) = (None, "");
    village.visits.push(made);
}

/// WA14: visits as the village reported them, against the log.
fn reported_visits(layout: &Layout, village: &mut Village) {
    for job in village.site.added.iter().filter(|j| j.kind == "WA14") {
        let year = layout.first_year + 1 + job.variant as i32 % (layout.last_year - layout.first_year);
        let in_year = |on: Days| day(year, 1, 1) <= on && on <= day(year, 12, 31);
        let visited: std::collections::BTreeSet<usize> = village.visits.iter().filter(|v| in_year(v.on)).map(|v| v.household).collect();
        let logged = visited.len() as i64;
        let note = match (job.planted, job.variant % 2) {
            (true, _) => "more households reported as visited than the log holds",
            (false, 0) => "as many as the log holds",
            _ => "a wrong number that a later report replaced",
        };
        village.truth.dosed(job.kind, job.dose);
        let case = village.truth.case("WA14", job.planted, "area", village.site.code.to_string(), note);
        let filed = day(year, 12, 28).min(as_of());
        let add = |village: &mut Village, value: i64, superseded_by: Option<usize>| {
            village.reports.push(Report { kind: "visited", year, value, filed, superseded_by });
            let key = village.key('Q', village.reports.len());
            village.truth.record(&case, "reports", key);
        };
        match (job.planted, job.variant % 2) {
            (true, _) => add(village, logged + job.dose(5 + job.variant as i64 % 4), None),
            (false, 0) => add(village, logged, None),
            _ => {
                let next = village.reports.len() + 1;
                add(village, logged + 7, Some(next));
                add(village, logged, None);
            }
        }
    }
}
