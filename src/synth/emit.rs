//! Writes a village's records as rows of the delivered files.

use super::calendar::{age, as_of, civil, day, year_of};
use super::files::{T, Tables};
use super::layout::Layout;
use super::model::*;

/// Appends all rows of a village.
pub(super) fn emit(layout: &Layout, village: &Village, tables: &mut Tables) {
    let v = village.site.index + 1;
    office(layout, village, tables);
    for household in &village.households {
        head_row(village, household, tables);
        people(layout, village, household, tables);
        yearly(village, household, tables);
        acts(village, household, tables);
        paid(village, household, tables);
    }
    for (n, a) in village.accounts.iter().enumerate() {
        let kind = if a.holder.is_some() { "person" } else { "collective" };
        let mut row = tables.row(T::Accounts);
        row.number(a.number).text(kind).opt_id(a.holder.as_ref()).text(&a.holder_name).date(day(2014, 3, 1) + n as i32);
    }
    for (n, t) in village.trustees.iter().enumerate() {
        let mut row = tables.row(T::Trustees);
        row.key('G', v, n + 1, 5).id(&t.ward).opt_id(t.trustee.as_ref()).text(t.kind).date(t.starts).text("");
    }
    staff(layout, village, tables);
    outside(layout, village, tables);
    lists(village, tables);
    vouchers(village, tables);
    farm(village, tables);
    records(layout, village, tables);
    deliveries(layout, village, tables);
    super::kept::emit(village, tables);
}

fn office(layout: &Layout, village: &Village, tables: &mut Tables) {
    let site = village.site;
    let (town, county) = (&layout.towns[site.town], &layout.counties[site.county]);
    let mut row = tables.row(T::Villages);
    row.int(site.code).text(&site.name).int(town.code).int(county.code).int(village.population).number(village.office_phone);
    row.number(village.collective).degrees(site.lat).degrees(site.lon);
    drop(row);
    let mut row = tables.row(T::Accounts);
    row.number(village.collective).text("collective").text("").text(&site.name).date(day(2012, 5, 8));
}

fn head_row(village: &Village, h: &Household, tables: &mut Tables) {
    let v = village.site.index + 1;
    let status = match (h.returned, h.exited_year) {
        (true, _) => "returned",
        (false, Some(_)) => "exited",
        (false, None) => "not_exited",
    };
    let mut row = tables.row(T::Households);
    row.key('H', v, h.number, 3).int(h.code.unwrap_or(village.site.code)).id(&h.head).int(h.stated_size.unwrap_or_else(|| h.size()));
    row.text(h.hh_type).text(h.cause).text(status).date(h.identified).opt_int(h.exited_year.map(i64::from));
    match &h.monitor {
        Some(m) => {
            row.text(m.kind).date(m.found).yes_no(m.cleared.is_some()).opt_date(m.cleared.map(|c| c.0));
            row.text(m.cleared.map_or("", |c| c.1));
        }
        None => {
            row.text("").text("").text("").text("").text("");
        }
    }
    row.text(h.house_grade).yes_no(true);
    match &h.phone_raw {
        Some(raw) => row.text(raw),
        None => row.number(h.phone),
    };
    row.number(h.account).text(&h.address.clone().unwrap_or_else(|| address(village, h))).yes_no(h.private).date(as_of());
    let checked = || day(year_of(as_of()), 2, 3) + ((village.site.index * 37 + h.number * 53) % 300) as i32;
    row.date(h.checked.unwrap_or_else(checked));
    drop(row);
    let head = h.head_person();
    tables.row(T::Accounts).number(h.account).text("person").id(&head.id).text(&head.name).date(h.identified.min(day(2016, 12, 1)) + 9);
}

fn address(village: &Village, h: &Household) -> String {
    let number = h.lodged_with.unwrap_or(h.number);
    format!("{}{}组{number}号", village.site.name, 1 + number % 6)
}

fn people(layout: &Layout, village: &Village, h: &Household, tables: &mut Tables) {
    let v = village.site.index + 1;
    for p in &h.people {
        let mut row = tables.row(T::Members);
        row.key('R', v, p.number, 5);
        // An orphan names a household that does not exist.
        if p.relation == "orphan" {
            row.key('H', v, h.number + 500, 3)
        } else {
            row.key('H', v, h.number, 3)
        };
        match &p.id_raw {
            Some(raw) => row.text(raw),
            None => row.id(&p.id),
        };
        row.text(p.name_raw.as_ref().unwrap_or(&p.name))
            .text(if p.relation == "orphan" { "other" } else { p.relation })
            .text(if p.female { "female" } else { "male" });
        row.date(p.birth).text(p.health).text(p.school).int(p.work_months).date(p.joined);
        row.opt_date(p.left.map(|l| l.0)).text(p.left.map_or("", |l| l.1));
        drop(row);
        if !p.in_registers {
            continue;
        }
        if let Some(from) = p.insured_from {
            let ends = p.left.filter(|l| l.1 == "death").map(|l| l.0);
            let mut row = tables.row(T::Insurance);
            row.key('J', v, p.number, 5).id(&p.id).text("medical_resident").int(village.site.code).date(from).opt_date(ends);
        }
        for year in layout.years() {
            let term = day(year, 9, 1);
            if (6..=15).contains(&age(p.birth, term)) && p.in_register(term) && p.school != "dropped" {
                let state = if p.school == "home_tuition" { "home_tuition" } else { "enrolled" };
                let school = if age(p.birth, term) < 12 { "小学" } else { "中学" };
                tables
                    .row(T::School)
                    .id(&p.id)
                    .int(year.into())
                    .text(&format!("{}{school}", layout.towns[village.site.town].name))
                    .text(state)
                    .date(term);
            }
        }
    }
}

fn yearly(village: &Village, h: &Household, tables: &mut Tables) {
    let v = village.site.index + 1;
    for i in &h.incomes {
        let mut row = tables.row_of_year(T::Incomes, i.year);
        row.key('H', v, h.number, 3).int(i.year.into()).int(i.size).hundredths(i.wage).hundredths(i.operating).hundredths(i.property);
        row.hundredths(i.transfer).hundredths(i.cost).hundredths(i.net).hundredths(i.per_capita).hundredths(i.one_off);
        row.int(i.migrant_months).key('C', v, i.enumerator, 2).date(i.surveyed).date(i.entered);
    }
    for g in &h.guarantees {
        let mut row = tables.row(T::Guarantees);
        row.key('H', v, h.number, 3).int(g.year.into()).text(g.house_grade).yes_no(g.safe_water).yes_no(g.food_clothes);
        row.int(g.out_of_school)
            .int(g.home_tuition)
            .int(g.uninsured)
            .int(g.insured_elsewhere)
            .key('C', v, 1 + h.number % 2, 2)
            .date(g.verified_at);
    }
}

fn act(village: &Village, household: usize, e: &Event, tables: &mut Tables) {
    let v = village.site.index + 1;
    let mut row = tables.row(T::Events);
    row.key('E', v, e.number, 5).key('H', v, household, 3).text(e.kind).text(&e.case_no).int(e.year.into()).date(e.on).opt_date(e.ended);
    row.int(e.minute).text(if e.paper { "paper" } else { "system" }).text(&e.actor).key('O', village.site.town + 1, 1, 2).date(e.system_on);
    row.opt_id(e.signer.as_ref()).text(&e.reason);
    // Keyed some hours after the act, one after another.
    row.int(e.minute + 20 + (e.number * 7 % 240) as i64);
}

fn acts(village: &Village, h: &Household, tables: &mut Tables) {
    let v = village.site.index + 1;
    for e in &h.events {
        act(village, h.number, e, tables);
    }
    for m in &h.measures {
        let mut row = tables.row(T::Measures);
        row.key('M', v, m.number, 5)
            .key('H', v, h.number, 3)
            .text(m.kind)
            .date(m.starts)
            .opt_date(m.ends)
            .hundredths(m.amount)
            .opt_id(m.helper.as_ref());
    }
}

fn paid(village: &Village, h: &Household, tables: &mut Tables) {
    let v = village.site.index + 1;
    for p in &h.payments {
        let mut row = tables.row_of_year(T::Payments, p.year);
        row.key('P', v, p.number, 5).key('H', v, h.number, 3).text(p.programme).text(p.grade);
        row.text(if p.per_person() { "person" } else { "household" })
            .int(p.year.into())
            .month(p.year, p.month)
            .date(p.period_end())
            .int(p.part);
        row.text(&p.payee_name).id(&p.payee).number(p.account).hundredths(p.quantity).hundredths(p.standard).hundredths(p.amount());
        row.date(p.paid_on).text(p.status).opt_date(p.returned_on);
        match p.reissue_of {
            Some(number) => row.key('P', v, number, 5),
            None => row.text(""),
        };
        let (y, m, _) = civil(p.paid_on);
        row.text(&format!("{}{y}{m:02}{:04}", p.programme, village.site.town + 1));
    }
    for (n, e) in h.entitlements.iter().enumerate() {
        let first_half = h.payments.iter().any(|p| p.payee == e.payee && p.programme == e.programme && p.year == e.year && p.month == 6);
        let due = if first_half || e.months == 12 { day(e.year, 6, 30) } else { day(e.year, 12, 30) };
        let mut row = tables.row(T::Entitlements);
        row.key('Y', v, h.number * 100 + n, 5).key('H', v, h.number, 3).id(&e.payee).text(e.programme).text(e.grade);
        row.int(e.year.into()).int(e.months).hundredths(e.amount).text(e.state).date(due);
    }
}

fn staff(layout: &Layout, village: &Village, tables: &mut Tables) {
    let v = village.site.index + 1;
    let county = &layout.counties[village.site.county];
    for c in &village.cadres {
        let mut row = tables.row(T::Cadres);
        let org = if c.resident { format!("{}农业农村局", county.name) } else { format!("{}村委会", village.site.name) };
        row.id(&c.id).text(&c.name).text(if c.resident { "resident" } else { "village" }).text(c.role).text(&org);
        row.int(village.site.code).number(c.phone).date(c.starts).text("");
    }
    for (n, (cadre, relative, relation)) in village.relatives.iter().enumerate() {
        tables.row(T::Relatives).key('X', v, n + 1, 5).id(cadre).id(relative).text(relation);
    }
    for (n, p) in village.postings.iter().enumerate() {
        let mut row = tables.row(T::Postings);
        row.key('S', v, n + 1, 5).id(&p.cadre).int(p.region).text(p.role).yes_no(p.full_time).date(p.starts).opt_date(p.ends);
    }
    for (cadre, on, state) in &village.attendance {
        let (y, m, _) = civil(*on);
        tables.row_of_year(T::Attendance, y).id(cadre).date(*on).month(y, m).text(state);
    }
    for (n, x) in village.visits.iter().enumerate() {
        let mut row = tables.row_of_year(T::Visits, year_of(x.on));
        row.key('V', v, n + 1, 5).id(&x.cadre).key('H', v, x.household + 1, 3).text(x.kind).date(x.on).int(x.minute).int(x.minutes);
        row.degrees(x.lat).degrees(x.lon).opt_id(x.met.as_ref()).text(x.met_who).date(x.entered).text(&x.note);
        // A device goes with its cadre; any fixed mixing gives each visit a photo of its own.
        row.text(x.device.as_deref().unwrap_or(&format!("SB{}", x.cadre.text().get(6..).unwrap_or_default())));
        let mixed = ((v * 100_000 + n + 1) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let own = if x.kind == "home" { format!("{mixed:016x}") } else { String::new() };
        row.text(x.photo.as_deref().unwrap_or(&own));
    }
    for h in village.households.iter().filter(|h| !village.unassigned.contains(&(h.number - 1))) {
        let helper = village.cadres[2 + h.number % 2].id;
        let starts = h.identified.max(day(layout.first_year, 1, 1));
        tables.row(T::Assignments).key('A', v, h.number, 5).id(&helper).key('H', v, h.number, 3).date(starts).text("");
    }
    for (n, a) in village.absences.iter().enumerate() {
        let mut row = tables.row(T::Absences);
        row.key('L', v, n + 1, 5).key('H', v, a.household + 1, 3).yes_no(a.whole).date(a.starts).date(a.ends).text(a.place);
    }
    for (n, t) in village.transfers.iter().enumerate() {
        let mut row = tables.row(T::FundFlow);
        row.key('F', v, n + 1, 5).int(t.region).text(t.level).text(&t.from).text(&t.to).text(t.fund).text(&t.project).text(t.purpose);
        row.text(&t.approval).int(t.stage).hundredths(t.amount).date(t.issued).opt_date(t.received);
    }
}

/// The register as it was delivered in the middle and at the end of the last year.
fn deliveries(layout: &Layout, village: &Village, tables: &mut Tables) {
    let v = village.site.index + 1;
    let days = [day(layout.last_year, 6, 30), as_of()];
    for h in &village.households {
        for (n, on) in days.into_iter().enumerate().skip(usize::from(h.entered_later)) {
            let hh_type = if n == 0 { h.earlier_type.unwrap_or(h.hh_type) } else { h.hh_type };
            let size = h.people.iter().filter(|p| p.in_register(on)).count() as i64;
            let mut row = tables.row(T::RegisterDeliveries);
            row.key('H', v, h.number, 3)
                .date(on)
                .int(h.code.unwrap_or(village.site.code))
                .id(&h.head)
                .int(size)
                .text(hh_type)
                .date(h.identified);
        }
    }
    for x in &village.vanished {
        let mut row = tables.row(T::RegisterDeliveries);
        row.key('H', v, x.number, 3).date(days[0]).int(village.site.code).id(&x.head).int(2).text("general").date(x.identified);
        drop(row);
        if let Some(e) = &x.removed {
            act(village, x.number, e, tables);
        }
    }
}

fn vouchers(village: &Village, tables: &mut Tables) {
    let office = format!("{}村委会", village.site.name);
    for x in &village.vouchers {
        let mut row = tables.row(T::Vouchers);
        row.text(&village.voucher_id(x)).text(&office).int(village.site.code).int(x.year.into()).int(x.number).text(x.purpose);
        row.hundredths(x.amount).date(x.on).text(if x.void { "void" } else { "booked" });
    }
}

fn outside(layout: &Layout, village: &Village, tables: &mut Tables) {
    let v = village.site.index + 1;
    let home = village.site.code;
    for (index, r) in village.registered.iter().enumerate() {
        let n = index + 1;
        match &r.fact {
            Fact::Death { registered } => {
                tables.row(T::Deaths).key('D', v, n, 5).id(&r.id).text(&r.name).date(r.starts).date(*registered).int(home);
            }
            Fact::Vehicle { kind, price_yuan } => {
                let mut row = tables.row(T::Vehicles);
                row.key('W', v, n, 5).text(&format!("贵{}{:05}", ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J'][v % 9], v / 9 * 1000 + n));
                row.id(&r.id).text(&r.name).date(r.birth).int(home).text(kind).wan(*price_yuan).date(r.starts).opt_date(r.ends);
            }
            Fact::Estate { kind, origin, share, area } => {
                let mut row = tables.row(T::RealEstate);
                row.key('Q', v, n, 5).id(&r.id).text(&r.name).date(r.birth).int(home).text(kind).text(origin).int(*share).hundredths(*area);
                row.date(r.starts).opt_date(r.ends);
            }
            Fact::Business { kind, role, capital, tax } => {
                let mut row = tables.row(T::Business);
                let suffix = match *kind {
                    "company" => "商贸有限公司",
                    "cooperative" => "种植专业合作社",
                    _ => "小卖部",
                };
                row.key('B', v, n, 5)
                    .text(&format!("{}{n}{suffix}", village.site.name))
                    .text(kind)
                    .id(&r.id)
                    .text(&r.name)
                    .date(r.birth)
                    .int(home);
                row.text(role).hundredths(*capital).hundredths(*tax).text(if r.ends.is_some() { "cancelled" } else { "active" });
                row.date(r.starts).opt_date(r.ends);
            }
            Fact::Payroll { kind } => {
                let org = match *kind {
                    "temporary" => "公益性岗位办公室",
                    "civil" => "税务局",
                    _ => "中心学校",
                };
                let mut row = tables.row(T::Payroll);
                row.key('Z', v, n, 5).id(&r.id).text(&r.name).date(r.birth).int(home);
                row.text(&format!("{}{org}", layout.counties[village.site.county].name)).text(kind).date(r.starts).opt_date(r.ends);
            }
            Fact::UrbanDibao => {
                tables.row(T::UrbanDibao).key('U', v, n, 5).id(&r.id).text(&r.name).int(home).date(r.starts).opt_date(r.ends);
            }
        }
    }
    for (n, c) in village.claims.iter().enumerate() {
        let mut row = tables.row(T::Claims);
        row.key('C', v, n + 1, 5)
            .id(&c.id)
            .key('H', v, c.household + 1, 3)
            .text(&format!("{}人民医院", layout.counties[village.site.county].name));
        row.date(c.admitted).date(c.discharged).hundredths(c.total).hundredths(c.own);
    }
}

fn lists(village: &Village, tables: &mut Tables) {
    let v = village.site.index + 1;
    let mut all: Vec<Posted> = village.posted.clone();
    for (n, h) in village.households.iter().enumerate() {
        if h.private {
            continue;
        }
        for mark in h.events.iter().filter(|e| e.kind == "exit_mark" && !h.unlisted_exit) {
            let on = h.events.iter().find(|e| e.kind == "exit_publicity" && e.case_no == mark.case_no).map_or(mark.on - 12, |e| e.on);
            all.push(Posted { household: n, programme: None, year: mark.year, on });
        }
        let mut grants: Vec<Posted> = Vec::new();
        for p in h.payments.iter().filter(|p| matches!(p.programme, "HOUSE" | "RELOC") && !h.unlisted_grant) {
            match grants.iter_mut().find(|g| g.year == p.year && g.programme.is_some_and(|x| x.0 == p.programme)) {
                Some(Posted { programme: Some(sum), .. }) => sum.1 += p.amount(),
                _ => grants.push(Posted { household: n, programme: Some((p.programme, p.amount())), year: p.year, on: p.paid_on - 25 }),
            }
        }
        all.extend(grants);
    }
    for (n, l) in all.iter().enumerate() {
        let h = &village.households[l.household];
        let mut row = tables.row(T::PublicList);
        row.key('L', v, n + 1, 5)
            .text(if l.programme.is_some() { "grant" } else { "exit" })
            .key('H', v, h.number, 3)
            .text(&h.head_person().name);
        row.int(village.site.code).int(l.year.into());
        match l.programme {
            Some((programme, amount)) => row.text(programme).hundredths(amount),
            None => row.text("").text(""),
        };
        row.date(l.on).date(l.on + 8);
    }
    for (n, l) in village.letters.iter().enumerate() {
        let mut row = tables.row(T::Transmittals);
        row.key('N', v, n + 1, 5).text(l.table).int(village.site.code).int(l.year.into()).int(l.rows).hundredths(l.amount);
        match l.superseded_by {
            Some(other) => row.key('N', v, other + 1, 5),
            None => row.text(""),
        };
        row.date(l.sent);
    }
    for (n, c) in village.clues.iter().enumerate() {
        let mut row = tables.row(T::Cases);
        row.key('K', v, n + 1, 5).text(c.kind).key('H', v, c.household + 1, 3).opt_id(c.id.as_ref()).date(c.opened).text(c.result);
        match c.amount {
            Some(fen) => row.hundredths(fen),
            None => row.text(""),
        };
        row.opt_date(c.rectified).opt_date(c.closed);
    }
}

fn farm(village: &Village, tables: &mut Tables) {
    let v = village.site.index + 1;
    for h in &village.households {
        for l in &h.land {
            let tenths = |n: i64| format!("{}.{}", n / 10, n % 10);
            let mut row = tables.row(T::Land);
            row.key('H', v, h.number, 3).int(l.year.into()).text(&tenths(l.crop)).text(&tenths(l.forest)).text(&tenths(l.rented));
            // The subsidy is 60 yuan for a mu of one's own fields.
            row.hundredths(l.crop * 600).hundredths(0);
        }
        for x in &h.herds {
            let mut row = tables.row(T::Herds);
            row.key('H', v, h.number, 3).int(x.year.into()).text(x.species).int(x.heads).int(x.vaccinated).int(x.insured);
        }
        for i in &h.items {
            let payer = match i.item {
                "dividend" | "rent" => format!("{}种植专业合作社", village.site.name),
                "loan" => "农村信用社".to_string(),
                "house_grant" | "relocation_grant" => "县住建局".to_string(),
                _ => String::new(),
            };
            let mut row = tables.row(T::IncomeItems);
            row.key('H', v, h.number, 3).int(i.year.into()).text(i.item).hundredths(i.amount).yes_no(i.counted).text(&payer);
        }
    }
    for (n, d) in village.dividends.iter().enumerate() {
        let mut row = tables.row(T::Dividends);
        row.key('T', v, n + 1, 5).key('H', v, d.household + 1, 3).int(d.year.into()).text(d.kind);
        row.text(&format!("{}种植专业合作社", village.site.name)).hundredths(d.promised).hundredths(d.paid).date(d.paid_on);
    }
}

/// What offices keep about their own work.
fn records(layout: &Layout, village: &Village, tables: &mut Tables) {
    let v = village.site.index + 1;
    for d in &village.disabilities {
        tables.row(T::Disability).id(&d.id).text(d.kind).int(d.grade).date(d.issued).text("");
    }
    for (n, r) in village.reports.iter().enumerate() {
        let mut row = tables.row(T::Reports);
        row.key('Q', v, n + 1, 5).int(village.site.code).int(r.year.into()).text(r.kind).int(r.value).date(r.filed);
        match r.superseded_by {
            Some(other) => row.key('Q', v, other + 1, 5),
            None => row.text(""),
        };
    }
    for (n, c) in village.checks.iter().enumerate() {
        let mut row = tables.row(T::HouseChecks);
        row.key('O', v, n + 1, 5).key('H', v, c.household + 1, 3).int(c.year.into()).text(&c.photo).degrees(c.lat).degrees(c.lon);
        row.text(&c.sheet).date(c.on);
    }
    for (n, r) in village.revisions.iter().enumerate() {
        let mut row = tables.row(T::Revisions);
        row.key('X', v, n + 1, 5).text(r.table).key('H', v, r.household + 1, 3).int(r.year.into()).text(r.column).text(&r.old).text(&r.new);
        row.date(r.on).key('O', village.site.town + 1, 1, 2);
        if r.approved {
            row.text(&format!("XG{}-{v}-{}", r.year, n + 1))
        } else {
            row.text("")
        };
    }
    if village.site.first_of_county {
        let code = layout.counties[village.site.county].code;
        let mut n = 0;
        for year in layout.years() {
            for (kind, from, to) in super::offices::inspections(year) {
                if from <= as_of() {
                    n += 1;
                    tables.row(T::Inspections).key('I', v, n, 5).int(code).int(year.into()).text(kind).date(from).opt_date(to);
                }
            }
        }
    }
}
