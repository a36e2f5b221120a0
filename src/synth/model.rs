//! One village in memory: what the background generator makes, the planted cases change, and `emit` writes.

use std::borrow::Cow;

pub(super) use super::facts::*;
use super::ids::Id;
use super::jobs::Job;
use super::kept::Kept;
use super::layout::Site;
use super::truth::Truth;

pub(super) type Days = i32;
pub(super) type Fen = i64;

#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) number: usize,
    pub(super) id: Id,
    /// As delivered, where it differs from `id`.
    pub(super) id_raw: Option<String>,
    pub(super) name: String,
    /// As delivered, where it differs from `name`.
    pub(super) name_raw: Option<String>,
    pub(super) female: bool,
    pub(super) birth: Days,
    pub(super) relation: &'static str,
    pub(super) health: &'static str,
    pub(super) school: &'static str,
    pub(super) work_months: i64,
    pub(super) joined: Days,
    pub(super) left: Option<(Days, &'static str)>,
    pub(super) insured_from: Option<Days>,
    /// Receives person benefits.
    pub(super) pension: bool,
    pub(super) disab: Option<&'static str>,
    pub(super) edu: bool,
    /// False: the row stands in another household's place (an orphan) or repeats a person; registers leave it out.
    pub(super) in_registers: bool,
}

impl Person {
    pub(super) fn in_register(&self, on: Days) -> bool {
        self.joined <= on && self.left.is_none_or(|(d, _)| d >= on)
    }
    pub(super) fn current(&self) -> bool {
        self.left.is_none()
    }
    pub(super) fn plain_adult(&self) -> bool {
        !self.pension && self.disab.is_none() && !self.edu && self.relation != "head" && self.current()
    }
}

#[derive(Debug, Clone)]
pub(super) struct Income {
    pub(super) year: i32,
    pub(super) size: i64,
    pub(super) wage: Fen,
    pub(super) operating: Fen,
    pub(super) property: Fen,
    pub(super) transfer: Fen,
    pub(super) cost: Fen,
    pub(super) net: Fen,
    pub(super) per_capita: Fen,
    pub(super) one_off: Fen,
    pub(super) migrant_months: i64,
    pub(super) enumerator: usize,
    pub(super) surveyed: Days,
    pub(super) entered: Days,
}

impl Income {
    /// Net and per-capita income from the sources; per capita is rounded to the yuan as on the form.
    pub(super) fn total(&mut self) {
        self.net = self.wage + self.operating + self.property + self.transfer - self.cost;
        self.per_capita = round_yuan(self.net, self.size);
    }

    /// Moves wage and operating income so that per-capita income becomes `fen`.
    pub(super) fn set_per_capita(&mut self, fen: Fen) {
        let wanted = fen / 100 * 100 * self.size;
        let change = wanted - self.net;
        if change >= 0 {
            self.wage += change;
        } else {
            // Taken from the sources in turn, each down to a little that stays.
            let mut missing = -change;
            for source in [&mut self.wage, &mut self.operating, &mut self.transfer, &mut self.property] {
                let taken = missing.min((*source - 2000).max(0));
                *source -= taken;
                missing -= taken;
            }
            self.cost = (self.cost + missing).max(0);
        }
        self.total();
    }
}

/// `net / size` rounded half away from zero to whole yuan, in fen.
pub(super) fn round_yuan(net: Fen, size: i64) -> Fen {
    let d = 100 * size.max(1);
    (2 * net + d * net.signum()).div_euclid(2 * d) * 100
}

#[derive(Debug, Clone)]
pub(super) struct Guarantee {
    pub(super) year: i32,
    pub(super) house_grade: &'static str,
    pub(super) safe_water: bool,
    pub(super) food_clothes: bool,
    pub(super) out_of_school: i64,
    pub(super) home_tuition: i64,
    pub(super) uninsured: i64,
    pub(super) insured_elsewhere: i64,
    pub(super) verified_at: Days,
}

#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) number: usize,
    pub(super) kind: &'static str,
    pub(super) case_no: String,
    pub(super) year: i32,
    pub(super) on: Days,
    pub(super) ended: Option<Days>,
    pub(super) minute: i64,
    pub(super) paper: bool,
    pub(super) actor: String,
    pub(super) system_on: Days,
    pub(super) signer: Option<Id>,
    pub(super) reason: Cow<'static, str>,
}

#[derive(Debug, Clone)]
pub(super) struct Payment {
    pub(super) number: usize,
    pub(super) programme: &'static str,
    pub(super) grade: &'static str,
    pub(super) year: i32,
    pub(super) month: i32,
    pub(super) part: i64,
    pub(super) payee_name: String,
    pub(super) payee: Id,
    pub(super) account: u64,
    /// Hundredths.
    pub(super) quantity: i64,
    pub(super) standard: Fen,
    pub(super) paid_on: Days,
    pub(super) status: &'static str,
    pub(super) returned_on: Option<Days>,
    pub(super) reissue_of: Option<usize>,
}

impl Payment {
    pub(super) fn amount(&self) -> Fen {
        self.quantity * self.standard / 100
    }
    pub(super) fn per_person(&self) -> bool {
        matches!(self.programme, "PENSION" | "DISAB" | "EDU" | "FUNERAL")
    }
    pub(super) fn period_end(&self) -> Days {
        let (y, m) = (self.year, self.month);
        super::calendar::day(y, m, 1) + super::calendar::month_days(y, m) - 1
    }
}

#[derive(Debug, Clone)]
pub(super) struct Entitlement {
    pub(super) payee: Id,
    pub(super) programme: &'static str,
    pub(super) grade: &'static str,
    pub(super) year: i32,
    pub(super) months: i64,
    pub(super) amount: Fen,
    pub(super) state: &'static str,
}

#[derive(Debug, Clone)]
pub(super) struct Measure {
    pub(super) number: usize,
    pub(super) kind: &'static str,
    pub(super) starts: Days,
    pub(super) ends: Option<Days>,
    pub(super) amount: Fen,
    pub(super) helper: Option<Id>,
}

/// How the household stands on the watch list.
#[derive(Debug, Clone)]
pub(super) struct Monitor {
    pub(super) kind: &'static str,
    pub(super) found: Days,
    pub(super) cleared: Option<(Days, &'static str)>,
}

#[derive(Debug, Clone)]
pub(super) struct Household {
    pub(super) number: usize,
    pub(super) people: Vec<Person>,
    pub(super) head: Id,
    pub(super) stated_size: Option<i64>,
    pub(super) hh_type: &'static str,
    pub(super) cause: &'static str,
    pub(super) identified: Days,
    pub(super) exited_year: Option<i32>,
    pub(super) returned: bool,
    pub(super) monitor: Option<Monitor>,
    pub(super) house_grade: &'static str,
    pub(super) phone: u64,
    pub(super) phone_raw: Option<String>,
    pub(super) account: u64,
    pub(super) private: bool,
    /// Instead of the usual address.
    pub(super) address: Option<String>,
    /// Instead of the village's code.
    pub(super) code: Option<i64>,
    /// Instead of a day of the last year.
    pub(super) checked: Option<Days>,
    /// In the delivery before the last: another type, or not in it at all.
    pub(super) earlier_type: Option<&'static str>,
    pub(super) entered_later: bool,
    pub(super) unlisted_exit: bool,
    pub(super) unlisted_grant: bool,
    pub(super) incomes: Vec<Income>,
    pub(super) guarantees: Vec<Guarantee>,
    pub(super) events: Vec<Event>,
    pub(super) measures: Vec<Measure>,
    pub(super) payments: Vec<Payment>,
    pub(super) entitlements: Vec<Entitlement>,
    pub(super) land: Vec<Land>,
    pub(super) herds: Vec<Herd>,
    pub(super) items: Vec<Item>,
    /// Years whose land and animals a case brings itself.
    pub(super) farmed: Vec<i32>,
    /// Household under whose address it lives, where not its own.
    pub(super) lodged_with: Option<usize>,
    /// Taken by a planted case or look-alike.
    pub(super) taken: bool,
}

impl Household {
    pub(super) fn size(&self) -> i64 {
        self.people.iter().filter(|p| p.current()).count() as i64
    }
    pub(super) fn head_person(&self) -> &Person {
        // The generator puts the head first.
        &self.people[0]
    }
    pub(super) fn income(&mut self, year: i32) -> Option<&mut Income> {
        self.incomes.iter_mut().find(|i| i.year == year)
    }
    pub(super) fn guarantee(&mut self, year: i32) -> Option<&mut Guarantee> {
        self.guarantees.iter_mut().find(|g| g.year == year)
    }
    pub(super) fn event(&mut self, kind: &str) -> Option<&mut Event> {
        self.events.iter_mut().find(|e| e.kind == kind)
    }
}

pub(super) struct Village<'a> {
    pub(super) site: &'a Site,
    pub(super) office_phone: u64,
    pub(super) collective: u64,
    pub(super) population: i64,
    pub(super) households: Vec<Household>,
    pub(super) cadres: Vec<Cadre>,
    pub(super) postings: Vec<Posting>,
    pub(super) attendance: Vec<(Id, Days, &'static str)>,
    pub(super) relatives: Vec<(Id, Id, &'static str)>,
    pub(super) visits: Vec<Visit>,
    pub(super) registered: Vec<Registered>,
    pub(super) transfers: Vec<Transfer>,
    pub(super) absences: Vec<Absence>,
    pub(super) claims: Vec<Claim>,
    pub(super) clues: Vec<Clue>,
    pub(super) trustees: Vec<Trustee>,
    pub(super) accounts: Vec<Account>,
    pub(super) posted: Vec<Posted>,
    pub(super) letters: Vec<Letter>,
    pub(super) vouchers: Vec<Voucher>,
    pub(super) dividends: Vec<Dividend>,
    pub(super) reports: Vec<Report>,
    pub(super) checks: Vec<HouseCheck>,
    pub(super) revisions: Vec<Revision>,
    pub(super) kept: Vec<Kept>,
    /// Households whose ordinary assignment of a helper is not written: a case brings its own.
    pub(super) unassigned: Vec<usize>,
    /// Households that nobody visits.
    pub(super) unvisited: Vec<usize>,
    pub(super) disabilities: Vec<Disability>,
    pub(super) vanished: Vec<Vanished>,
    pub(super) truth: Truth,
    counters: Counters,
}

#[derive(Default)]
struct Counters {
    person: usize,
    event: usize,
    payment: usize,
    measure: usize,
    account: u64,
    phone: u64,
}

impl<'a> Village<'a> {
    pub(super) fn new(site: &'a Site) -> Self {
        let mut village = Village {
            site,
            office_phone: 0,
            collective: 0,
            population: 0,
            households: Vec::with_capacity(site.households),
            cadres: vec![],
            postings: vec![],
            attendance: vec![],
            relatives: vec![],
            visits: vec![],
            registered: vec![],
            transfers: vec![],
            absences: vec![],
            claims: vec![],
            clues: vec![],
            trustees: vec![],
            accounts: vec![],
            posted: vec![],
            letters: vec![],
            vouchers: vec![],
            dividends: vec![],
            reports: vec![],
            checks: vec![],
            revisions: vec![],
            kept: vec![],
            unassigned: vec![],
            unvisited: vec![],
            disabilities: vec![],
            vanished: vec![],
            truth: Truth::of_village(site.index),
            counters: Counters::default(),
        };
        village.office_phone = village.new_phone();
        village.collective = village.new_account();
        village
    }

    pub(super) fn jobs(&self) -> &'a [Job] {
        &self.site.jobs
    }

    pub(super) fn next_person(&mut self) -> usize {
        self.counters.person += 1;
        self.counters.person
    }
    pub(super) fn next_event(&mut self) -> usize {
        self.counters.event += 1;
        self.counters.event
    }
    pub(super) fn next_payment(&mut self) -> usize {
        self.counters.payment += 1;
        self.counters.payment
    }
    pub(super) fn next_measure(&mut self) -> usize {
        self.counters.measure += 1;
        self.counters.measure
    }

    /// A bank account number of 19 digits that no other call gives.
    pub(super) fn new_account(&mut self) -> u64 {
        self.counters.account += 1;
        6_228_480_000_000_000_000 + (self.site.index as u64 + 1) * 100_000 + self.counters.account
    }

    /// A mobile number of 11 digits that no other call gives: an odd multiplier permutes the last eight digits.
    pub(super) fn new_phone(&mut self) -> u64 {
        self.counters.phone += 1;
        let ordinal = (self.site.index as u64 * 1000 + self.counters.phone) % 100_000_000;
        let tail = ordinal * 73_939_133 % 100_000_000;
        let prefix = [130, 135, 136, 139, 150, 151, 158, 182, 187, 188][(ordinal % 10) as usize];
        prefix * 100_000_000 + tail
    }

    pub(super) fn voucher_id(&self, voucher: &Voucher) -> String {
        let Voucher { year, number, second, .. } = voucher;
        format!("FV{:05}{year}{number:03}{}", self.site.index + 1, if *second { 'B' } else { 'A' })
    }
    pub(super) fn household_id(&self, number: usize) -> String {
        format!("H{:05}{number:03}", self.site.index + 1)
    }
    pub(super) fn person_id(&self, number: usize) -> String {
        self.key('R', number)
    }
    pub(super) fn event_id(&self, number: usize) -> String {
        self.key('E', number)
    }
    pub(super) fn payment_id(&self, number: usize) -> String {
        self.key('P', number)
    }
    /// Record number of a table whose rows are numbered within the village.
    pub(super) fn key(&self, letter: char, number: usize) -> String {
        format!("{letter}{:05}{number:05}", self.site.index + 1)
    }
}
