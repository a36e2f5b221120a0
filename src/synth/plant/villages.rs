//! What is planted on a village as a whole: one enumerator's incomes close together (CM18), project money in equal shares (QS04), one reason for many
//! households (QS08).

use super::Planting;
use crate::synth::calendar::day;
use crate::synth::draw::Draw;
use crate::synth::jobs::Job;
use crate::synth::layout::Layout;
use crate::synth::model::{Measure, Village};

/// The enumerator who fills in the forms of such a case.
const ENUMERATOR: usize = 3;

impl Planting<'_, '_> {
    pub(super) fn villages(&mut self, job: &Job, at: &[usize]) {
        match job.kind {
            "CM18" => self.even(job, at),
            _ => self.shares(job),
        }
    }

    fn even(&mut self, job: &Job, at: &[usize]) {
        // The last year, so that no later year jumps.
        let year = self.layout.last_year;
        let mut all: Vec<i64> = at.iter().filter_map(|&h| self.village.households[h].income(year).map(|i| i.per_capita)).collect();
        all.sort_unstable();
        let Some(&middle) = all.get(all.len() / 2) else { return };
        for &h in at {
            let within = job.dose(15);
            let off = self.draw.range(-within, within);
            if let Some(i) = self.household(h).income(year) {
                i.enumerator = ENUMERATOR;
                if job.planted {
                    i.set_per_capita(middle * (1000 + off) / 1000);
                }
            }
        }
        let note = if job.planted { "incomes of one enumerator lie within three percent" } else { "one enumerator, incomes as they are" };
        let case = self.village_case("CM18", job.planted, note);
        for &h in at {
            self.record_income(&case, h, year);
        }
    }

    fn shares(&mut self, job: &Job) {
        let year = self.layout.last_year;
        let rate = self.draw.range(9, 30) * 10_000 + self.draw.range(1, 9) * 1_000;
        // Households of added cases keep what they have.
        let at: Vec<usize> = (0..self.village.site.households.min(self.village.households.len()))
            .filter(|&h| self.village.households[h].monitor.is_none() && self.village.households[h].exited_year != Some(year))
            .collect();
        let note = if job.planted { "the project's money divided equally" } else { "the project's money by the number of members" };
        let case = self.village_case("QS04", job.planted, note);
        for h in at {
            let number = self.village.next_measure();
            let helper = self.village.cadres.get(2).map(|c| c.id);
            let household = &mut self.village.households[h];
            let equal = job.planted && job.dose.is_none_or(|percent| self.draw.per_mille(10 * percent as usize));
            let amount = if equal { rate * 3 } else { rate * household.size() };
            household.measures.push(Measure { number, kind: "industry", starts: day(year, 5, 15), ends: None, amount, helper });
            let key = self.village.key('M', number);
            self.village.truth.record(&case, "measures", key);
        }
    }
}

/// Texts of the form, which three in ten reviews keep.
const FORM: [&str; 2] = ["经入户核实，该户因病因残致贫，符合识别标准", "经入户核实，该户缺少劳动力和技术，符合识别标准"];
const WHY: [&str; 12] = [
    "户主常年患病吃药",
    "两个孩子上学开支大",
    "老人瘫痪需要专人照看",
    "外出务工受伤后返乡",
    "丈夫去世留下债务",
    "去年遭遇山洪毁了庄稼",
    "养殖失败亏了本钱",
    "土地石漠化收成低",
    "住房漏雨无力翻修",
    "没有技术只能打零工",
    "缺少启动资金发展产业",
    "子女年幼无法外出",
];
const MEANS: [&str; 10] = [
    "家中仅靠种玉米维持",
    "主要靠亲戚接济生活",
    "偶尔采药换些现钱",
    "养了几只鸡补贴家用",
    "靠邻居换工完成农活",
    "妻子在镇上做保洁",
    "把山林租给别人经营",
    "卖柴火和竹编增收",
    "儿子当学徒尚无工资",
    "每月领取少量养老金",
];

/// Why a household should be registered, in the words of whoever reviewed it.
fn reason(draw: &mut Draw) -> String {
    if draw.per_mille(300) {
        return draw.pick(&FORM).to_owned();
    }
    let (why, means) = (draw.pick(&WHY), draw.pick(&MEANS));
    format!("{why}，{means}，{}口人耕地{}亩，欠款{}元", draw.range(1, 8), draw.range(1, 20), draw.range(2, 300) * 100)
}

/// Each review of an entry says why. The draws are of a stream of their own.
pub(in crate::synth) fn reasons(layout: &Layout, village: &mut Village) {
    const STREAM: u64 = 1 << 44;
    let mut draw = Draw::new(layout.seed, STREAM + village.site.index as u64);
    let job = village.site.added.iter().find(|j| j.kind == "QS08").copied();
    let one = match job {
        Some(job) if job.planted => format!("经评议该户{}，{}，同意上报", draw.pick(&WHY), draw.pick(&MEANS)),
        _ => FORM[village.site.index % FORM.len()].to_owned(),
    };
    let mut numbers = vec![];
    for household in &mut village.households {
        let name = household.head_person().name.clone();
        for review in household.events.iter_mut().filter(|e| e.kind == "review") {
            let own = reason(&mut draw);
            review.reason = match job {
                Some(job) if job.planted && job.dose.is_none_or(|percent| draw.per_mille(10 * percent as usize)) => {
                    format!("{name}：{one}").into()
                }
                Some(job) if job.planted => own.into(),
                Some(_) => one.clone().into(),
                None => own.into(),
            };
            numbers.push(review.number);
        }
    }
    // Of fewer nothing can be told.
    const ENOUGH: usize = 8;
    let Some(job) = job.filter(|_| numbers.len() >= ENOUGH) else { return };
    village.truth.dosed(job.kind, job.dose);
    let note =
        if job.planted { "one reason for all households, but for the name" } else { "a wording of the form that many villages keep" };
    let case = village.truth.case("QS08", job.planted, "area", village.site.code.to_string(), note);
    for number in numbers {
        let key = village.event_id(number);
        village.truth.record(&case, "events", key);
    }
}
