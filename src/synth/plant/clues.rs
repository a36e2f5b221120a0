//! Clues, complaints, sanctions and field checks: SV02, SV04-07, SV09, SV11, SV13.

use super::Planting;
use crate::synth::calendar::{as_of, day};
use crate::synth::files::T;
use crate::synth::ids::Id;
use crate::synth::jobs::Job;
use crate::synth::kept::Cell;
use crate::synth::model::{Clue, Days, Fact, Fen};
use crate::synth::truth::Case;
use crate::synth::village::outsider;

use Cell::{Day, Empty};

impl Planting<'_, '_> {
    pub(super) fn handling(&mut self, job: &Job, at: Option<usize>) {
        match (job.kind, at) {
            ("SV02", _) => self.overdue(job),
            ("SV04", Some(at)) => self.own_verifier(job, at),
            ("SV05", _) => self.one_text(job),
            ("SV06", _) => self.recovered(job),
            ("SV07", Some(at)) => self.again(job, at),
            ("SV09", _) => self.complaint(job),
            ("SV11", Some(at)) => self.sanctioned(job, at),
            ("SV13", _) => self.field_check(job),
            _ => {}
        }
    }

    /// A clue about a household, by number of the village; gives its key.
    fn clue_on(&mut self, household: usize, id: Option<Id>, opened: Days, result: &'static str, closed: Option<Days>) -> String {
        let amount = (result == "confirmed").then_some(84_000);
        self.village.clues.push(Clue { kind: "FD09", household, id, opened, result, amount, rectified: None, closed });
        self.village.key('K', self.village.clues.len())
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of an act")]
    fn act(&mut self, case: &Case, clue: &str, kind: &str, actor: Id, on: Days, ends: Option<Days>, amount: Option<Fen>, note: &str) {
        let cells =
            vec![clue.into(), kind.into(), actor.into(), Day(on), ends.map_or(Empty, Day), amount.map_or(Empty, Cell::Fen), note.into()];
        self.keep_numbered(case, T::CaseActs, 'T', cells);
    }

    fn clue_case(&mut self, job: &Job, clue: &str, note: &'static str) -> Case {
        let case = self.village.truth.case(job.kind, job.planted, "case", clue.to_string(), note);
        self.village.truth.record(&case, "cases", clue.to_string());
        case
    }

    fn inspector(&mut self) -> Id {
        outsider(self.layout, self.ids, self.draw, 28, 55).id
    }

    /// A household that other kinds do not speak of much.
    fn any_household(&mut self) -> usize {
        self.draw.below(self.village.site.households)
    }

    fn overdue(&mut self, job: &Job) {
        let household = self.any_household();
        let form = job.variant % 2;
        let opened = if !job.planted && form == 1 { as_of() - 50 } else { as_of() - job.dose(190 + job.variant as i64 % 50) as i32 };
        let note = match (job.planted, form) {
            (true, _) => "open for half a year",
            (false, 0) => "extended by decision",
            _ => "opened lately",
        };
        let clue = self.clue_on(household, None, opened, "pending", None);
        let case = self.clue_case(job, &clue, note);
        if !job.planted && form == 0 {
            let actor = self.inspector();
            self.act(&case, &clue, "extend", actor, opened + 60, Some(as_of() + 30), None, "案情复杂延期办理");
        }
    }

    fn own_verifier(&mut self, job: &Job, at: usize) {
        let opened = day(self.layout.last_year, 4, 8) + job.variant as i32 % 30;
        let kin = !job.variant.is_multiple_of(2);
        let helper = self.village.cadres[2 + (at + 1) % 2].id;
        let n = self.spare(at);
        let relative = self.person(at, n).id;
        let actor = match (job.planted, kin) {
            (true, false) => helper,
            (true, true) | (false, true) => self.inspector(),
            (false, false) => self.village.cadres[2 + at % 2].id,
        };
        let note = match (job.planted, kin) {
            (true, false) => "verified by the household's helper",
            (true, true) => "verified by a member's brother",
            (false, false) => "verified by another household's helper",
            (false, true) => "verified by somebody from outside",
        };
        let clue = self.clue_on(at, None, opened, "explained", Some(opened + 20));
        let case = self.clue_case(job, &clue, note);
        if job.planted && kin {
            self.village.relatives.push((actor, relative, "sibling"));
            let key = self.village.key('X', self.village.relatives.len());
            self.village.truth.record(&case, "relatives", key);
        }
        let text = format!("入户查看第{}户的账本和一卡通流水，与户主本人逐笔核对。", at + 1);
        self.act(&case, &clue, "verify", actor, opened + 12, None, None, &text);
    }

    fn one_text(&mut self, job: &Job) {
        let opened = day(self.layout.last_year, 5, 11);
        let actor = self.inspector();
        let form = job.variant % 2;
        let note = match (job.planted, form) {
            (true, _) => "one text for four cases",
            (false, 0) => "a heading of a few characters",
            _ => "a text of its own for each case",
        };
        let subject = actor.text().to_string();
        let case = self.village.truth.case("SV05", job.planted, "cadre", subject, note);
        for n in 0..job.dose(4) as i32 {
            let household = self.any_household();
            let clue = self.clue_on(household, None, opened, "explained", Some(opened + 30));
            self.village.truth.record(&case, "cases", clue.clone());
            let site = self.village.site.index + 1;
            let text = match (job.planted, form) {
                (true, _) => format!("经第{site}组入户走访并查阅资料，未发现该户存在线索所反映的问题。"),
                (false, 0) => "已核实".to_string(),
                _ => format!("第{site}村第{n}条：已查流水{}笔，询问{}名邻居，家庭情况属实。", self.draw.range(3, 60), n + 2),
            };
            self.act(&case, &clue, "verify", actor, opened + 9 + n, None, None, &text);
        }
    }

    fn recovered(&mut self, job: &Job) {
        let household = self.any_household();
        let lately = !job.planted && !job.variant.is_multiple_of(2);
        let on = if lately { as_of() - 9 } else { day(self.layout.last_year, 6, 18) };
        let note = match (job.planted, lately) {
            (true, _) => "recovered on paper, a part or nothing in the treasury",
            (_, true) => "on its way to the treasury",
            _ => "paid in by two receipts",
        };
        let clue = self.clue_on(household, None, on - 40, "confirmed", Some(on + 3));
        let case = self.clue_case(job, &clue, note);
        let actor = self.inspector();
        self.act(&case, &clue, "recover", actor, on, None, Some(84_000), "");
        let dosed = [84_000 * (100 - job.dose(0)) / 100];
        let parts: &[Fen] = match (job.planted, lately) {
            (true, _) if job.dose == Some(100) => &[],
            (true, _) if job.dose.is_some() => &dosed,
            (true, _) if job.variant.is_multiple_of(2) => &[],
            (true, _) => &[30_000],
            (_, true) => &[],
            _ => &[50_000, 34_000],
        };
        for (n, fen) in parts.iter().enumerate() {
            self.keep_numbered(&case, T::Receipts, 'R', vec![(&clue).into(), Cell::Fen(*fen), Day(on + 6 + n as i32)]);
        }
    }

    fn again(&mut self, job: &Job, at: usize) {
        let last = self.layout.last_year;
        let id = self.village.households[at].head;
        let (second, result, note) = match (job.planted, job.variant % 2) {
            (true, _) => (day(last, 3, 2), "confirmed", "the same kind confirmed in two years"),
            (false, 0) => (day(last, 3, 2), "explained", "the second was explained"),
            _ => (day(last - 1, 9, 2), "confirmed", "both of one year"),
        };
        let case = self.person_case("SV07", job.planted, at, 0, note);
        for (opened, result) in [(day(last - 1, 2, 5), "confirmed"), (second, result)] {
            let clue = self.clue_on(at, Some(id), opened, result, Some(opened + 40));
            self.village.truth.record(&case, "cases", clue);
        }
    }

    fn complaint(&mut self, job: &Job) {
        let (mut replied, mut withdrawn) = (Empty, Empty);
        let mut received = as_of() - job.dose(170 + job.variant as i64 % 60) as i32;
        let note = match (job.planted, job.variant % 3) {
            (true, _) => "nobody has answered for months",
            (false, 0) => {
                replied = Day(received + 24);
                "answered within the month"
            }
            (false, 1) => {
                withdrawn = Day(received + 12);
                "withdrawn"
            }
            _ => {
                received = as_of() - 30;
                "received lately"
            }
        };
        let household = self.any_household();
        let (household, region) = (self.household_id(household), self.village.site.code);
        let case = self.village_case("SV09", job.planted, note);
        let cells =
            vec![region.into(), (&household).into(), "hotline".into(), "反映评议不公".into(), Day(received), Empty, replied, withdrawn];
        self.keep_numbered(&case, T::Complaints, 'Q', cells);
    }

    fn sanctioned(&mut self, job: &Job, at: usize) {
        let last = self.layout.last_year;
        let region = self.village.site.code;
        let form = job.variant % 2;
        let sanction = |id: Id, name: &String, kind: &str, programme: &str, on: Days, lifted: Option<Days>, appealed: Option<Days>| {
            vec![
                id.into(),
                name.into(),
                region.into(),
                kind.into(),
                programme.into(),
                Day(on - 9),
                Day(on),
                lifted.map_or(Empty, Day),
                appealed.map_or(Empty, Day),
            ]
        };
        if form == 0 {
            let official = outsider(self.layout, self.ids, self.draw, 30, 50);
            let on = day(last, 3, 10);
            let note = if job.planted { "dismissed and still on the payroll" } else { "left the payroll within the month" };
            let case = self.village.truth.case("SV11", job.planted, "person", official.id.text().to_string(), note);
            let ends = (!job.planted).then_some(on + 18);
            self.register(&case, &official, day(last - 6, 5, 4), ends, Fact::Payroll { kind: "civil" });
            let cells = sanction(official.id, &official.name, "dismissed", "", on, None, None);
            self.keep_numbered(&case, T::Sanctions, 'J', cells);
            return;
        }
        let n = self.elder(at);
        let elder = self.person(at, n);
        let on = day(last - 1, 1, 10);
        let note = if job.planted { "pension ended by decision and paid on" } else { "an appeal against the decision is pending" };
        let case = self.person_case("SV11", job.planted, at, n, note);
        let paid = |p: &&crate::synth::model::Payment| p.payee == elder.id && p.programme == "PENSION" && p.year >= last - 1;
        let paid: Vec<usize> = self.village.households[at].payments.iter().filter(paid).map(|p| p.number).collect();
        for number in paid {
            self.record_payment(&case, number);
        }
        let cells = sanction(elder.id, &elder.name, "benefit_ended", "PENSION", on, None, (!job.planted).then_some(on + 14));
        self.keep_numbered(&case, T::Sanctions, 'J', cells);
    }

    fn field_check(&mut self, job: &Job) {
        let years = self.layout.last_year - self.layout.first_year + 1;
        let year = self.layout.first_year + job.variant as i32 % years;
        let (kind, wrong, note) = if job.planted {
            ("exited", job.dose(6) as usize, "six of sixty wrong")
        } else {
            ("not_registered", 1, "one of sixty wrong, as chance has it")
        };
        let county = self.layout.counties[self.village.site.county].code;
        let case = self.village.truth.case("SV13", job.planted, "area", county.to_string(), note);
        let region = self.village.site.code;
        for n in 0..60 {
            let household = self.household_id(n % self.village.site.households);
            let checked = Day(day(year, 11, 3) + (n % 9) as i32);
            let cells =
                vec![region.into(), (&household).into(), i64::from(year).into(), kind.into(), Cell::Bool(n < wrong), Empty, checked];
            self.keep_numbered(&case, T::SampleSheets, 'G', cells);
        }
    }
}
