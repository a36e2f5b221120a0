//! The programme's ground plan: regions, what is planted where, and the policy numbers the generator keeps to.

use super::SynthOptions;
use super::doses::{Amount, dosing};
use super::draw::Draw;
use super::jobs::{self, Job};
use super::names::Names;
use super::roll::words::Words;
use crate::canonical::{PARAMETERS, STANDARDS};

/// Part of the ground plan that is planted on an area rather than on a household.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) planted: bool,
    pub(super) year: i32,
    /// Per cent of the exits it is about; none: as many as is usual.
    pub(super) dose: Option<i64>,
}

pub(super) struct County {
    pub(super) code: i64,
    pub(super) name: String,
    pub(super) prefecture: usize,
    /// Per-capita incomes heaped just above the line in one year (planted), or at round numbers (look-alike).
    pub(super) heap: Option<Role>,
    /// Exits hit the target in every year; look-alike: the target was set afterwards.
    pub(super) quota: Option<bool>,
}

pub(super) struct Town {
    pub(super) code: i64,
    pub(super) name: String,
    pub(super) county: usize,
    /// Exits of one year done in the last days before the deadline; look-alike: only marked then.
    pub(super) surge: Option<Role>,
}

pub(super) struct Site {
    pub(super) index: usize,
    pub(super) code: i64,
    pub(super) name: String,
    pub(super) town: usize,
    pub(super) county: usize,
    /// From 1; below 100 (ids depend on it).
    pub(super) in_county: u32,
    pub(super) first_of_town: bool,
    pub(super) first_of_county: bool,
    pub(super) households: usize,
    /// Millionths of a degree.
    pub(super) lat: i64,
    pub(super) lon: i64,
    pub(super) jobs: Vec<Job>,
    /// Cases that are planted last, on households that belong to none of `jobs`.
    pub(super) late: Vec<Job>,
    /// Cases with households of their own besides those that were asked for.
    pub(super) added: Vec<Job>,
}

pub(super) struct Layout {
    pub(super) seed: u64,
    pub(super) first_year: i32,
    pub(super) last_year: i32,
    pub(super) small: bool,
    pub(super) amount: Amount,
    pub(super) prefectures: Vec<(i64, String)>,
    pub(super) counties: Vec<County>,
    pub(super) towns: Vec<Town>,
    pub(super) sites: Vec<Site>,
    pub(super) policy: Policy,
    pub(super) names: Names,
    /// For names that are mistaken.
    pub(super) words: Words,
}

/// Streams below this number belong to villages.
const PLAN_STREAM: u64 = 1 << 40;
const ADDED_STREAM: u64 = PLAN_STREAM + 2;
/// Ten serials of each birthday belong to a village, so that a county has room for fewer than a hundred.
const VILLAGES_PER_COUNTY: usize = 96;

impl Layout {
    pub(super) fn new(options: &SynthOptions) -> Self {
        let mut draw = Draw::new(options.seed, PLAN_STREAM);
        let names = Names::new();
        let first_year = options.first_year();
        let last_year = first_year + options.years as i32 - 1;
        let small = options.households < 5000;
        let amount = options.amount();
        let size = options.village_size.unwrap_or(if small { 24 } else { 100 });
        let villages = (options.households / size).max(1);
        let per_town = if small { 3 } else { 12 };
        let county_count = villages.div_ceil(VILLAGES_PER_COUNTY).max(3);

        let mut prefectures = Vec::new();
        let mut counties: Vec<County> = Vec::new();
        for c in 0..county_count {
            let prefecture = c / 8;
            if prefectures.len() == prefecture {
                let name = if prefecture == 0 { "云岭州".to_string() } else { names.place(&mut draw, "市") };
                prefectures.push((520_000_000_000 + (23 + prefecture as i64) * 100_000_000, name));
            }
            let name = match c {
                0 => "青岩县".to_string(),
                1 => "白水县".to_string(),
                2 => "石门县".to_string(),
                _ => names.place(&mut draw, "县"),
            };
            let code = prefectures[prefecture].0 + (c as i64 % 8 + 1) * 1_000_000;
            counties.push(County { code, name, prefecture, heap: None, quota: None });
        }

        let mut towns: Vec<Town> = Vec::new();
        let mut sites: Vec<Site> = Vec::new();
        let mut in_county = 0;
        for index in 0..villages {
            let county = index * county_count / villages;
            let first_of_county = sites.last().is_none_or(|s: &Site| s.county != county);
            in_county = if first_of_county { 0 } else { in_county + 1 };
            let first_of_town = in_county % per_town == 0;
            if first_of_town {
                let code = counties[county].code + (100 + (in_county / per_town) as i64) * 1000;
                towns.push(Town { code, name: names.place(&mut draw, "镇"), county, surge: None });
            }
            let town = towns.len() - 1;
            let in_town = in_county % per_town;
            let households = (index + 1) * options.households / villages - index * options.households / villages;
            sites.push(Site {
                index,
                code: towns[town].code + 201 + in_town as i64,
                name: names.place(&mut draw, "村"),
                town,
                county,
                in_county: in_county as u32 + 1,
                first_of_town,
                first_of_county,
                households,
                lat: 26_000_000 + county as i64 * 260_000 + (in_county / per_town) as i64 * 55_000 + draw.range(0, 20_000),
                lon: 105_000_000 + in_town as i64 * 22_000 + (in_county % 5) as i64 * 4_000 + draw.range(0, 6_000),
                jobs: Vec::new(),
                late: Vec::new(),
                added: Vec::new(),
            });
        }

        area_roles(&mut draw, &mut counties, &mut towns, first_year, last_year);
        if amount.doses {
            area_doses(options, &mut counties, &mut towns);
        }
        jobs::assign(&mut draw, amount, &mut sites, county_count);
        jobs::assign_late(amount, &mut sites);
        jobs::add(&mut Draw::new(options.seed, ADDED_STREAM), amount, &mut sites, county_count);
        Layout {
            seed: options.seed,
            first_year,
            last_year,
            small,
            amount,
            prefectures,
            counties,
            towns,
            sites,
            policy: Policy::embedded(),
            names,
            words: Words::new(),
        }
    }

    pub(super) fn years(&self) -> std::ops::RangeInclusive<i32> {
        self.first_year..=self.last_year
    }

    /// First year that events and measures cover.
    pub(super) fn cover_year(&self) -> i32 {
        self.first_year - 2
    }

    /// The region table: code, name, level, parent.
    pub(super) fn regions(&self) -> Vec<(i64, &str, &'static str, i64)> {
        let province = 520_000_000_000;
        let mut rows = vec![(province, "黔地省", "province", 0)];
        rows.extend(self.prefectures.iter().map(|(code, name)| (*code, name.as_str(), "prefecture", province)));
        rows.extend(self.counties.iter().map(|c| (c.code, c.name.as_str(), "county", self.prefectures[c.prefecture].0)));
        rows.extend(self.towns.iter().map(|t| (t.code, t.name.as_str(), "town", self.counties[t.county].code)));
        rows.extend(self.sites.iter().map(|s| (s.code, s.name.as_str(), "village", self.towns[s.town].code)));
        rows
    }
}

/// One county and town in twenty, at least one (counties) or one per county up to three (towns), for the planted and for the look-alike role.
fn area_roles(draw: &mut Draw, counties: &mut [County], towns: &mut [Town], first_year: i32, last_year: i32) {
    let n = counties.len();
    let share = (n / 20).max(1);
    for i in 0..share {
        counties[3 * i].quota = Some(true);
        counties[3 * i + 1].quota = Some(false);
        let mut heap = |planted| {
            let year = draw.range(i64::from(first_year) + 1, i64::from(last_year)) as i32;
            Some(Role { planted, year, dose: None })
        };
        counties[3 * i + 1].heap = heap(true);
        counties[3 * i + 2].heap = heap(false);
    }
    let wanted = (towns.len() / 20).max(3);
    let (mut planted, mut alike) = (0, 0);
    for town in towns.iter_mut() {
        // The first and second town of a county, so that the third and later ones stay plain peers.
        let ordinal = town.code / 1000 % 1000;
        let year = draw.range(i64::from(first_year), i64::from(last_year)) as i32;
        if ordinal == 100 && planted < wanted {
            town.surge = Some(Role { planted: true, year, dose: None });
            planted += 1;
        } else if ordinal == 101 && alike < wanted {
            town.surge = Some(Role { planted: false, year, dose: None });
            alike += 1;
        }
    }
}

/// Each area with a role takes the next dose, beginning anywhere: a programme has few of them.
fn area_doses(options: &SynthOptions, counties: &mut [County], towns: &mut [Town]) {
    let (seed, first_year, last_year) = (options.seed, options.first_year(), options.first_year() + options.years as i32 - 1);
    let give = |roles: &mut dyn Iterator<Item = &mut Role>, kind: &str| {
        let steps = dosing(kind).map_or(&[][..], |d| d.steps);
        for (n, role) in roles.enumerate() {
            role.dose = steps.get((seed as usize + n) % steps.len().max(1)).copied();
        }
    };
    // More counties have a heap than without doses, so that more than one dose is seen.
    for (n, county) in counties.iter_mut().enumerate().filter(|(n, _)| n % 3 != 0) {
        let year = first_year + 1 + (n as i32 / 3) % (last_year - first_year);
        county.heap.get_or_insert(Role { planted: n % 3 == 1, year, dose: None });
    }
    give(&mut counties.iter_mut().filter_map(|c| c.heap.as_mut()), "CM03");
    give(&mut towns.iter_mut().filter_map(|t| t.surge.as_mut()), "QS03");
}

/// Policy numbers, read from the same files that the programme ships.
pub(super) struct Policy {
    /// Region as written, first and last day as text, fen.
    lines: Vec<(String, String, String, i64, bool)>,
    standards: Vec<(String, String, i64)>,
}

impl Policy {
    fn embedded() -> Self {
        let mut lines = Vec::new();
        for row in PARAMETERS.lines().skip(1) {
            let f: Vec<&str> = row.split(',').collect();
            if f.len() >= 5 && (f[0] == "poverty_line" || f[0] == "monitoring_line") {
                lines.push((f[1].to_string(), f[2].to_string(), f[3].to_string(), yuan(f[4]), f[0] == "monitoring_line"));
            }
        }
        let standards = STANDARDS.lines().skip(1).map(|row| row.split(',').collect::<Vec<_>>()).filter(|f| f.len() == 3);
        Policy { lines, standards: standards.map(|f| (f[0].to_string(), f[1].to_string(), yuan(f[2]))).collect() }
    }

    fn line(&self, county: i64, year: i32, monitoring: bool) -> i64 {
        let day = format!("{year}-10-01");
        let region = (county / 1_000_000).to_string();
        let valid = |l: &&(String, String, String, i64, bool)| l.4 == monitoring && *l.1 <= *day && (l.2.is_empty() || *l.2 >= *day);
        let of =
            |code: &str| self.lines.iter().filter(valid).find(|l| l.0.trim_end_matches('0') == code.trim_end_matches('0')).map(|l| l.3);
        of(&region).or_else(|| of("52")).unwrap_or(400_000)
    }

    /// Fen per person and year.
    pub(super) fn poverty_line(&self, county: i64, year: i32) -> i64 {
        self.line(county, year, false)
    }

    pub(super) fn monitoring_line(&self, county: i64, year: i32) -> i64 {
        self.line(county, year, true)
    }

    /// Fen per unit.
    pub(super) fn standard(&self, programme: &str, grade: &str) -> i64 {
        self.standards.iter().find(|s| s.0 == programme && s.1 == grade).map_or(0, |s| s.2)
    }
}

/// `350.00` or `3335` as fen.
fn yuan(text: &str) -> i64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let fen: i64 = format!("{part:0<2}")[..2].parse().unwrap_or(0);
    whole.parse::<i64>().unwrap_or(0) * 100 + fen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_numbers_come_from_the_shipped_files() {
        let p = Policy::embedded();
        assert_eq!(p.poverty_line(522_301_000_000, 2018), 353_500);
        assert_eq!(p.poverty_line(522_302_000_000, 2018), 370_000);
        assert_eq!(p.poverty_line(522_302_000_000, 2019), 374_700);
        assert_eq!(p.monitoring_line(522_302_000_000, 2020), 600_000);
        assert_eq!(p.standard("PENSION", "BASIC"), 10_500);
    }
}
