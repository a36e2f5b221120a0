//! The region tree: 12-digit codes, names, parents, successors. Roll-ups follow its pointers, never a code's prefix.

use std::path::Path;

use rustc_hash::FxHashMap;

use super::policy_file::PolicyFile;
use crate::diagnostic::{Diagnostic, Diagnostics, Spanned, nearest};
use crate::schema;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    Province = 1,
    Prefecture = 2,
    County = 3,
    Town = 4,
    Village = 5,
}

impl Level {
    pub const ALL: [Level; 5] = [Level::Province, Level::Prefecture, Level::County, Level::Town, Level::Village];

    pub fn name(self) -> &'static str {
        match self {
            Level::Province => "province",
            Level::Prefecture => "prefecture",
            Level::County => "county",
            Level::Town => "town",
            Level::Village => "village",
        }
    }

    pub fn from_name(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.name() == name)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    pub code: i64,
    pub name: String,
    pub level: Level,
    pub parent: Option<i64>,
    pub valid_from: Option<i32>,
    pub valid_to: Option<i32>,
    /// The code that took its place.
    pub successor: Option<i64>,
}

/// All regions, ascending by code; `by_code` gives the position.
#[derive(Debug, Clone, Default)]
pub struct Regions {
    pub all: Vec<Region>,
    pub by_code: FxHashMap<i64, u32>,
}

/// No tree is deeper: parents stand on strictly higher levels.
const MAX_STEPS: usize = 64;

impl Regions {
    pub fn get(&self, code: i64) -> Option<&Region> {
        self.by_code.get(&code).and_then(|&i| self.all.get(i as usize))
    }

    /// `code` itself, then its parent, and so on. A code that is not in the tree has no ancestors but itself.
    pub fn ancestors(&self, code: i64) -> impl Iterator<Item = i64> + '_ {
        std::iter::successors(Some(code), |&code| self.get(code).and_then(|region| region.parent)).take(MAX_STEPS)
    }

    /// Whether `code` is `ancestor` or lies in it.
    pub fn under(&self, code: i64, ancestor: i64) -> bool {
        self.ancestors(code).any(|c| c == ancestor)
    }

    /// The ancestor of `code` (or itself) that stands on `level`.
    pub fn at_level(&self, code: i64, level: Level) -> Option<i64> {
        self.ancestors(code).find(|&c| self.get(c).is_some_and(|region| region.level == level))
    }

    /// The code in use today for `code`: the end of its line of successors.
    pub fn current(&self, code: i64) -> i64 {
        std::iter::successors(Some(code), |&code| self.get(code).and_then(|region| region.successor)).take(MAX_STEPS).last().unwrap_or(code)
    }

    /// From regions in any order. Checks nothing: see [`read`].
    pub fn new(mut all: Vec<Region>) -> Regions {
        all.sort_by_key(|region| region.code);
        let by_code = all.iter().zip(0u32..).map(|(region, i)| (region.code, i)).collect();
        Regions { all, by_code }
    }
}

/// Reads the region file: codes, names, parents, all mistakes at once.
pub(super) fn read(root: &Path, name: &Spanned<String>, problems: &mut Diagnostics) -> Regions {
    let optional = ["parent", "valid_from", "valid_to", "successor"];
    let Some(file) = PolicyFile::read(root, &name.value, name.span.clone(), &["code", "name", "level"], &optional, problems) else {
        return Regions::default();
    };
    let mut all: Vec<(u64, Region)> = Vec::new();
    let mut lines: FxHashMap<i64, u64> = FxHashMap::default();
    for record in &file.records {
        let code = file.read_cell(record, "code", problems, schema::region::parse);
        let level = Level::from_name(file.cell(record, "level"));
        if level.is_none() {
            let cell = file.cell(record, "level");
            let names = Level::ALL.map(Level::name);
            let mut problem = Diagnostic::error("unknown-value", format!("`{cell}` is not a level; wanted one of {}", names.join(", ")))
                .place(file.place(record.line, "level"), "not a level");
            if let Some(near) = nearest(cell, names) {
                problem = problem.help(format!("a similar level exists: `{near}`"));
            }
            problems.push(problem);
        }
        let parent = file.read_cell(record, "parent", problems, schema::region::parse);
        let successor = file.read_cell(record, "successor", problems, schema::region::parse);
        let (valid_from, valid_to) = file.validity(record, problems);
        let Some(code) = code else {
            if file.cell(record, "code").is_empty() {
                problems.push(Diagnostic::error("bad-cell", "a region without a code").place(file.place(record.line, "code"), "empty"));
            }
            continue;
        };
        if let Some(first) = lines.insert(code, record.line) {
            problems.push(
                Diagnostic::error("duplicate-region", format!("the region {} is listed twice", schema::region::text(code)))
                    .place(file.place(record.line, "code"), "second")
                    .place(file.place(first, "code"), "first"),
            );
            continue;
        }
        let Some(level) = level else { continue };
        let name = file.cell(record, "name").to_string();
        all.push((record.line, Region { code, name, level, parent, valid_from, valid_to, successor }));
    }
    let regions = Regions::new(all.iter().map(|(_, region)| region.clone()).collect());
    for (line, region) in &all {
        check(&file, *line, region, &regions, problems);
    }
    regions
}

fn check(file: &PolicyFile, line: u64, region: &Region, regions: &Regions, problems: &mut Diagnostics) {
    let code = schema::region::text(region.code);
    for (column, pointer) in [("parent", region.parent), ("successor", region.successor)] {
        let Some(other) = pointer else { continue };
        if regions.get(other).is_none() {
            problems.push(
                Diagnostic::error("unknown-region", format!("the {column} {} of {code} is not in the file", schema::region::text(other)))
                    .place(file.place(line, column), "not listed")
                    .help("add a line for it, or correct the code"),
            );
        }
    }
    let circular = |next: fn(&Region) -> Option<i64>| {
        let mut at = next(region);
        (0..MAX_STEPS).any(|_| {
            let here = at == Some(region.code);
            at = at.and_then(|c| regions.get(c)).and_then(next);
            here
        })
    };
    for (column, next) in [("parent", (|r| r.parent) as fn(&Region) -> Option<i64>), ("successor", |r| r.successor)] {
        if circular(next) {
            problems.push(
                Diagnostic::error("region-cycle", format!("the line of {column}s of {code} comes back to it"))
                    .place(file.place(line, column), "part of the circle"),
            );
            return;
        }
    }
    if let Some(parent) = region.parent.and_then(|p| regions.get(p))
        && parent.level >= region.level
    {
        problems.push(
            Diagnostic::error(
                "region-level",
                format!("{code} is a {}, its parent {} a {}", region.level.name(), schema::region::text(parent.code), parent.level.name()),
            )
            .place(file.place(line, "parent"), "does not stand above it"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::render::{RenderOptions, concise};

    fn read_text(text: &str) -> (Regions, String) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("regions.csv"), text).unwrap();
        let mut problems = Diagnostics::default();
        let regions = read(folder.path(), &Spanned::without_place("regions.csv".into()), &mut problems);
        (regions, concise(&problems, &RenderOptions::default()))
    }

    const TREE: &str = "\u{feff}code,name,level,parent,valid_from,valid_to,successor
52,P,province,,,,
5223,C,prefecture,52,,,
522301,X,county,5223,2000-01-01,2016-12-31,522302
522302,Y,county,5223,,,
522301001,T,town,522301,,,
522301001002,V,village,522301001,,,
";

    #[test]
    fn pointers_not_prefixes() {
        let (regions, problems) = read_text(TREE);
        assert_eq!(problems, "");
        let village = 522_301_001_002;
        assert_eq!(regions.ancestors(village).count(), 5);
        assert!(regions.under(village, 520_000_000_000));
        assert!(!regions.under(village, 522_302_000_000));
        assert_eq!(regions.at_level(village, Level::County), Some(522_301_000_000));
        assert_eq!(regions.at_level(522_300_000_000, Level::County), None);
        assert_eq!(regions.current(522_301_000_000), 522_302_000_000);
        assert_eq!(regions.current(village), village);
        // Unknown codes have no ancestors, though their digits would suggest some.
        assert_eq!(regions.ancestors(522_301_999_000).collect::<Vec<_>>(), [522_301_999_000]);
        assert!(!regions.under(522_301_999_000, 522_301_000_000));
    }

    #[test]
    fn mistakes_are_all_told() {
        let (_, problems) = read_text(
            "code,name,level,parent,valid_from,valid_to,successor\n52,P,province,,,,\n52,Q,province,,,,\n5223,C,prefectur,52,,,\n522301,X,county,5299,,,\n522302,Y,county,522303,,,\n522303,Z,county,522302,,,\n5224,W,prefecture,52,2017-01-01,2016-01-01,\n5x,V,county,,,,\n,U,county,,,,\na,b\n",
        );
        insta::assert_snapshot!(problems, @r#"
regions.csv:11: error[ragged-row]: found 2 cells, the header of `regions.csv` has 7
regions.csv:3 (column code): error[duplicate-region]: the region 520000000000 is listed twice
regions.csv:4 (column level): error[unknown-value]: `prefectur` is not a level; wanted one of province, prefecture, county, town, village
regions.csv:8 (column valid_to): error[dates-reversed]: `valid_from` is after `valid_to`
regions.csv:9 (column code): error[bad-cell]: `5x` is not a region code; wanted 12 digits
regions.csv:10 (column code): error[bad-cell]: a region without a code
regions.csv:5 (column parent): error[unknown-region]: the parent 529900000000 of 522301000000 is not in the file
regions.csv:6 (column parent): error[region-cycle]: the line of parents of 522302000000 comes back to it
regions.csv:7 (column parent): error[region-cycle]: the line of parents of 522303000000 comes back to it
"#);
    }

    #[test]
    fn the_file_itself() {
        assert_eq!(read_text("").1, "regions.csv: error[empty-file]: `regions.csv` is empty\n");
        insta::assert_snapshot!(read_text("code,nme,level,code\n").1, @r#"
regions.csv:1 (column nme): error[unknown-column]: `regions.csv` has a column `nme` that is not known here
regions.csv:1 (column code): error[duplicate-column]: `regions.csv` has the column `code` twice
regions.csv:1: error[missing-column]: `regions.csv` lacks the column `name`
"#);
    }

    #[test]
    fn circles_do_not_hang() {
        let region = |code, parent| Region {
            code,
            name: String::new(),
            level: Level::County,
            parent: Some(parent),
            valid_from: None,
            valid_to: None,
            successor: Some(parent),
        };
        let regions = Regions::new(vec![region(1, 2), region(2, 1)]);
        assert!(!regions.under(1, 3));
        assert!(regions.current(1) <= 2);
    }
}
