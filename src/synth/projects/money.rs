//! Offices' accounts, bank lines, loans; cases that stand in payments and documents (FD03, FD13, FD21, FD26).

use super::super::calendar::{as_of, civil, day};
use super::super::draw::Draw;
use super::super::layout::Layout;
use super::super::model::*;
use super::super::village::purchase;
use super::works::{Line, Loan, OfficeAccount, Opening, Works, key};
use super::{Batches, Plan, free};

/// Account of the town's office in its first village, bank lines of two years, loans, and the sums of the pay-out batches.
pub(super) fn background(layout: &Layout, village: &mut Village, draw: &mut Draw, works: &mut Works) -> Batches {
    let site = village.site;
    let town = &layout.towns[site.town];
    if site.first_of_town {
        let mut account = OfficeAccount {
            number: village.new_account(),
            name: format!("{}财政所", town.name),
            kind: "special",
            region: town.code,
            years: vec![],
            lines: vec![],
        };
        let mut balance = 0;
        for year in layout.years() {
            let received = draw.range(200, 900) * 100_000;
            let spent = balance + received / 100 * draw.range(92, 99);
            account.lines.push((true, received, day(year, 3, 5) + draw.days(0, 20), format!("YKB{year}-{:05}", site.index + 1)));
            account.lines.push((false, spent, day(year, 8, 1) + draw.days(0, 90), String::new()));
            account.years.push((year, balance, balance + received - spent));
            balance += received - spent;
        }
        works.accounts.push(account);
    }
    let mut batches = Batches::default();
    for (n, h) in village.households.iter().enumerate() {
        for p in h.payments.iter().filter(|p| p.status != "returned") {
            batches.pay(layout, village, p);
            if p.year >= layout.last_year - 1 {
                bank(layout, village, draw, works, p);
            }
        }
        works.openings.push(Opening {
            account: h.account,
            branch: format!("{}信用社", town.name),
            on: h.identified.min(day(2016, 12, 1)) + 9,
            sequence: draw.range(1, 60),
            mass: false,
        });
        if h.number % 8 == 0 {
            let lent = draw.days(day(layout.first_year, 2, 1), day(layout.last_year, 6, 1));
            let repaid = Some(lent + draw.days(400, 1000)).filter(|&on| on < as_of());
            let amount = draw.range(4, 10) * 500_000;
            works.loans.push(Loan { household: n, borrower: h.head, amount, lent, repaid, subsidised: true, paid_to: String::new() });
        }
    }
    batches
}

/// The benefit's credit and its withdrawal some days later.
fn bank(layout: &Layout, village: &Village, draw: &mut Draw, works: &mut Works, p: &Payment) {
    let site = village.site;
    let (y, m, _) = civil(p.paid_on);
    let batch = format!("{}{y}{m:02}{:04}", p.programme, site.town + 1);
    let credit = Line {
        account: p.account,
        kind: "credit",
        amount: p.amount(),
        on: p.paid_on + 1,
        minute: 540,
        terminal: String::new(),
        counter: None,
        batch,
    };
    // The last pay day's money may still lie there when the programme ends.
    let on = (p.paid_on + 2 + draw.days(0, 22)).min(day(layout.last_year, 12, 31));
    let minute = draw.range(480, 1080);
    let terminal = key("AT", site, draw.below(2));
    works.lines.push(Line { kind: "withdrawal", on, minute, terminal, batch: String::new(), ..credit.clone() });
    works.lines.push(credit);
}

pub(super) fn slow_transfer(layout: &Layout, village: &mut Village, draw: &mut Draw, plan: Plan) {
    let site = village.site;
    let town = &layout.towns[site.town];
    let year = layout.first_year + 1 + plan.variant as i32 % 2;
    let (issued, took, note) = match (plan.planted, plan.form(2, 0)) {
        (true, 0) if plan.dose.is_some() => (day(year, 5, 12), Some(30 + plan.dose(0) as i32), "received after the term"),
        (true, 0) => (day(year, 5, 12), Some(31 + draw.days(10, 80)), "received weeks after the term"),
        (true, _) => (day(year, 9, 3), None, "never received"),
        (false, 0) => (day(year, 5, 12), Some(30), "received on the last day of the term"),
        (false, _) => (day(year, 12, 10), Some(48), "issued in December and received in January"),
    };
    let number = village.transfers.len() + 1;
    village.transfers.push(Transfer {
        region: site.code,
        level: "village",
        from: format!("{}财政所", town.name),
        to: format!("{}村委会", site.name),
        project: format!("ZX{year}-{:06}", site.code / 1000 % 1_000_000),
        fund: "ZXFP",
        purpose: "产业发展补助资金",
        approval: format!("PF{year}-{:05}-C{number}", site.index + 1),
        stage: 0,
        amount: draw.range(200, 900) * 10_000,
        issued,
        received: took.map(|t| issued + t),
    });
    let case = village.truth.case("FD03", plan.planted, "area", site.code.to_string(), note);
    let record = village.key('F', number);
    village.truth.record(&case, "fund_flow", record);
}

pub(super) fn other_purpose(layout: &Layout, village: &mut Village, draw: &mut Draw, plan: Plan) {
    let year = layout.first_year + plan.variant as i32 % 3;
    let (purpose, fund, note) = match (plan.planted, plan.variant % 3) {
        (true, 0) => ("业务接待支出", "ZXFP", "a reception"),
        (true, 1) => ("公务用车维修", "ZXFP", "an official car"),
        (true, _) => ("办公用品采购", "ZXFP", "office supplies"),
        (false, 0) => ("项目评审会务接待", "GLF", "paid from the management fee"),
        (false, 1) => ("公务用车租赁(验收)", "GLF", "paid from the management fee"),
        (false, _) => ("便民服务点建设材料", "ZXFP", "a service point of the village"),
    };
    let supplier = format!("{}{year}综合服务部", village.site.name);
    let index = purchase(village, layout, supplier, day(year, 6, 1) + draw.days(0, 90), draw.range(30, 90) * 10_000, 0, None);
    (village.transfers[index].purpose, village.transfers[index].fund) = (purpose, fund);
    let case = village.truth.case("FD21", plan.planted, "area", village.site.code.to_string(), note);
    let record = village.key('F', index + 1);
    village.truth.record(&case, "fund_flow", record);
}

/// A payment of a free household that is credited and not one of several instalments.
fn payment(village: &Village, skip: usize) -> Option<(usize, usize)> {
    let plain = |p: &Payment| p.status == "ok" && p.part == 1 && matches!(p.programme, "PENSION" | "DIBAO" | "ECO" | "DISAB" | "EDU");
    let all = free(village).into_iter().flat_map(|h| village.households[h].payments.iter().enumerate().map(move |(n, p)| (h, n, p)));
    let found: Vec<(usize, usize)> = all.filter(|x| plain(x.2)).map(|x| (x.0, x.1)).collect();
    (!found.is_empty()).then(|| found[skip % found.len()])
}

/// FD13: one payment by another standard than the published one; look-alike: half of the quantity, half of the money.
pub(super) fn other_standard(village: &mut Village, plan: Plan) {
    let Some((h, n)) = payment(village, 3) else { return };
    let p = &mut village.households[h].payments[n];
    let note = if plan.planted {
        let percent = if plan.variant % 2 == 0 { 100 + plan.dose(20) } else { 100 - plan.dose(20) };
        p.standard = p.standard * percent / 100;
        "paid by another standard"
    } else {
        p.quantity = (p.quantity / 2).max(1);
        "paid for a part of the period"
    };
    let (number, subject) = (p.number, village.household_id(h + 1));
    let case = village.truth.case("FD13", plan.planted, "household", subject, note);
    let record = village.payment_id(number);
    village.truth.record(&case, "payments", record);
}

/// FD26: returned and reissued within the term, to somebody else's account; look-alike: to the payee's own new one.
pub(super) fn reissued(village: &mut Village, plan: Plan) {
    let Some((h, n)) = payment(village, 11) else { return };
    let like = village.households[h].payments[n].clone();
    let number = village.next_payment();
    let account = if plan.planted {
        let other = free(village).into_iter().find(|&o| o != h).unwrap_or(0);
        village.households[other].account
    } else {
        let account = village.new_account();
        village.accounts.push(Account { number: account, holder: Some(like.payee), holder_name: like.payee_name.clone() });
        account
    };
    let returned = like.paid_on + 4;
    let first = &mut village.households[h].payments[n];
    (first.status, first.returned_on) = ("returned", Some(returned));
    let again = Payment { number, account, status: "reissued", paid_on: returned + 9, reissue_of: Some(like.number), ..like };
    village.households[h].payments.push(again);
    let note = if plan.planted { "reissued to another household's account" } else { "reissued to the payee's new account" };
    let subject = village.household_id(h + 1);
    let case = village.truth.case("FD26", plan.planted, "household", subject, note);
    let record = village.payment_id(number);
    village.truth.record(&case, "payments", record);
}
