//! A household as the programme's offices would have it in order: people, payments, incomes, checks, exit.

use super::calendar::{age, day};
use super::draw::Draw;
use super::family::{Exit, Family, Wish};
use super::ids::Ids;
use super::layout::Layout;
use super::model::{Days, Entitlement, Event, Guarantee, Household, Income, Measure, Monitor, Payment, Person, Village};

const CAUSES: [&str; 8] = ["因病", "因残", "因学", "缺技术", "缺劳力", "缺资金", "交通条件落后", "自身发展动力不足"];
pub(super) const PROGRAMMES: [&str; 9] = ["DIBAO", "TEKUN", "PENSION", "DISAB", "ECO", "EDU", "HOUSE", "RELOC", "FUNERAL"];

/// Day on which a town pays a programme: every town has its own day, the same for all payees.
pub(super) fn pay_day(town: usize, programme: &str, year: i32, month: i32) -> Days {
    let ordinal = PROGRAMMES.iter().position(|p| *p == programme).unwrap_or(0);
    let first = if month == 6 { 15 } else { 10 };
    day(year, month, first + ((town * 5 + ordinal * 3) % 11) as i32)
}

pub(super) fn make(layout: &Layout, village: &mut Village, ids: &mut Ids, draw: &mut Draw, wish: &Wish) -> Household {
    let number = village.households.len() + 1;
    let first = layout.first_year;
    let entered = match draw.below(100) {
        0..=59 => first - 3,
        60..=84 => first - 2,
        _ => first - 1,
    };
    let identified = draw.days(day(entered, 4, 1), day(entered, 11, 20));
    let single = !wish.taken && draw.per_mille(40);
    let mut family = Family { layout, village, ids, draw, identified, people: vec![] };
    family.make(wish, single);
    let people = family.people;

    let hh_type = if single {
        "tekun"
    } else if wish.dibao || (!wish.taken && draw.per_mille(140)) {
        "dibao"
    } else {
        "general"
    };
    let town = &layout.towns[village.site.town];
    let surge = town.surge.map(|s| s.year);
    let earliest = if entered == first - 1 { first + 1 } else { first };
    let exited_year = match wish.exit {
        Exit::Never => None,
        Exit::In(year) => Some(year),
        Exit::Any if !single && draw.per_mille(if layout.small { 975 } else { 900 }) => {
            let year = draw.range(i64::from(earliest), i64::from(layout.last_year)) as i32;
            Some(surge.filter(|&s| s >= earliest && draw.per_mille(330)).unwrap_or(year))
        }
        Exit::Any => None,
    };
    // An exit that was asked for in the first year needs an entry a year before.
    let identified = if exited_year.is_some_and(|y| y < earliest) { identified - 400 } else { identified };
    let mut household = Household {
        number,
        head: people[0].id,
        people,
        stated_size: None,
        hh_type,
        cause: draw.pick(&CAUSES),
        identified,
        exited_year,
        returned: false,
        monitor: None,
        house_grade: draw.pick(&["A", "B"]),
        phone: village.new_phone(),
        phone_raw: None,
        account: village.new_account(),
        private: false,
        address: None,
        code: None,
        checked: None,
        earlier_type: None,
        entered_later: false,
        unlisted_exit: false,
        unlisted_grant: false,
        incomes: vec![],
        guarantees: vec![],
        events: vec![],
        measures: vec![],
        payments: vec![],
        entitlements: vec![],
        land: vec![],
        herds: vec![],
        items: vec![],
        farmed: vec![],
        lodged_with: None,
        taken: wish.taken,
    };
    for person in &mut household.people {
        if person.joined > household.identified && person.birth <= household.identified {
            person.joined = household.identified;
        }
    }
    let grant_year =
        if !wish.no_grants && draw.per_mille(80) { Some(draw.range(first.into(), layout.last_year.into()) as i32) } else { None };
    payments(layout, village, draw, &mut household, grant_year);
    household.entitlements = entitlements(&household.payments);
    incomes(layout, village, draw, &mut household, wish);
    guarantees(layout, draw, &mut household, grant_year);
    measures(layout, village, draw, &mut household);
    if household.identified >= day(layout.cover_year(), 3, 1) {
        entry_chain(village, draw, &mut household);
    }
    if let Some(year) = household.exited_year {
        let chain = exit_chain(layout, village, draw, &household, year);
        let marked = chain.last().map_or(0, |e| e.on);
        household.events.extend(chain);
        if !wish.taken && draw.per_mille(45) && year < layout.last_year {
            watch(layout, village, draw, &mut household, marked);
        }
    }
    household
}

fn payments(layout: &Layout, village: &mut Village, draw: &mut Draw, household: &mut Household, grant_year: Option<i32>) {
    let town = village.site.town;
    let land = if draw.per_mille(if layout.small { 250 } else { 400 }) { draw.range(2, 12) * 100 + 50 } else { 0 };
    let account = household.account;
    let dibao_grade = draw.pick(&["B", "C", "C"]);
    let mut rows = Vec::new();
    let mut pay =
        |payee: &Person, programme: &'static str, grade: &'static str, year: i32, month: i32, part: i64, quantity: i64, paid_on: Days| {
            rows.push(Payment {
                number: 0,
                programme,
                grade,
                year,
                month,
                part,
                payee_name: payee.name.clone(),
                payee: payee.id,
                account,
                quantity,
                standard: layout.policy.standard(programme, grade),
                paid_on,
                status: "ok",
                returned_on: None,
                reissue_of: None,
            });
        };
    for year in layout.years() {
        for month in [6, 12] {
            let end = day(year, month, super::calendar::month_days(year, month));
            let head = household.head_person();
            let household_programme = match household.hh_type {
                "dibao" => Some(("DIBAO", dibao_grade)),
                "tekun" => Some(("TEKUN", "FULL")),
                _ => None,
            };
            if let Some((programme, grade)) = household_programme {
                let paid = pay_day(town, programme, year, month);
                let here = household.people.iter().filter(|p| p.in_register(paid)).count() as i64;
                pay(head, programme, grade, year, month, 1, here * 600, paid);
            }
            for p in &household.people {
                // A pension starts with the half-year after the sixtieth birthday and ends with the last full one.
                let stays = p.left.is_none_or(|(left, _)| left > end + 90) && p.joined <= day(year, month, 1);
                if p.pension && stays && age(p.birth, day(year, month - 5, 1)) >= 60 {
                    pay(p, "PENSION", "BASIC", year, month, 1, 600, pay_day(town, "PENSION", year, month));
                }
                if let (Some(grade), true) = (p.disab, stays) {
                    pay(p, "DISAB", grade, year, month, 1, 600, pay_day(town, "DISAB", year, month));
                }
            }
        }
        for p in household.people.iter().filter(|p| p.edu && p.in_register(day(year, 12, 1))) {
            let grade = match age(p.birth, day(year, 9, 1)) {
                6..=11 => "PRIMARY",
                12..=14 => "MIDDLE",
                _ => continue,
            };
            pay(p, "EDU", grade, year, 9, 1, 100, day(year, 10, 9 + (town % 9) as i32));
        }
        if land > 0 {
            pay(household.head_person(), "ECO", "MU", year, 11, 1, land, pay_day(town, "ECO", year, 11));
        }
    }
    if let Some(year) = grant_year {
        let paid = day(year, 8, 10 + (town % 12) as i32);
        let size = household.people.iter().filter(|p| p.in_register(paid)).count() as i64;
        let head = household.head_person();
        match draw.below(3) {
            0 => pay(head, "RELOC", "PERSON", year, 8, 1, size * 100, paid),
            1 => pay(head, "HOUSE", "C", year, 8, 1, 100, paid),
            // The large repair grant comes in two instalments of one period.
            _ => {
                pay(head, "HOUSE", "D", year, 8, 1, 60, paid);
                pay(head, "HOUSE", "D", year, 8, 2, 40, paid + 50);
            }
        }
    }
    for p in &household.people {
        if let Some((left, "death")) = p.left {
            pay(p, "FUNERAL", "ONCE", super::calendar::year_of(left), super::calendar::civil(left).1, 1, 100, left + 6);
        }
    }
    rows.sort_by_key(|p: &Payment| p.paid_on);
    for row in &mut rows {
        row.number = village.next_payment();
    }
    household.payments = rows;
}

/// What the credited payments of each person, programme and year say is due.
pub(super) fn entitlements(payments: &[Payment]) -> Vec<Entitlement> {
    let mut due: Vec<Entitlement> = Vec::new();
    for p in payments.iter().filter(|p| matches!(p.programme, "DIBAO" | "TEKUN" | "PENSION" | "DISAB")) {
        match due.iter_mut().find(|e| e.payee == p.payee && e.programme == p.programme && e.year == p.year) {
            Some(e) => {
                e.months += 6;
                e.amount += p.amount();
            }
            None => due.push(Entitlement {
                payee: p.payee,
                programme: p.programme,
                grade: p.grade,
                year: p.year,
                months: 6,
                amount: p.amount(),
                state: "active",
            }),
        }
    }
    due
}

/// Transfers that count as income: regular benefits credited in the year.
pub(super) fn transfers(household: &Household, year: i32) -> i64 {
    let counts = |p: &&Payment| p.year == year && matches!(p.programme, "DIBAO" | "TEKUN" | "PENSION" | "DISAB" | "ECO");
    household.payments.iter().filter(counts).map(Payment::amount).sum()
}

/// Keeps a value in a range by turning it back at the ends, so that nothing heaps there.
fn reflected(value: i64, low: i64, high: i64) -> i64 {
    let turned = if value < low { 2 * low - value } else { value };
    let turned = if turned > high { 2 * high - turned } else { turned };
    turned.clamp(low, high)
}

fn incomes(layout: &Layout, village: &Village, draw: &mut Draw, household: &mut Household, wish: &Wish) {
    let county = &layout.counties[village.site.county];
    // Levels are per mille of the poverty line.
    let before = reflected(920 + draw.bell(120), 700, 1115);
    let usual = reflected(1480 + draw.bell(260), 1130, 2050).min(before * 23 / 10);
    let mut after = usual;
    let heap = county.heap.filter(|_| !wish.taken);
    if let (Some(role), Some(year)) = (heap, household.exited_year)
        && role.planted
        && role.year == year
        && role.dose.is_none_or(|percent| draw.per_mille(10 * percent as usize))
    {
        after = draw.range(1004, 1035);
    }
    if household.hh_type == "tekun" {
        after = 2600;
    }
    let mut grown = 0;
    let months = draw.range(0, 9);
    let enumerator = 1 + draw.below(2);
    for year in layout.years() {
        let line = layout.policy.poverty_line(county.code, year);
        let surveyed = draw.days(day(year, 9, 10), day(year, 10, 25));
        let size = (household.people.iter().filter(|p| p.in_register(surveyed)).count() as i64).max(1);
        let level = match household.exited_year {
            _ if household.hh_type == "tekun" => after,
            // The heap is one of the exit year: later incomes are as everywhere, and grow by more or less than the line does.
            Some(exit) if year > exit => {
                grown += draw.range(0, 110);
                usual.max(after) + grown
            }
            Some(exit) if year == exit => after,
            _ => {
                let level = before + draw.bell(18);
                // The planted heap leaves a hole just under the line.
                if heap.is_some_and(|h| h.planted && h.year == year) && (930..1000).contains(&level) { level - 80 } else { level }
            }
        };
        let mut per_capita = line * level / 100_000 * 100;
        if heap.is_some_and(|h| !h.planted && h.year == year) {
            per_capita = (per_capita + 5000) / 10_000 * 10_000;
        }
        let transfer = transfers(household, year) + draw.range(50, 180) * 100;
        let mut net = per_capita * size;
        if net < transfer + 30_000 {
            net = transfer + draw.range(300, 900) * 100;
        }
        let rest = net - transfer;
        let property = if draw.per_mille(300) { rest * draw.range(5, 60) / 100_000 * 100 } else { 0 };
        let workers = household.people.iter().any(|p| p.work_months > 0 && p.in_register(surveyed));
        let wage = if workers { rest * draw.range(40, 70) / 10_000 * 100 } else { 0 };
        let own = rest - property - wage;
        let cost = own * draw.range(18, 50) / 10_000 * 100;
        let mut income = Income {
            year,
            size,
            wage,
            operating: own + cost,
            property,
            transfer,
            cost,
            net: 0,
            per_capita: 0,
            one_off: 0,
            migrant_months: (months + draw.range(-1, 1)).max(0),
            enumerator,
            surveyed,
            entered: surveyed + draw.days(1, 10),
        };
        income.total();
        household.incomes.push(income);
    }
}

fn guarantees(layout: &Layout, draw: &mut Draw, household: &mut Household, grant_year: Option<i32>) {
    let repaired = household.payments.iter().any(|p| p.programme == "HOUSE").then_some(grant_year).flatten();
    for year in layout.years() {
        let exited = household.exited_year.is_some_and(|e| year >= e);
        let unsafe_house = repaired.is_some_and(|r| year < r) || (!exited && draw.per_mille(60));
        household.guarantees.push(Guarantee {
            year,
            house_grade: if unsafe_house && !exited { draw.pick(&["C", "D"]) } else { household.house_grade },
            safe_water: exited || draw.per_mille(930),
            food_clothes: exited || draw.per_mille(980),
            out_of_school: 0,
            home_tuition: 0,
            uninsured: 0,
            insured_elsewhere: 0,
            verified_at: draw.days(day(year, 3, 1), day(year, 4, 20)),
        });
    }
}

fn measures(layout: &Layout, village: &mut Village, draw: &mut Draw, household: &mut Household) {
    let last = household.exited_year.unwrap_or(layout.last_year);
    let helper = village.cadres.get(2 + household.number % 2).map(|c| c.id);
    let mut starts = household.identified.max(day(layout.cover_year(), 2, 1)) + draw.days(60, 250);
    let kinds: &[&'static str] = &["industry", "job", "education", "health", "finance"];
    for _ in 0..draw.range(1, 2) {
        starts = starts.min(day(last, 4, 1));
        household.measures.push(Measure {
            number: village.next_measure(),
            kind: draw.pick(kinds),
            starts,
            ends: (draw.per_mille(400) && last < layout.last_year).then(|| day(layout.last_year, 10, 31)),
            amount: draw.range(8, 60) * 10_000,
            helper,
        });
        starts += draw.days(100, 500);
    }
}

/// A step of a procedure.
pub(super) fn event(village: &mut Village, draw: &mut Draw, kind: &'static str, case_no: &str, year: i32, on: Days) -> Event {
    let actor = format!("C{:05}{:02}", village.site.index + 1, 1 + draw.below(2));
    Event {
        number: village.next_event(),
        kind,
        case_no: case_no.to_string(),
        year,
        on,
        ended: None,
        minute: draw.range(520, 1040),
        paper: false,
        actor,
        system_on: on + draw.days(0, 2),
        signer: None,
        reason: "".into(),
    }
}

pub(super) fn entry_chain(village: &mut Village, draw: &mut Draw, household: &mut Household) {
    let case_no = format!("I{}", village.household_id(household.number));
    let year = super::calendar::year_of(household.identified);
    let mut on = household.identified - draw.days(45, 60);
    for kind in ["apply", "review", "publicity", "approve", "identify"] {
        let mut step = event(village, draw, kind, &case_no, year, on);
        if kind == "publicity" {
            step.ended = Some(on + 8);
            on += 8;
        }
        if kind == "identify" {
            step.on = household.identified;
            step.system_on = step.on;
        }
        household.events.push(step);
        on += draw.days(3, 8);
    }
}

/// The six steps of an exit, in order, with enough days of publicity.
pub(super) fn exit_chain(layout: &Layout, village: &mut Village, draw: &mut Draw, household: &Household, year: i32) -> Vec<Event> {
    let surge = layout.towns[village.site.town].surge.filter(|s| s.year == year);
    let case_no = format!("X{year}{}", village.household_id(household.number));
    let gaps = [0, draw.days(3, 6), draw.days(2, 4), draw.days(1, 3), draw.days(1, 2), draw.days(1, 4)];
    let posted = draw.days(7, 9);
    let mut on = draw.days(day(year, 5, 10), day(year, 9, 25));
    let hurried = surge.is_some_and(|s| s.planted && s.dose.is_none_or(|percent| draw.per_mille(10 * percent as usize)));
    let (gaps, posted) = if hurried {
        // All of it, review and evidence too, in the nine days before the deadline, in the shortest time the rules allow.
        on = day(year, 12, 11);
        ([0, 0, 1, 0, 1, 0], 7)
    } else {
        (gaps, posted)
    };
    let kinds = ["exit_review", "exit_verify", "exit_consent", "exit_publicity", "exit_announce", "exit_mark"];
    let mut steps = Vec::new();
    for (kind, gap) in kinds.into_iter().zip(gaps) {
        on += gap;
        let mut step = event(village, draw, kind, &case_no, year, on);
        if hurried {
            // Two steps fall on one day: the first in the morning, the second in the afternoon.
            let later = matches!(kind, "exit_verify" | "exit_publicity" | "exit_mark");
            step.minute = step.minute / 2 + if later { 560 } else { 240 };
        }
        if kind == "exit_publicity" {
            on += posted;
            step.ended = Some(on);
        }
        if kind == "exit_consent" {
            step.signer = Some(household.head);
        }
        if kind == "exit_mark" && surge.is_some_and(|s| !s.planted) {
            // The system is marked once a year; the evidence is of the summer.
            step.on = draw.days(day(year, 12, 12), day(year, 12, 19));
            step.system_on = step.on;
        }
        steps.push(step);
    }
    steps
}

/// A household on the watch list, handled in order: help given, cleared after more than half a year.
fn watch(layout: &Layout, village: &mut Village, draw: &mut Draw, household: &mut Household, marked: Days) {
    let found = marked + draw.days(60, 200);
    let kind = draw.pick(&["unstable", "marginal", "sudden"]);
    household.monitor = Some(Monitor { kind, found, cleared: None });
    let case_no = format!("M{}", village.household_id(household.number));
    let step = event(village, draw, "risk_on", &case_no, super::calendar::year_of(found), found);
    household.events.push(step);
    let helper = village.cadres.get(2).map(|c| c.id);
    let number = village.next_measure();
    let starts = found + draw.days(5, 20);
    household.measures.push(Measure { number, kind: "job", starts, ends: None, amount: draw.range(10, 40) * 10_000, helper });
    // Most stay on the list: clearing asks for an income above the monitoring line.
    let cleared = found + draw.days(240, 300);
    let year = super::calendar::year_of(cleared);
    let county = layout.counties[village.site.county].code;
    let secure = (year - 1..=year).all(|y| {
        y > layout.last_year || household.incomes.iter().any(|i| i.year == y && i.per_capita > layout.policy.monitoring_line(county, y))
    });
    if year <= layout.last_year && cleared < day(layout.last_year, 12, 1) && secure {
        let step = event(village, draw, "risk_off", &case_no, year, cleared);
        household.events.push(step);
        if let Some(m) = &mut household.monitor {
            m.cleared = Some((cleared, "income_stable"));
        }
    }
}
