//! The canonical programme: the tables, links, views and policy numbers that the shipped rules are written against.
//!
//! There is one definition, the project file of the sample programme; `docs/canonical-tables.md` describes it (a test holds the two
//! together), `synth` fills it with made-up people, and [`files`] makes of it the project of a county that has its own files.

mod layout;

use layout::{Layout, Table};

/// The sample's project file.
pub const PROJECT: &str = include_str!("../../sample_data/recount.yaml");
pub const PARAMETERS: &str = include_str!("../../sample_data/policy/parameters.csv");
pub const STANDARDS: &str = include_str!("../../sample_data/policy/standards.csv");
/// The other policy tables that the project file names.
pub const POLICY_TABLES: [(&str, &str); 5] = [
    ("policy/exclusions.csv", include_str!("../../sample_data/policy/exclusions.csv")),
    ("policy/herd_values.csv", include_str!("../../sample_data/policy/herd_values.csv")),
    ("policy/not_income.csv", include_str!("../../sample_data/policy/not_income.csv")),
    ("policy/placeholders.csv", include_str!("../../sample_data/policy/placeholders.csv")),
    ("policy/purpose_words.csv", include_str!("../../sample_data/policy/purpose_words.csv")),
];
/// The shipped rules: path and text, by path.
pub const RULES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// Headers and file names that exports commonly carry.
const HEADERS: &str = include_str!("headers.txt");
/// First year of the sample's data, and of the years before them that some tables reach back to.
const SAMPLE_YEARS: [&str; 2] = ["2017-01-01", "2015-01-01"];
/// Sources of numbers that hold anywhere; all others are a place's own policy.
const GENERAL: [&str; 5] = ["Inspection guide", "Unit", "Geography", "Checks used", "Labour Law"];

/// What a county says of its programme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanonicalOptions {
    /// First and last year of the data: files are taken to be complete within them.
    pub years: (i32, i32),
    /// Province, prefecture, county: rows that the region tree begins with.
    pub region: Option<i64>,
}

/// The files of a project for a county's own data, by path below its folder: project file, policy tables, rules, a page on the data.
pub fn files(options: &CanonicalOptions) -> Vec<(String, String)> {
    let layout = Layout::new(PROJECT, HEADERS);
    let mut all = vec![
        ("recount.yaml".to_owned(), project(&layout, options)),
        ("policy/parameters.csv".to_owned(), parameters()),
        ("policy/standards.csv".to_owned(), STANDARDS.to_owned()),
        ("policy/regions.csv".to_owned(), regions(options.region)),
        ("data/README.md".to_owned(), page(&layout)),
    ];
    all.extend(POLICY_TABLES.map(|(name, text)| (name.to_owned(), text.to_owned())));
    all.extend(RULES.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
    all
}

/// Number of tables of the canonical programme.
pub fn tables() -> usize {
    Layout::new(PROJECT, HEADERS).tables.iter().filter(|t| t.delivered).count()
}

const HEAD: &str = "\
# The canonical programme: the tables that the shipped rules are written against, with the headers that exports commonly carry.
# 规范数据表：规则库据此编写，并列出常见导出表头。
#
# Put the files you have into data/ (data/README.md says which); tables without a file leave out the rules that read them.
# `recount lint --data` shows what of a delivery maps, what is missing, and which rules that disables.
# 将已有文件放入 data/（见 data/README.md）；缺少的表只影响读取它的规则。`recount lint --data` 列出对应情况和受影响的规则。
";

fn project(layout: &Layout, options: &CanonicalOptions) -> String {
    let mut out = String::from(HEAD);
    let body = PROJECT.lines().skip_while(|line| line.starts_with('#'));
    let mut table: Option<&Table> = None;
    for (number, line) in body.enumerate() {
        let number = number + PROJECT.lines().take_while(|line| line.starts_with('#')).count();
        if let Some(found) = layout.tables.iter().find(|t| t.line == number) {
            table = Some(found);
        }
        let of_table = table.filter(|t| t.lines.contains(&number));
        let written = match of_table {
            Some(t) if number == t.from_line && t.delivered => format!("    from: [{}]\n    optional: true", t.files().join(", ")),
            // Files come in any encoding: a wrong one is told with the one it may be.
            Some(_) if line.trim_start().starts_with("encoding:") || line.trim() == "optional: true" => continue,
            Some(_) if line.trim_start().starts_with("covers:") => format!("    covers: {{{}}}", covers(line, options)),
            Some(t) if t.delivered => match t.columns.iter().find(|c| c.line == number) {
                Some(column) => column.written(),
                None => line.to_owned(),
            },
            None if line.starts_with("rules:") => "rules: [rules/]".to_owned(),
            _ => line.to_owned(),
        };
        out.push_str(&written);
        out.push('\n');
    }
    out
}

/// The years in which a table is complete: as in the sample, moved to the county's years.
fn covers(line: &str, options: &CanonicalOptions) -> String {
    let (first, last) = options.years;
    let from = line.split("from: ").nth(1).and_then(|rest| rest.split([',', '}']).next()).unwrap_or(SAMPLE_YEARS[0]).trim();
    let from = match from {
        f if f == SAMPLE_YEARS[0] => format!("{first}-01-01"),
        f if f == SAMPLE_YEARS[1] => format!("{}-01-01", first - 2),
        f => f.to_owned(),
    };
    format!("from: {from}, to: {last}-12-31")
}

/// The sample's numbers, for any place; a place's own policy is marked to be confirmed.
fn parameters() -> String {
    let mut out = String::new();
    for line in PARAMETERS.lines() {
        // The source stands last; where it holds a comma it is quoted.
        let cells: Vec<&str> = line.splitn(7, ',').collect();
        match cells[..] {
            ["name", ..] => out.push_str(line),
            [name, "52", from, to, value, unit, source] => {
                let (quote, text) = source.strip_prefix('"').map_or(("", source), |text| ("\"", text));
                let confirmed = GENERAL.iter().any(|g| text.starts_with(g));
                let mark = if confirmed { "" } else { "To be confirmed for this place: " };
                out.push_str(&format!("{name},,{from},{to},{value},{unit},{quote}{mark}{text}"));
            }
            // Made up for one county of the sample.
            _ => continue,
        }
        out.push('\n');
    }
    out
}

fn regions(region: Option<i64>) -> String {
    let mut out = String::from("code,name,level,parent,valid_from,valid_to,successor\n");
    let Some(code) = region else { return out };
    let mut parent = 0;
    for (level, unit) in [("province", 10_000_000_000), ("prefecture", 100_000_000), ("county", 1_000_000)] {
        let at = code / unit * unit;
        if at == parent {
            break;
        }
        let parent_cell = if parent == 0 { String::new() } else { parent.to_string() };
        out.push_str(&format!("{at},{},{level},{parent_cell},2000-01-01,,\n", at / 1_000_000));
        parent = at;
    }
    out
}

/// Which file goes where.
fn page(layout: &Layout) -> String {
    let mut out = String::from(
        "# Files of the programme / 数据文件\n\n\
         Put each file here under one of its names; several files of one table (`NAME-2019.csv`, `NAME-2020.csv`) are read together. CSV (UTF-8, or\n\
         name its `encoding:` in `recount.yaml`) and XLSX are understood. Headers may be any of those listed; case, width and spaces do not matter.\n\
         A file that is not here leaves out the rules that read it, nothing else. Columns in bold must be there.\n\n\
         将文件按下列名称之一放入本目录；同一张表可有多个文件（`名称-2019.csv`）。表头可用所列任一写法，大小写、全半角和空格不计。\n\
         缺少的文件只影响读取它的规则。粗体列为必需列。\n\n\
         Then / 然后：`recount lint --data`\n",
    );
    for table in layout.tables.iter().filter(|t| t.delivered) {
        out.push_str(&format!("\n## {}\n\n", table.name));
        let names: Vec<String> = table.files().iter().map(|f| format!("`{}`", f.trim_start_matches("data/"))).collect();
        out.push_str(&format!("{}\n\n| column | headers |\n|---|---|\n", names.join(", ")));
        for column in &table.columns {
            let name = if column.required { format!("**{}**", column.name) } else { column.name.clone() };
            out.push_str(&format!("| {name} | {} |\n", column.headers.join(", ")));
        }
    }
    out
}

#[cfg(test)]
mod tests;
