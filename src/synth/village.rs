//! A village: its offices, the people who work there, the registers around its households.

use super::calendar::{as_of, civil, day, month_days};
use super::draw::Draw;
use super::family::Wish;
use super::farm;
use super::household::{self, transfers};
use super::ids::{Id, Ids};
use super::kept;
use super::layout::Layout;
use super::model::*;
use super::offices;
use super::plant;

/// Makes one village whole: background, planted cases, lists and letters that follow from both.
pub(super) fn make<'a>(layout: &'a Layout, index: usize) -> Village<'a> {
    let site = &layout.sites[index];
    let county6 = (layout.counties[site.county].code / 1_000_000) as u32;
    let mut draw = Draw::new(layout.seed, index as u64);
    let mut ids = Ids::new(county6, site.in_county);
    let mut village = Village::new(site);
    cadres(layout, &mut village, &mut ids, &mut draw);

    // Households of the cases come first; each case knows the range that is its own.
    let mut ranges = Vec::new();
    for job in &site.jobs {
        let start = village.households.len();
        for slot in 0..job.needs {
            let wish = plant::wish(layout, site, job, slot);
            let made = household::make(layout, &mut village, &mut ids, &mut draw, &wish);
            village.households.push(made);
        }
        ranges.push(start..village.households.len());
    }
    while village.households.len() < site.households {
        let made = household::make(layout, &mut village, &mut ids, &mut draw, &Wish::FREE);
        village.households.push(made);
    }
    village.population = village.households.iter().map(Household::size).sum::<i64>() * draw.range(6, 14);
    visits(layout, &mut village, &mut draw);
    registers(layout, &mut village, &mut ids, &mut draw);
    flows(layout, &mut village, &mut draw);
    let mut planting = plant::Planting { layout, village: &mut village, ids: &mut ids, draw: &mut draw };
    for (job, range) in site.jobs.iter().zip(ranges.iter().cloned()) {
        planting.plant(job, range);
    }
    offices::signed_at_home(&mut village);
    let free = ranges.last().map_or(0, |r| r.end);
    plant::integrity::plant(layout, &mut village, free);
    plant::added(layout, &mut village, &mut ids);
    plant::reasons(layout, &mut village);
    farm::fill(layout, &mut village);
    kept::fill(layout, &mut village);
    offices::fill(layout, &mut village);
    super::projects::alter(layout, &mut village);
    letters(layout, &mut village);
    village
}

impl Village<'_> {
    pub(super) fn died(&mut self, person: &Person, on: Days, registered: Days) {
        self.register(person, on, None, Fact::Death { registered });
    }

    /// Adds a register row about `person` and gives its table and key.
    pub(super) fn register(&mut self, person: &Person, starts: Days, ends: Option<Days>, fact: Fact) -> (&'static str, String) {
        self.registered.push(Registered { id: person.id, name: person.name.clone(), birth: person.birth, starts, ends, fact });
        let last = self.registered.len() - 1;
        (self.registered[last].table(), self.registered_key(last))
    }

    pub(super) fn registered_key(&self, index: usize) -> String {
        self.key(self.registered[index].letter(), index + 1)
    }

    /// Where a household lives: within some hundred metres of the office.
    pub(super) fn home(&self, number: usize) -> (i64, i64) {
        let spread = |n: usize| (n * 7919 % 8000) as i64 - 4000;
        (self.site.lat + spread(number), self.site.lon + spread(number * 31 + 17))
    }
}

impl Registered {
    pub(super) fn table(&self) -> &'static str {
        match self.fact {
            Fact::Death { .. } => "deaths",
            Fact::Vehicle { .. } => "vehicles",
            Fact::Estate { .. } => "real_estate",
            Fact::Business { .. } => "business",
            Fact::Payroll { .. } => "payroll",
            Fact::UrbanDibao => "urban_dibao",
        }
    }
    fn letter(&self) -> char {
        match self.fact {
            Fact::Death { .. } => 'D',
            Fact::Vehicle { .. } => 'W',
            Fact::Estate { .. } => 'Q',
            Fact::Business { .. } => 'B',
            Fact::Payroll { .. } => 'Z',
            Fact::UrbanDibao => 'U',
        }
    }
}

/// A person of the village who is in no household of the register.
pub(super) fn outsider(layout: &Layout, ids: &mut Ids, draw: &mut Draw, from_age: i32, to_age: i32) -> Person {
    let base = day(layout.first_year, 1, 1);
    let birth = ids.birth(draw, base - to_age * 365 - to_age / 4, base - from_age * 365 - from_age / 4);
    let female = draw.per_mille(450);
    let surname = layout.names.surname(draw);
    Person {
        number: 0,
        id: ids.id(draw, birth, female),
        id_raw: None,
        name: layout.names.person(draw, surname, female),
        name_raw: None,
        female,
        birth,
        relation: "other",
        health: "healthy",
        school: "none",
        work_months: 0,
        joined: 0,
        left: None,
        insured_from: None,
        pension: false,
        disab: None,
        edu: false,
        in_registers: false,
    }
}

/// Two village cadres, two helpers from outside, a first secretary who lives in the village.
fn cadres(layout: &Layout, village: &mut Village, ids: &mut Ids, draw: &mut Draw) {
    let start = layout.first_year - 4;
    for (n, role) in ["village_head", "village_clerk", "helper", "helper"].into_iter().enumerate() {
        let p = outsider(layout, ids, draw, 28, 55);
        let starts = draw.days(day(start, 1, 10), day(start + 1, 12, 1));
        let (resident, phone) = (n >= 2, village.new_phone());
        village.cadres.push(Cadre { id: p.id, name: p.name.clone(), resident, role, phone, starts });
        if !resident && draw.per_mille(600) {
            let relative = outsider(layout, ids, draw, 20, 60);
            village.relatives.push((p.id, relative.id, draw.pick(&["spouse", "child", "parent", "sibling"])));
        }
        if resident {
            let (region, starts) = (village.site.code, day(layout.first_year, 1, 1));
            village.postings.push(Posting { cadre: p.id, region, role: "adviser", full_time: false, starts, ends: None });
        }
    }
    let every = if layout.small { 4 } else { 1 };
    if village.site.index.is_multiple_of(every) {
        // All years get some attendance; a small programme has postings of half a year.
        let years = layout.years().count();
        let year = layout.last_year - ((village.site.index / every) % years) as i32;
        let starts = day(year, 3, 1);
        let ends = if layout.small { day(year, 8, 31) } else { day(year + 2, 2, 28).min(as_of()) };
        let cadre = resident(layout, village, ids, draw, starts);
        post(village, draw, cadre, "first_secretary", starts, ends, 21);
    }
}

/// A new cadre posted from outside.
pub(super) fn resident(layout: &Layout, village: &mut Village, ids: &mut Ids, draw: &mut Draw, starts: Days) -> Id {
    let p = outsider(layout, ids, draw, 26, 50);
    let phone = village.new_phone();
    village.cadres.push(Cadre { id: p.id, name: p.name, resident: true, role: "resident", phone, starts });
    p.id
}

/// A full-time posting with attendance in each of its months; gives the posting's index.
pub(super) fn post(village: &mut Village, draw: &mut Draw, cadre: Id, role: &'static str, starts: Days, ends: Days, least: i64) -> usize {
    let region = village.site.code;
    village.postings.push(Posting { cadre, region, role, full_time: true, starts, ends: Some(ends) });
    let (mut year, mut month, _) = civil(starts);
    while day(year, month, 1) <= ends {
        let present = draw.range(least, least + 3);
        attend(village, draw, cadre, year, month, &[("present", present)]);
        (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    }
    village.postings.len() - 1
}

/// Attendance rows of one month, so many of each state, spread over its days.
pub(super) fn attend(village: &mut Village, draw: &mut Draw, cadre: Id, year: i32, month: i32, states: &[(&'static str, i64)]) {
    let days = month_days(year, month);
    let mut left: Vec<(&'static str, i64)> = states.to_vec();
    let mut wanted: i64 = left.iter().map(|s| s.1).sum();
    for d in 1..=days {
        if (draw.below((days - d + 1) as usize) as i64) < wanted {
            wanted -= 1;
            if let Some(state) = left.iter_mut().find(|s| s.1 > 0) {
                state.1 -= 1;
                village.attendance.push((cadre, day(year, month, d), state.0));
            }
        }
    }
}

const TOPICS: [&str; 16] = [
    "查看了圈舍并核对存栏数量",
    "一起算了今年的收支账",
    "询问了外出务工的去向",
    "提醒按时缴纳医疗保险",
    "看了新修的厨房和厕所",
    "商量明年扩种的面积",
    "讲解小额信贷的还款办法",
    "核对一卡通到账情况",
    "了解老人的用药和复查",
    "问了孩子在校和住宿情况",
    "帮忙联系收购商谈价钱",
    "检查饮水管道是否冻裂",
    "登记需要的化肥和种子",
    "动员参加县里的技能培训",
    "听取对低保评定的意见",
    "看望病人并说明报销流程",
];
const CROPS: [&str; 14] =
    ["辣椒", "玉米", "茶叶", "烤烟", "折耳根", "刺梨", "薏仁米", "香葱", "百香果", "黑山羊", "土鸡", "生猪", "肉牛", "食用菌"];
const MOODS: [&str; 10] =
    ["精神不错", "有些着急", "表示满意", "希望再看看", "说话不多", "很配合", "担心价格下跌", "打算年后再定", "愿意带头", "想先和家人商量"];

/// What a helper writes down after a visit: long enough and varied enough that no two notes come near each other.
pub(super) fn note(draw: &mut Draw, name: &str) -> String {
    let (a, b) = (draw.below(16), 1 + draw.below(15));
    format!(
        "{name}家{}，{}；{}{}亩，预计收入{}元，{}。",
        TOPICS[a],
        TOPICS[(a + b) % 16],
        draw.pick(&CROPS),
        draw.range(1, 30),
        draw.range(300, 9900),
        draw.pick(&MOODS)
    )
}

/// One visit a year to each household (small programmes: every other year); a helper makes at most one visit a day.
fn visits(layout: &Layout, village: &mut Village, draw: &mut Draw) {
    // In a large village a helper comes every day, else the year would not do.
    let step = (200 / (village.households.len() / 2 + 1)).max(if village.households.len() > 250 { 1 } else { 2 }) as i32;
    for year in layout.years() {
        for n in 0..village.households.len() {
            let number = n + 1;
            // A small programme is a sample to read: a visit every other year is enough.
            if layout.small && (number + year as usize) % 2 == 0 {
                continue;
            }
            let on = day(year, 4, 1) + (number / 2) as i32 * step + draw.days(0, step - 1);
            let cadre = village.cadres[2 + number % 2].id;
            let visit = visit(village, draw, cadre, n, on);
            village.visits.push(visit);
        }
    }
}

/// An ordinary visit at home, where the head was met.
pub(super) fn visit(village: &Village, draw: &mut Draw, cadre: Id, household: usize, on: Days) -> Visit {
    let (lat, lon) = village.home(household + 1);
    let head = village.households[household].head_person();
    Visit {
        cadre,
        household,
        kind: "home",
        on,
        minute: draw.range(540, 1020),
        minutes: draw.range(15, 70),
        lat: lat + draw.range(-60, 60),
        lon: lon + draw.range(-60, 60),
        met: Some(head.id),
        met_who: "member",
        entered: on + draw.days(0, 4),
        note: note(draw, &head.name),
        device: None,
        photo: None,
    }
}

fn registers(layout: &Layout, village: &mut Village, ids: &mut Ids, draw: &mut Draw) {
    let (first, last) = (layout.first_year, layout.last_year);
    // People outside the register: all that the lists hold in good order.
    for _ in 0..village.households.len() / 3 {
        let p = outsider(layout, ids, draw, 22, 60);
        let starts = draw.days(day(first - 5, 1, 10), day(last, 9, 1));
        match draw.below(6) {
            0 => village.died(&p, starts, starts + draw.days(3, 40)),
            1 => {
                let (kind, price_yuan) = draw.pick(&[("car", 86_000), ("van", 45_500), ("car", 128_000), ("motorbike", 6_200)]);
                village.register(&p, starts, None, Fact::Vehicle { kind, price_yuan });
            }
            2 => {
                let area = draw.range(7000, 13_000);
                village.register(&p, starts, None, Fact::Estate { kind: "urban_home", origin: "bought", share: 100, area });
            }
            3 => {
                let (capital, tax) = (draw.range(5, 300) * 1_000_000, draw.range(10, 900) * 10_000);
                village.register(&p, starts, None, Fact::Business { kind: "company", role: "legal_person", capital, tax });
            }
            4 => {
                let kind = draw.pick(&["civil", "institution", "institution"]);
                village.register(&p, starts, None, Fact::Payroll { kind });
            }
            _ => {
                village.register(&p, starts, None, Fact::UrbanDibao);
            }
        }
    }
    // Members of households that no case needs: the harmless entries.
    for n in 0..village.households.len() {
        if village.households[n].taken {
            continue;
        }
        let identified = village.households[n].identified;
        let head = village.households[n].head_person().clone();
        let early = identified - draw.days(200, 2500);
        if draw.per_mille(90) {
            let price_yuan = draw.range(35, 90) * 100;
            village.register(&head, early, None, Fact::Vehicle { kind: "motorbike", price_yuan });
        }
        if draw.per_mille(120) {
            let area = draw.range(6000, 14_000);
            village.register(&head, early, None, Fact::Estate { kind: "rural_home", origin: "self_built", share: 100, area });
        }
        if draw.per_mille(60) {
            let capital = draw.range(1, 9) * 100_000;
            village.register(&head, early, None, Fact::Business { kind: "cooperative", role: "coop_member", capital, tax: 0 });
        }
        if head.work_months > 0 && draw.per_mille(50) {
            village.register(&head, identified + draw.days(100, 500), None, Fact::Payroll { kind: "temporary" });
        }
        if draw.per_mille(60) {
            let admitted = draw.days(day(first, 1, 10), day(last, 11, 1));
            let (total, own) = (draw.range(3000, 20_000) * 100, draw.range(300, 2900) * 100);
            let discharged = admitted + draw.days(2, 20);
            village.claims.push(Claim { id: head.id, household: n, admitted, discharged, total, own });
        }
        if draw.per_mille(80) {
            let year = draw.range(first.into(), last.into()) as i32;
            let starts = draw.days(day(year, 1, 3), day(year, 1, 20));
            let whole = draw.per_mille(400);
            village.absences.push(Absence { household: n, whole, starts, ends: starts + draw.days(20, 55), place: "浙江" });
        }
    }
}

/// Money on its way to the village, and one purchase a year.
fn flows(layout: &Layout, village: &mut Village, draw: &mut Draw) {
    let site = village.site;
    let town = &layout.towns[site.town];
    let county = &layout.counties[site.county];
    for year in layout.years() {
        let paid: Fen = village.households.iter().map(|h| transfers(h, year)).sum();
        let mut rows = Vec::new();
        let mut send = |region: i64, level: &'static str, from: &str, to: &str, amount: Fen, month: i32, draw: &mut Draw| {
            let issued = day(year, month, 1) + draw.days(2, 20);
            rows.push(Transfer {
                region,
                level,
                from: from.to_string(),
                to: to.to_string(),
                project: format!("ZX{year}-{}", region / 1000 % 1_000_000),
                fund: "ZXFP",
                purpose: "财政专项扶贫资金",
                approval: format!("PF{year}-{:05}-{month:02}", site.index + 1),
                stage: 0,
                amount,
                issued,
                received: Some(issued + draw.days(2, 20)),
            });
        };
        let county_office = format!("{}财政局", county.name);
        let town_office = format!("{}财政所", town.name);
        if site.first_of_county {
            send(county.code, "county", &layout.prefectures[county.prefecture].1, &county_office, paid * 96, 2, draw);
        }
        if site.first_of_town {
            send(town.code, "town", &county_office, &town_office, paid * 12, 4, draw);
        }
        send(site.code, "village", &town_office, &format!("{}村委会", site.name), paid, 6, draw);
        village.transfers.extend(rows);
        let supplier = format!("{}{}建材经营部{}", county.name, site.name, year);
        let amount = draw.range(50, 300) * 10_000;
        purchase(village, layout, supplier, draw.days(day(year, 3, 1), day(year, 11, 20)), amount, 0, None);
    }
}

/// A payment of the town to a supplier; gives the index of the document.
pub(super) fn purchase(
    village: &mut Village,
    layout: &Layout,
    supplier: String,
    issued: Days,
    amount: Fen,
    stage: i64,
    approval: Option<String>,
) -> usize {
    let town = &layout.towns[village.site.town];
    let number = village.transfers.len() + 1;
    let (year, _, _) = civil(issued);
    let own = format!("CG{year}-{:05}-{number:03}", village.site.index + 1);
    village.transfers.push(Transfer {
        region: village.site.code,
        level: "supplier",
        from: format!("{}财政所", town.name),
        to: supplier,
        project: format!("XM{year}-{:05}", village.site.index + 1),
        fund: "ZXFP",
        purpose: "村组道路维修材料",
        approval: approval.unwrap_or(own),
        stage,
        amount,
        issued,
        received: Some(issued + 5),
    });
    number - 1
}

/// Letters that state rows and sums of each delivery of the village, as the files really hold them.
fn letters(layout: &Layout, village: &mut Village) {
    for year in layout.years() {
        let (mut rows, mut amount) = (0, 0);
        let (mut paid_rows, mut paid) = (0, 0);
        for h in village.households.iter().filter(|h| h.code.is_none()) {
            for i in h.incomes.iter().filter(|i| i.year == year) {
                rows += 1;
                amount += i.net;
            }
            for p in h.payments.iter().filter(|p| p.year == year) {
                paid_rows += 1;
                paid += p.amount();
            }
        }
        village.letters.push(Letter { table: "incomes", year, rows, amount, superseded_by: None, sent: day(year, 11, 28) });
        village.letters.push(Letter {
            table: "payments",
            year,
            rows: paid_rows,
            amount: paid,
            superseded_by: None,
            sent: as_of().min(day(year, 12, 29)),
        });
    }
    plant::letters(village);
}
