//! Facts about households, offices and people outside the register, as the tables hold them.

use super::ids::Id;
use super::model::{Days, Event, Fen};

/// Land of a household and year, in tenths of a mu.
#[derive(Debug, Clone)]
pub(super) struct Land {
    pub(super) year: i32,
    pub(super) crop: i64,
    pub(super) forest: i64,
    pub(super) rented: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Herd {
    pub(super) year: i32,
    pub(super) species: &'static str,
    pub(super) heads: i64,
    pub(super) vaccinated: i64,
    pub(super) insured: i64,
}

/// A line of the detail of an income form.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) year: i32,
    pub(super) item: &'static str,
    pub(super) amount: Fen,
    pub(super) counted: bool,
}

/// Dividend or rent on the ledger of the one who owes it.
#[derive(Debug, Clone)]
pub(super) struct Dividend {
    pub(super) household: usize,
    pub(super) year: i32,
    pub(super) kind: &'static str,
    pub(super) promised: Fen,
    pub(super) paid: Fen,
    pub(super) paid_on: Days,
}

/// Number that an office reported upwards.
#[derive(Debug, Clone)]
pub(super) struct Report {
    pub(super) kind: &'static str,
    pub(super) year: i32,
    pub(super) value: i64,
    pub(super) filed: Days,
    pub(super) superseded_by: Option<usize>,
}

/// Check of a house on the spot before an exit.
#[derive(Debug, Clone)]
pub(super) struct HouseCheck {
    pub(super) household: usize,
    pub(super) year: i32,
    pub(super) photo: String,
    pub(super) lat: i64,
    pub(super) lon: i64,
    pub(super) sheet: String,
    pub(super) on: Days,
}

/// Line of the system's log of changes.
#[derive(Debug, Clone)]
pub(super) struct Revision {
    pub(super) household: usize,
    pub(super) table: &'static str,
    pub(super) year: i32,
    pub(super) column: &'static str,
    pub(super) old: String,
    pub(super) new: String,
    pub(super) on: Days,
    pub(super) approved: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Disability {
    pub(super) id: Id,
    pub(super) kind: &'static str,
    pub(super) grade: i64,
    pub(super) issued: Days,
}

/// A register row about one person. The columns that a register lacks stay unused.
#[derive(Debug, Clone)]
pub(super) struct Registered {
    pub(super) id: Id,
    pub(super) name: String,
    pub(super) birth: Days,
    pub(super) starts: Days,
    pub(super) ends: Option<Days>,
    pub(super) fact: Fact,
}

#[derive(Debug, Clone)]
pub(super) enum Fact {
    Death { registered: Days },
    Vehicle { kind: &'static str, price_yuan: i64 },
    Estate { kind: &'static str, origin: &'static str, share: i64, area: i64 },
    Business { kind: &'static str, role: &'static str, capital: Fen, tax: Fen },
    Payroll { kind: &'static str },
    UrbanDibao,
}

#[derive(Debug, Clone)]
pub(super) struct Visit {
    pub(super) cadre: Id,
    pub(super) household: usize,
    pub(super) kind: &'static str,
    pub(super) on: Days,
    pub(super) minute: i64,
    pub(super) minutes: i64,
    pub(super) lat: i64,
    pub(super) lon: i64,
    pub(super) met: Option<Id>,
    pub(super) met_who: &'static str,
    pub(super) entered: Days,
    pub(super) note: String,
    /// Instead of the cadre's own.
    pub(super) device: Option<String>,
    /// Instead of one that no other visit has.
    pub(super) photo: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Cadre {
    pub(super) id: Id,
    pub(super) name: String,
    pub(super) resident: bool,
    pub(super) role: &'static str,
    pub(super) phone: u64,
    pub(super) starts: Days,
}

#[derive(Debug, Clone)]
pub(super) struct Posting {
    pub(super) cadre: Id,
    pub(super) region: i64,
    pub(super) role: &'static str,
    pub(super) full_time: bool,
    pub(super) starts: Days,
    pub(super) ends: Option<Days>,
}

#[derive(Debug, Clone)]
pub(super) struct Transfer {
    pub(super) region: i64,
    pub(super) level: &'static str,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) project: String,
    pub(super) fund: &'static str,
    pub(super) purpose: &'static str,
    pub(super) approval: String,
    pub(super) stage: i64,
    pub(super) amount: Fen,
    pub(super) issued: Days,
    pub(super) received: Option<Days>,
}

#[derive(Debug, Clone)]
pub(super) struct Absence {
    pub(super) household: usize,
    pub(super) whole: bool,
    pub(super) starts: Days,
    pub(super) ends: Days,
    pub(super) place: &'static str,
}

#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) id: Id,
    pub(super) household: usize,
    pub(super) admitted: Days,
    pub(super) discharged: Days,
    pub(super) total: Fen,
    pub(super) own: Fen,
}

#[derive(Debug, Clone)]
pub(super) struct Clue {
    pub(super) kind: &'static str,
    pub(super) household: usize,
    pub(super) id: Option<Id>,
    pub(super) opened: Days,
    pub(super) result: &'static str,
    pub(super) amount: Option<Fen>,
    pub(super) rectified: Option<Days>,
    pub(super) closed: Option<Days>,
}

#[derive(Debug, Clone)]
pub(super) struct Trustee {
    pub(super) ward: Id,
    pub(super) trustee: Option<Id>,
    pub(super) kind: &'static str,
    pub(super) starts: Days,
}

/// A bank account besides those of the households and the village.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) number: u64,
    pub(super) holder: Option<Id>,
    pub(super) holder_name: String,
}

/// A voucher of the village office; `amount` in fen.
#[derive(Debug, Clone)]
pub(super) struct Voucher {
    pub(super) year: i32,
    pub(super) number: i64,
    pub(super) purpose: &'static str,
    pub(super) amount: Fen,
    pub(super) on: Days,
    pub(super) void: bool,
    /// The second row under its number.
    pub(super) second: bool,
}

/// A public list row besides those that follow from exits and grants.
#[derive(Debug, Clone)]
pub(super) struct Posted {
    pub(super) household: usize,
    pub(super) programme: Option<(&'static str, Fen)>,
    pub(super) year: i32,
    pub(super) on: Days,
}

#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) table: &'static str,
    pub(super) year: i32,
    pub(super) rows: i64,
    pub(super) amount: Fen,
    pub(super) superseded_by: Option<usize>,
    pub(super) sent: Days,
}

/// A household that only the delivery before the last holds, and the day of its removal where one is on record.
#[derive(Debug, Clone)]
pub(super) struct Vanished {
    pub(super) number: usize,
    pub(super) head: Id,
    pub(super) identified: Days,
    pub(super) removed: Option<Event>,
}
