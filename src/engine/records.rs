//! All records of one subject: in every table whose rows name it, directly or by a link, with the file and line they came from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::ask::{Question, Reply, ask};
use crate::diagnostic::{Diagnostic, Diagnostics, nearest};
use crate::plan::{Catalog, Expr, ExprId, Graph, RowRef};
use crate::project::Project;
use crate::rule::RuleFile;
use crate::schema::{self, SemanticType, Type};
use crate::table::{self, Progress};

pub struct Lookup<'a> {
    /// Days since 1970-01-01.
    pub as_of: i32,
    pub store: Option<PathBuf>,
    pub restricted_ok: bool,
    pub progress: &'a dyn Progress,
}

/// Where a record stands in the delivered files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordOrigin {
    pub file: String,
    pub sheet: Option<String>,
    pub line: u32,
}

/// Records of one table.
#[derive(Debug)]
pub struct Found {
    pub table: String,
    /// The columns (or link and column) that name the subject.
    pub by: Vec<String>,
    /// All columns of the records, restricted ones only when allowed.
    pub reply: Reply,
    /// One per row of the reply.
    pub origin: Vec<RecordOrigin>,
}

/// Position of table and column.
type Place = (usize, usize);

/// All records of a subject, by table in the project's order; tables without one are left out. `asked` is `ENTITY=VALUE`, an entity as
/// the rules name it, or `TABLE.COLUMN=VALUE`. Columns that links compare, directly or through others, name the same thing; so do all
/// citizen ids.
///
/// # Errors
/// An entity or column that is not known, a value that is not of its type, and what loading may say.
pub fn records_of(project: &Project, files: &[RuleFile], asked: &str, options: &Lookup<'_>) -> Result<Vec<Found>, Diagnostics> {
    let Some((entity, value)) = asked.split_once('=').map(|(e, v)| (e.trim(), v.trim())).filter(|(e, v)| !e.is_empty() && !v.is_empty())
    else {
        return Err(bad(format!("`{asked}` names no subject"), "write `person=ID`, `household=KEY` or `TABLE.COLUMN=VALUE`"));
    };
    let mut graph = Graph::default();
    let catalog = Catalog::build(project, options.as_of, &mut graph)?;
    let stored = project.tables.len();
    let start = places(project, &catalog, files, entity)?;
    let mut domain = closure(&catalog, &graph, start);
    let ty = domain.first().map_or(Type::Null, |&(t, c)| catalog.tables[t].columns[c].ty);
    if ty == Type::CitizenId {
        for (t, table) in catalog.tables[..stored].iter().enumerate() {
            domain.extend(table.columns.iter().enumerate().filter(|(_, c)| c.ty == Type::CitizenId && c.is.is_none()).map(|(c, _)| (t, c)));
        }
    }
    let literal = literal(value, ty)?;
    let absent = table::not_delivered(project);
    let mut found = vec![];
    for (t, table) in catalog.tables[..stored].iter().enumerate().filter(|(_, table)| !absent.contains(&table.name)) {
        let mut by: Vec<String> = domain.iter().filter(|(owner, _)| *owner == t).map(|(_, c)| quoted(&table.columns[*c].name)).collect();
        if by.is_empty() {
            let links = catalog.links.iter().filter(|l| l.source == t);
            by = links
                .flat_map(|l| {
                    let there = !absent.contains(&catalog.tables[l.target].name);
                    let columns = domain.iter().filter(move |(owner, _)| there && *owner == l.target);
                    columns.map(|(_, c)| format!("{}.{}", quoted(&l.name), quoted(&catalog.tables[l.target].columns[*c].name)))
                })
                .collect();
        }
        if by.is_empty() {
            continue;
        }
        let name = quoted(&table.name);
        // Restricted columns are read only where an authority was named.
        let columns: Vec<String> = table
            .columns
            .iter()
            .filter(|c| !c.restricted || options.restricted_ok)
            .map(|c| format!("{name}.{}", quoted(&c.name)))
            .collect();
        let tests: Vec<String> = by.iter().map(|path| format!("{name}.{path} = {literal}")).collect();
        let sql = format!("select row_number() as n, {} from {name} where {}", columns.join(", "), tests.join(" or "));
        let question = Question {
            sql: &sql,
            as_of: options.as_of,
            region: None,
            store: options.store.clone(),
            restricted_ok: options.restricted_ok,
            given: vec![],
            numbers_loaded: true,
            progress: options.progress,
        };
        let mut reply = ask(project, question)?;
        if reply.table.rows == 0 {
            continue;
        }
        let origin = origins(&reply, t);
        let mut rows = std::sync::Arc::unwrap_or_clone(reply.table);
        reply.columns.remove(0);
        rows.columns.remove(0);
        reply.table = std::sync::Arc::new(rows);
        found.push(Found { table: table.name.clone(), by: by.iter().map(|b| b.replace('"', "")).collect(), reply, origin });
    }
    Ok(found)
}

fn bad(message: String, help: &str) -> Diagnostics {
    Diagnostic::error("bad-argument", message).help(help).into()
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// The stored columns that an entity or `TABLE.COLUMN` means.
fn places(project: &Project, catalog: &Catalog, files: &[RuleFile], entity: &str) -> Result<BTreeSet<Place>, Diagnostics> {
    let mut known: BTreeMap<&str, BTreeSet<Place>> = BTreeMap::new();
    for file in files {
        for (name, text) in &file.spec.subject.0 {
            let words: Vec<&str> = text.value.split('.').map(str::trim).collect();
            if let Some(place) = walk(catalog, project.tables.len(), &words) {
                known.entry(name.value.as_str()).or_default().insert(place);
            }
        }
    }
    if let Some(found) = known.get(entity) {
        return Ok(found.clone());
    }
    if let Some((table, column)) = entity.split_once('.') {
        let place = walk(catalog, project.tables.len(), &[table, column]);
        return match place {
            Some(place) => Ok(BTreeSet::from([place])),
            None => Err(bad(format!("there is no column `{entity}`"), "`recount list columns` shows those there are")),
        };
    }
    let near = nearest(entity, known.keys().copied()).map(|n| format!("a similar one exists: `{n}`"));
    let all: Vec<String> = known.keys().map(|k| format!("`{k}`")).collect();
    let help = near.unwrap_or_else(|| {
        format!("the rules name {}; or write `TABLE.COLUMN=VALUE`", if all.is_empty() { "none".to_owned() } else { all.join(", ") })
    });
    Err(bad(format!("no rule names an entity `{entity}`"), &help))
}

/// The stored column at the end of `table.link.column`; views lead to the table they are taken from.
fn walk(catalog: &Catalog, stored: usize, words: &[&str]) -> Option<Place> {
    let (first, path) = words.split_first()?;
    let (mut at, _) = catalog.table(first)?;
    let (last, links) = path.split_last()?;
    for link in links {
        at = catalog.links.iter().find(|l| l.source == at && l.name == *link)?.target;
    }
    while at >= stored {
        at = catalog.tables[at].view_of?;
    }
    let column = catalog.tables[at].position(last)?;
    catalog.tables[at].columns[column].is.is_none().then_some((at, column))
}

/// All columns that links compare with these, and with those.
fn closure(catalog: &Catalog, graph: &Graph, mut domain: BTreeSet<Place>) -> BTreeSet<Place> {
    let plain = |table: usize, id: ExprId| match graph.get(id) {
        Expr::Column { row: RowRef { hops, .. }, column } if hops.is_empty() => Some((table, *column)),
        _ => None,
    };
    let pairs: Vec<(Place, Place)> = catalog
        .links
        .iter()
        .flat_map(|l| l.keys.iter().filter_map(move |&(a, b)| Some((plain(l.source, a)?, plain(l.target, b)?))))
        .filter(|((a, _), (b, _))| catalog.tables[*a].view_of.is_none() && catalog.tables[*b].view_of.is_none())
        .collect();
    loop {
        let before = domain.len();
        for &(a, b) in &pairs {
            if domain.contains(&a) || domain.contains(&b) {
                domain.extend([a, b]);
            }
        }
        if domain.len() == before {
            return domain;
        }
    }
}

/// The value as SQL writes it.
fn literal(value: &str, ty: Type) -> Result<String, Diagnostics> {
    let text = format!("'{}'", value.replace('\'', "''"));
    match ty {
        Type::Int => match value.parse::<i64>() {
            Ok(n) => Ok(n.to_string()),
            Err(_) => Err(bad(format!("`{value}` is not a whole number"), "the column holds whole numbers")),
        },
        Type::CitizenId => match schema::parse(value, &SemanticType::CitizenId) {
            Ok(_) => Ok(text),
            Err(cell) => Err(bad(format!("`{value}` is not a citizen id: {}", cell.problem), "write all 18 characters")),
        },
        _ => Ok(text),
    }
}

fn origins(reply: &Reply, table: usize) -> Vec<RecordOrigin> {
    let Some(loaded) = reply.loaded.tables.get(table) else { return vec![] };
    (0..reply.table.rows)
        .map(|row| {
            let place = match reply.table.columns.first().map(|c| c.value(row)) {
                Some(schema::Value::Int(n)) => usize::try_from(n).unwrap_or(usize::MAX),
                _ => usize::MAX,
            };
            let file = loaded.origin.file.get(place).and_then(|f| loaded.origin.files.get(usize::from(*f)));
            RecordOrigin {
                file: file.map_or_else(String::new, |f| f.path.clone()),
                sheet: file.and_then(|f| f.sheet.clone()),
                line: loaded.origin.line.get(place).copied().unwrap_or(0),
            }
        })
        .collect()
}
