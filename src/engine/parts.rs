//! Where tables do not fit into the memory allowed: rules that can be judged by the same cut of the tables are judged together, part by part,
//! each part read from the store by ranges of the cut's columns; what the parts give is put together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::judge::{Asked, Group, Part, groups, judge, no_room};
use super::needs::{roots, sets};
use super::outcome::add;
use super::{Options, Prepared};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::exec::{Exec, NodeProfile};
use crate::finding::{Drawer, Findings};
use crate::plan::{self, Fetch, Partition, partitions};
use crate::project::Project;
use crate::rule::Rule;
use crate::schema::{Type, Value};
use crate::table::{self, Among, Compare, Condition, Keys, LoadOptions, Loaded, Needs, Table};

/// Parts at most.
const MOST_PARTS: u64 = 256;
/// Pages of a sample that says where a table is cut.
const SAMPLE_PAGES: usize = 64;

/// Refuses nodes that would take more than `limit`, naming the largest.
pub fn refuse(exec: &Exec<'_>, groups: &[Group], limit: u64) -> Result<(), Diagnostics> {
    let mut out = Diagnostics::default();
    for group in groups {
        let estimate = exec.estimate(&group.schedule);
        let total: u64 = estimate.iter().map(|(_, bytes)| bytes).sum();
        if total > limit {
            let mib = |bytes: u64| format!("{} MiB", bytes.div_ceil(1 << 20));
            let mut error = Diagnostic::error(
                "memory",
                format!("the rules over {} would need about {}, and {} are allowed", exec.rel_name(group.rel), mib(total), mib(limit)),
            );
            for (name, bytes) in estimate.iter().take(3) {
                error = error.note(format!("{name}: about {}", mib(*bytes)));
            }
            out.push(error.help("allow more with --memory, or run fewer rules at a time with --rule"));
        }
    }
    out.finish(())
}

/// Rules, and the cut by which they are judged; `None`: all rows at once.
pub struct Class {
    pub asked: Asked,
    pub partition: Option<Partition>,
}

/// Judges all rules within `limit` bytes. Gives the delivery's receipts and what was found.
///
/// # Errors
/// As loading and judging; rules that cannot be judged by parts and would need too much memory are refused.
pub fn audit(project: &Project, prepared: &Prepared, options: &Options<'_>, limit: u64) -> Result<(Loaded, Part), Diagnostics> {
    let asked = prepared.all();
    let needs = prepared.needs_of(&asked);
    // No row of any table: what is in the store, or is stored now, tells how many there are.
    let receipts = table::load(project, &needs, &LoadOptions { pages: Some(0), ..prepared.load_options(options) })?;
    // The store is there by now; findings are put aside beside it.
    let drawer = &options.store.as_deref().map_or_else(|| Ok(Drawer::default()), Drawer::in_folder).map_err(|e| no_room(&e))?;
    let sizes = Sizes::new(prepared, &receipts);
    let total = sizes.columns(&needs) + sizes.nodes(project, prepared, &asked);
    if total <= limit / 10 * 8 {
        let loaded = table::load(project, &needs, &prepared.load_options(options))?;
        let part = judge(project, prepared, &loaded, options, &asked, drawer)?;
        return Ok((loaded, part));
    }
    let small = |table: usize| sizes.table(table, &needs) <= limit / 8;
    let mut all = Part { findings: Findings::on(drawer), ..Part::default() };
    // Integrity rules first: what they set aside is known by file and line, whatever cut the others need.
    let stages: [Vec<usize>; 2] = {
        let (first, others) = asked.rules.iter().partition(|i| prepared.ready().any(|(r, rule)| r == **i && rule.validates.is_some()));
        [first, others]
    };
    let counted = [vec![], asked.counted];
    for (rules, counted) in stages.into_iter().zip(counted) {
        let stage = Asked { rules, counted, aside: Arc::new(all.aside.clone()) };
        for class in classes(prepared, &stage, &small) {
            let part = match &class.partition {
                None => {
                    let loaded = table::load(project, &prepared.needs_of(&class.asked), &prepared.load_options(options))?;
                    judge(project, prepared, &loaded, options, &class.asked, drawer)?
                }
                Some(partition) => by_parts(project, prepared, options, &sizes, limit, &class.asked, partition, drawer)?,
            };
            all.extend(part);
        }
    }
    Ok((receipts, all))
}

/// Rows of the tables, by position in the catalog.
struct Sizes<'p> {
    prepared: &'p Prepared,
    rows: Vec<u64>,
}

impl<'p> Sizes<'p> {
    fn new(prepared: &'p Prepared, loaded: &Loaded) -> Self {
        let of = |name: &str| loaded.receipt.iter().find(|r| r.table == name).map_or(0, |r| r.rows);
        Sizes { prepared, rows: prepared.catalog.tables.iter().map(|t| of(&t.name)).collect() }
    }
    /// Bytes of the needed columns of a table, with the places of its rows.
    fn table(&self, table: usize, needs: &Needs) -> u64 {
        let def = &self.prepared.catalog.tables[table];
        let Some(columns) = needs.columns.get(&def.name) else { return 0 };
        let width = |ty: Type| match ty {
            Type::Bool => 1,
            Type::Date | Type::Month | Type::Text(_) => 5,
            _ => 9,
        };
        self.rows[table] * (6 + def.columns.iter().filter(|c| columns.contains(&c.name)).map(|c| width(c.ty)).sum::<u64>())
    }
    fn columns(&self, needs: &Needs) -> u64 {
        (0..self.rows.len()).map(|t| self.table(t, needs)).sum()
    }
    /// Bytes of the nodes that stand at one time, at most.
    fn nodes(&self, project: &Project, prepared: &Prepared, asked: &Asked) -> u64 {
        let mut graph = prepared.graph.clone();
        let ready: BTreeMap<usize, &Rule> = prepared.ready().filter(|(i, _)| asked.rules.contains(i)).collect();
        let groups = groups(prepared, &mut graph, &ready, false);
        let rows = |t: &u64| Arc::new(Table { rows: *t as usize, ..Table::empty() });
        let tables: Vec<Arc<Table>> = self.rows.iter().map(rows).collect();
        let exec = Exec::new(&prepared.catalog, &graph, &tables, &project.parameters, &project.regions);
        groups.iter().map(|g| exec.estimate(&g.schedule).iter().map(|(_, bytes)| bytes).sum::<u64>()).sum()
    }
}

/// Rules by cut.
fn classes(prepared: &Prepared, asked: &Asked, small: &dyn Fn(usize) -> bool) -> Vec<Class> {
    let catalog = &prepared.catalog;
    let graph = &prepared.graph;
    let mut open: Vec<(Asked, Vec<Partition>)> = vec![];
    for (i, rule) in prepared.ready().filter(|(i, _)| asked.rules.contains(i)) {
        let (rule_roots, all_sets) = (roots(prepared, i, rule), sets(&rule.check));
        let own = plan::Asked { roots: &rule_roots, rels: &[rule.check.rel], sets: &all_sets, unit: rule.check.rel };
        open.push((Asked { rules: vec![i], ..Asked::default() }, partitions(catalog, graph, &own, small)));
    }
    for &table in &asked.counted {
        let def = &catalog.tables[table];
        let Some(region) = def.region else { continue };
        let roots = [(vec![def.rel], region)];
        let own = plan::Asked { roots: &roots, rels: &[], sets: &[], unit: def.rel };
        let found = partitions(catalog, graph, &own, small);
        open.push((Asked { counted: vec![table], ..Asked::default() }, found));
    }
    let mut out: Vec<Class> = vec![];
    for (asked, found) in open {
        let joined = out.iter_mut().find_map(|class| {
            let both = match &class.partition {
                Some(partition) => found.iter().find_map(|f| partition.with(f)).map(Some),
                None => found.is_empty().then_some(None),
            };
            both.map(|both| (class, both))
        });
        match joined {
            Some((class, both)) => {
                class.partition = both;
                class.asked.rules.extend(asked.rules);
                class.asked.counted.extend(asked.counted);
            }
            None => out.push(Class { asked, partition: found.into_iter().next() }),
        }
    }
    for class in &mut out {
        class.asked.aside = asked.aside.clone();
        class.asked.rules.sort_unstable();
        class.asked.counted.sort_unstable();
    }
    out
}

fn by_parts(
    project: &Project,
    prepared: &Prepared,
    options: &Options<'_>,
    sizes: &Sizes<'_>,
    limit: u64,
    asked: &Asked,
    partition: &Partition,
    drawer: &Drawer,
) -> Result<Part, Diagnostics> {
    let needs = prepared.needs_of(asked);
    let whole: u64 = partition.whole.iter().map(|&t| sizes.table(t, &needs)).sum();
    let cut = sizes.columns(&needs) - whole + sizes.nodes(project, prepared, asked);
    let room = (limit / 2).saturating_sub(whole).max(limit / 10);
    let parts = cut.div_ceil(room).clamp(1, MOST_PARTS);
    let bounds = bounds(project, prepared, options, sizes, &needs, partition, parts as usize)?;
    let catalog = &prepared.catalog;
    let mut all = Part { findings: Findings::on(drawer), ..Part::default() };
    for number in 0..=bounds.len() + 1 {
        // The last part holds the rows without a value to be cut by.
        let conditions = |column: &str| -> Vec<Condition> {
            let condition = |compare, value: Value| Condition { column: column.to_owned(), compare, value };
            if number > bounds.len() {
                return vec![condition(Compare::Missing, Value::Null)];
            }
            let from = number.checked_sub(1).and_then(|n| bounds.get(n)).map(|v| condition(Compare::AtLeast, v.clone()));
            let to = bounds.get(number).map(|v| condition(Compare::Less, v.clone()));
            let both: Vec<Condition> = from.into_iter().chain(to).collect();
            // All rows but those without a value.
            if both.is_empty() { vec![condition(Compare::Present, Value::Null)] } else { both }
        };
        let only = partition.cut.iter().map(|(&t, &c)| {
            let def = &catalog.tables[t];
            (def.name.clone(), conditions(&def.columns[c].name))
        });
        let mut load = LoadOptions { only: only.collect(), ..prepared.load_options(options) };
        fetch(project, prepared, options, &partition.fetched, &mut load)?;
        let loaded = table::load(project, &needs, &load)?;
        let part = judge(project, prepared, &loaded, options, asked, drawer)?;
        for (rule, outcome) in part.outcomes {
            match all.outcomes.get_mut(&rule) {
                Some(sum) => add(sum, outcome, partition, |name| catalog.table(name).map(|(t, _)| t)),
                None => {
                    all.outcomes.insert(rule, outcome);
                }
            }
        }
        all.failed.extend(part.failed);
        all.findings.append(part.findings);
        for (rule, places) in part.aside {
            all.aside.entry(rule).or_default().extend(places);
        }
        for count in part.populations {
            match all.populations.iter_mut().find(|c| c.table == count.table && c.region == count.region) {
                Some(known) => known.records += count.records,
                None => all.populations.push(count),
            }
        }
        for node in part.profile {
            let rows_by_key = if partition.fetched.is_empty() { "" } else { ", rows by other keys" };
            let name = format!("{} (in {} parts{rows_by_key})", node.name, bounds.len() + 2);
            match all.profile.iter_mut().find(|known| known.name == name) {
                Some(known) => add_profile(known, &node),
                None => all.profile.push(NodeProfile { name, ..node }),
            }
        }
    }
    Ok(all)
}

/// Tells a load the keys by which its rows ask for rows of further tables.
fn fetch(
    project: &Project,
    prepared: &Prepared,
    options: &Options<'_>,
    fetched: &[Fetch],
    load: &mut LoadOptions<'_>,
) -> Result<(), Diagnostics> {
    let tables = &prepared.catalog.tables;
    let names = |table: usize, columns: &[usize]| columns.iter().map(|&c| tables[table].columns[c].name.clone()).collect::<Vec<String>>();
    let mut known: BTreeMap<(usize, &[usize]), Arc<Keys>> = BTreeMap::new();
    for Fetch { table, by, from, of } in fetched {
        let keys = match known.get(&(*from, of.as_slice())) {
            Some(keys) => keys.clone(),
            None => {
                let (asking, columns) = (&tables[*from].name, names(*from, of));
                let needs = Needs { columns: BTreeMap::from([(asking.clone(), columns.iter().cloned().collect())]), domains: vec![] };
                let only = load.only.get_key_value(asking).map(|(name, only)| (name.clone(), only.clone()));
                let among = load.among.get_key_value(asking).map(|(name, among)| (name.clone(), among.clone()));
                let few = LoadOptions {
                    only: only.into_iter().collect(),
                    among: among.into_iter().collect(),
                    progress: &table::Silent,
                    ..prepared.load_options(options)
                };
                let loaded = table::load(project, &needs, &few)?;
                let keys = Arc::new(Keys::of(&loaded.tables[*from], &columns));
                known.insert((*from, of), keys.clone());
                keys
            }
        };
        load.among.entry(tables[*table].name.clone()).or_default().push(Among { columns: names(*table, by), keys });
    }
    Ok(())
}

fn add_profile(sum: &mut NodeProfile, node: &NodeProfile) {
    sum.rows_in += node.rows_in;
    sum.rows_out += node.rows_out;
    sum.bytes = sum.bytes.max(node.bytes);
    sum.wall += node.wall;
    sum.cpu += node.cpu;
}

/// Values between the parts, ascending: quantiles of a sample of the largest table that is cut.
fn bounds(
    project: &Project,
    prepared: &Prepared,
    options: &Options<'_>,
    sizes: &Sizes<'_>,
    needs: &Needs,
    partition: &Partition,
    parts: usize,
) -> Result<Vec<Value>, Diagnostics> {
    let largest = partition.cut.iter().max_by_key(|(t, _)| (sizes.table(**t, needs), std::cmp::Reverse(**t)));
    let Some((&table, &column)) = largest.filter(|_| parts > 1) else { return Ok(vec![]) };
    let def = &prepared.catalog.tables[table];
    let name = def.columns[column].name.clone();
    let sample = Needs { columns: BTreeMap::from([(def.name.clone(), BTreeSet::from([name.clone()]))]), domains: vec![] };
    let loaded = table::load(project, &sample, &LoadOptions { pages: Some(SAMPLE_PAGES), ..prepared.load_options(options) })?;
    let Some(column) = loaded.tables.get(table).and_then(|t| t.column(&name).map(|c| (c, t.rows))) else { return Ok(vec![]) };
    let mut values: Vec<Value> = (0..column.1).map(|row| column.0.value(row)).filter(|v| *v != Value::Null).collect();
    values.sort();
    let mut bounds: Vec<Value> = (1..parts).filter_map(|k| values.get(values.len() * k / parts).cloned()).collect();
    bounds.dedup();
    Ok(bounds)
}
