//! The folder of a link run: what was found as tables, the model, and what it was made from. Written beside, then renamed.

use std::borrow::Cow;
use std::fs;
use std::hash::Hash;
use std::path::Path;

use rustc_hash::FxHashMap;

use super::Found;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::linkage::{Band, probability};
use crate::run::frame::{Cells, Frame};
use crate::table::{staged, staging_prefix};

/// How tables are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    Csv,
    Parquet,
    /// One JSON object a line.
    Json,
}

/// What the folder was made from; equal manifests are equal results.
#[derive(Debug, Clone, serde::Serialize)]
pub struct LinkManifest {
    pub format: u32,
    pub version: &'static str,
    /// SHA-256 of the link file.
    pub link: String,
    pub inputs: Vec<super::ReadFile>,
    /// SHA-256 of the model file that was used (given) or made.
    pub model: String,
    pub model_given: bool,
    /// SHA-256 of the judgements file.
    pub judgements: Option<String>,
    /// SHA-256 of the labels file.
    pub labels: Option<String>,
    /// Records taken over from an earlier run as they were; their pairs were not compared again.
    pub same_as_before: Option<u64>,
}

/// Writes everything into `folder`, which is replaced if it is a link folder already; with `keep` also what a later run needs to compare only new records.
///
/// # Errors
/// The folder is something else, or cannot be written; then it is as it was.
pub fn write(found: &Found, folder: &Path, format: TableFormat, keep: bool) -> Result<(), Diagnostics> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let staging = folder.with_file_name(format!("{}{name}", staging_prefix()));
    let unwritable = |e: &dyn std::fmt::Display| -> Diagnostics {
        Diagnostic::error("cannot-write", format!("`{}` cannot be written: {e}", folder.display()))
            .help("choose another folder with `-o`; nothing was changed")
            .into()
    };
    if folder.exists() && !folder.join("manifest.json").exists() {
        return Err(Diagnostic::error("cannot-write", format!("`{}` is there and is no folder of a link run", folder.display()))
            .help("choose another folder with `-o`")
            .into());
    }
    let done = staged(|| fs::create_dir_all(&staging)).and_then(|()| {
        fs::write(staging.join("manifest.json"), pretty(&found.manifest))?;
        fs::write(staging.join("link.yaml"), &found.question)?;
        fs::write(staging.join("model.json"), found.linkage.model.to_json())?;
        fs::write(staging.join("report.json"), pretty(&found.linkage.report))?;
        for (name, frame) in tables(found) {
            match format {
                TableFormat::Csv => fs::write(staging.join(format!("{name}.csv")), csv(&frame))?,
                TableFormat::Json => fs::write(staging.join(format!("{name}.ndjson")), json(&frame))?,
                TableFormat::Parquet => {
                    let file = fs::File::create(staging.join(format!("{name}.parquet")))?;
                    frame.write(name, &crate::run::sha256(pretty(&found.manifest).as_bytes()), file).map_err(std::io::Error::other)?;
                }
            }
        }
        if keep {
            for (name, frame) in super::kept::tables(&found.keys, &found.digests, &found.linkage.pairs) {
                let file = fs::File::create(staging.join(name))?;
                frame.write("kept", "", file).map_err(std::io::Error::other)?;
            }
        }
        staged(|| {
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
            fs::rename(&staging, folder)
        })
    });
    done.map_err(|e| {
        let _ = fs::remove_dir_all(&staging);
        unwritable(&e)
    })
}

fn pretty<T: serde::Serialize>(value: &T) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

fn texts<'a, T: Into<Cow<'a, str>>>(rows: impl Iterator<Item = T>) -> Cells<'a> {
    Cells::Text(rows.map(|text| Some(text.into()).filter(|text| !text.is_empty())).collect())
}
fn ints(rows: impl Iterator<Item = i64>) -> Cells<'static> {
    Cells::Int(rows.map(Some).collect())
}
/// Probability in millionths.
fn ppm(weight: i32) -> i64 {
    (probability(weight) * 1e6).round() as i64
}
/// The name of a variant as files spell it.
fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Texts of values few of which differ, each made once.
fn once<K: Copy + Eq + Hash>(rows: impl Iterator<Item = K>, text: impl Fn(K) -> String) -> Cells<'static> {
    let mut known: FxHashMap<K, String> = FxHashMap::default();
    texts(rows.map(|k| known.entry(k).or_insert_with(|| text(k)).clone()))
}

fn tables(found: &Found) -> Vec<(&'static str, Frame<'_>)> {
    let key = |row: u32| found.key(row);
    let linkage = &found.linkage;
    let pairs = &linkage.pairs;
    let kept = || pairs.iter().filter(|p| p.band != Band::No);
    let pairs = Frame::default()
        .with("a", texts(kept().map(|p| key(p.a))))
        .with("b", texts(kept().map(|p| key(p.b))))
        .with("band", once(kept().map(|p| p.band), |band| word(&band)))
        .with("weight_millibits", ints(kept().map(|p| i64::from(p.weight))))
        .with("probability_ppm", ints(kept().map(|p| ppm(p.weight))))
        .with("agreement", once(kept().map(|p| p.pattern), |pattern| found.levels(pattern)))
        .with("rules", once(kept().map(|p| p.mask), rules));
    let members: Vec<(u32, &crate::linkage::Cluster)> =
        linkage.clusters.iter().flat_map(|c| c.rows.iter().map(move |&row| (row, c))).collect();
    let clusters = Frame::default()
        .with("cluster", texts(members.iter().map(|(_, c)| key(c.rows[0]))))
        .with("record", texts(members.iter().map(|(row, _)| key(*row))))
        .with("weakest_millibits", ints(members.iter().map(|(_, c)| i64::from(c.weakest))))
        .with("weakest_a", texts(members.iter().map(|(_, c)| key(c.weakest_edge.0))))
        .with("weakest_b", texts(members.iter().map(|(_, c)| key(c.weakest_edge.1))))
        .with("review", texts(members.iter().map(|(_, c)| c.review.iter().map(word).collect::<Vec<_>>().join(" "))));
    let refused = &linkage.refused;
    let refused = Frame::default()
        .with("a", texts(refused.iter().map(|r| key(r.a))))
        .with("b", texts(refused.iter().map(|r| key(r.b))))
        .with("weight_millibits", ints(refused.iter().map(|r| i64::from(r.weight))))
        .with("conflict", once(refused.iter().map(|r| r.conflict), |conflict| word(&conflict)))
        .with("between_a", texts(refused.iter().map(|r| key(r.between.0))))
        .with("between_b", texts(refused.iter().map(|r| key(r.between.1))));
    let homes = &found.households;
    let first = |rows: &[u32]| rows.first().map_or("", |&row| found.listing(row));
    let yes = |all: Vec<bool>| Cells::Bool(all.into_iter().map(Some).collect());
    let money = |f: &dyn Fn(&crate::linkage::Range) -> i64| Cells::Int(homes.iter().map(|h| h.money.as_ref().map(f)).collect());
    let households = Frame::default()
        .with("left", texts(homes.iter().map(|h| first(&h.left))))
        .with("right", texts(homes.iter().map(|h| first(&h.right))))
        .with("kind", once(homes.iter().map(|h| h.kind), |kind| word(&kind)))
        .with("weight_millibits", ints(homes.iter().map(|h| i64::from(h.weight))))
        .with("members_left", ints(homes.iter().map(|h| h.left.len() as i64)))
        .with("members_right", ints(homes.iter().map(|h| h.right.len() as i64)))
        .with("linked", ints(homes.iter().map(|h| h.members.len() as i64)))
        .with("head_linked", yes(homes.iter().map(|h| h.head_linked).collect()))
        .with("spouse_linked", yes(homes.iter().map(|h| h.spouse_linked).collect()))
        .with("same_place", yes(homes.iter().map(|h| h.same_place).collect()))
        .with("same_account", yes(homes.iter().map(|h| h.same_account).collect()))
        .with("same_phone", yes(homes.iter().map(|h| h.same_phone).collect()))
        .with("heads_min", ints(homes.iter().map(|h| h.heads.min)))
        .with("heads_expected_thousandths", ints(homes.iter().map(|h| (h.heads.expected * 1000.0).round() as i64)))
        .with("heads_max", ints(homes.iter().map(|h| h.heads.max)))
        .with("money_min", money(&|m| m.min))
        .with("money_expected", money(&|m| m.expected.round() as i64))
        .with("money_max", money(&|m| m.max));
    let linked: Vec<_> = homes.iter().flat_map(|h| h.members.iter().map(move |m| (h, m))).collect();
    let household_members = Frame::default()
        .with("left", texts(linked.iter().map(|(h, _)| first(&h.left))))
        .with("right", texts(linked.iter().map(|(h, _)| first(&h.right))))
        .with("record_left", texts(linked.iter().map(|(_, m)| key(m.left))))
        .with("record_right", texts(linked.iter().map(|(_, m)| key(m.right))))
        .with("weight_millibits", ints(linked.iter().map(|(_, m)| i64::from(m.weight))))
        .with("by_feedback", yes(linked.iter().map(|(_, m)| m.by_feedback).collect()));
    let ids: Vec<(usize, usize, u32)> = found
        .shared_ids
        .iter()
        .enumerate()
        .flat_map(|(i, s)| s.people.iter().enumerate().flat_map(move |(p, rows)| rows.iter().map(move |&row| (i, p, row))))
        .collect();
    let shared = Frame::default()
        .with("shared_id", ints(ids.iter().map(|(i, _, _)| *i as i64 + 1)))
        .with("person", ints(ids.iter().map(|(_, p, _)| *p as i64 + 1)))
        .with("record", texts(ids.iter().map(|(_, _, row)| key(*row))));
    vec![
        ("pairs", pairs),
        ("clusters", clusters),
        ("refused", refused),
        ("households", households),
        ("household_members", household_members),
        ("shared_ids", shared),
    ]
}

/// Numbers of the blocking rules that met a pair, from 1.
fn rules(mask: u16) -> String {
    (0..16).filter(|r| mask >> r & 1 == 1).map(|r| (r + 1).to_string()).collect::<Vec<_>>().join(" ")
}

fn cell(cells: &Cells, row: usize) -> Option<serde_json::Value> {
    match cells {
        Cells::Text(v) => v[row].as_ref().map(|t| (**t).into()),
        Cells::Int(v) => v[row].map(Into::into),
        Cells::Date(v) => v[row].map(|d| crate::schema::format(&crate::schema::Value::Date(d)).into()),
        Cells::Bool(v) => v[row].map(Into::into),
    }
}

fn csv(frame: &Frame) -> String {
    let quote =
        |text: &str| if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() };
    let mut out = frame.0.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(",");
    out.push('\n');
    for row in 0..frame.rows() {
        let cells = frame.0.iter().map(|(_, cells)| match cell(cells, row) {
            None => String::new(),
            Some(serde_json::Value::String(text)) => quote(&text),
            Some(value) => value.to_string(),
        });
        out.push_str(&cells.collect::<Vec<_>>().join(","));
        out.push('\n');
    }
    out
}

fn json(frame: &Frame) -> String {
    let mut out = String::new();
    for row in 0..frame.rows() {
        let object: serde_json::Map<String, serde_json::Value> =
            frame.0.iter().map(|(name, cells)| (name.clone(), cell(cells, row).unwrap_or(serde_json::Value::Null))).collect();
        out.push_str(&serde_json::Value::Object(object).to_string());
        out.push('\n');
    }
    out
}
