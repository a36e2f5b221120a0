//! Realises tests: hands the values of all rows and members to a kernel of `stats` and takes its columns.

use std::borrow::Cow;
use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::Env;
use super::batch::Batch;
use super::build::concat;
use super::key::{CHUNK, chunked};
use super::set::Owned;
use super::texts::with_dictionary;
use super::vector::{Values, Vector};
use crate::plan::{ExprId, RelId, Test, TestMembers};
use crate::schema::Type;
use crate::stats::{Column, Inputs, MISSING};
use crate::table::Bits;

/// A test as it came out.
#[derive(Debug)]
pub struct Tested {
    /// One row per row of the test's relation.
    pub columns: Vec<Vector<'static>>,
    /// Member rows to look at first, with their rank within their owner.
    pub leads: FxHashMap<u32, u32>,
}

pub fn tested(env: Env<'_>, test: &Test) -> Tested {
    let rows = env.nodes.rows(&env, test.of);
    let units: Vec<Vec<i64>> = test.values.iter().map(|&value| values(env, test.of, value)).collect();
    let laid = match &test.members {
        Some(members) => laid_out(env, rows, members),
        None => LaidOut { starts: vec![0; rows + 1], ..LaidOut::default() },
    };
    let inputs = Inputs { units: &units, starts: &laid.starts, members: &laid.values, texts: &laid.texts };
    let output = test.by.run(&inputs);
    Tested {
        columns: output.columns.into_iter().zip(test.by.columns()).map(|(column, (_, ty))| vector(column, *ty)).collect(),
        leads: output.leads.into_iter().map(|(member, rank)| (laid.rows[member], rank)).collect(),
    }
}

fn vector(column: Column, ty: Type) -> Vector<'static> {
    match column {
        Column::Number(numbers) => {
            let valid = Bits::from_fn(numbers.len(), |i| numbers[i] != MISSING);
            Vector::new(Values::I64(Cow::Owned(numbers)), ty).with_valid(Some(valid))
        }
        Column::Text(texts) => {
            let valid = Bits::from_fn(texts.len(), |i| texts[i].is_some());
            let texts = texts.into_iter().map(Option::unwrap_or_default).collect();
            with_dictionary(Vector::new(Values::Text(texts), ty).with_valid(Some(valid)))
        }
    }
}

/// The values of `expr` over all rows of `rel`.
fn values(env: Env<'_>, rel: RelId, expr: ExprId) -> Vec<i64> {
    let ty = env.graph.type_of(expr);
    numbers(chunked(env, rel, |_, batch| part(batch, expr)), ty).0
}

enum Part {
    Numbers(Vec<i64>),
    Texts(Vector<'static>, usize),
}

fn part(batch: &Batch<'_>, expr: ExprId) -> Part {
    let vector = batch.eval(expr);
    if matches!(vector.ty, Type::Text(_)) {
        return Part::Texts(concat([(&*vector, batch.len)], vector.ty), batch.len);
    }
    // The smallest number stands for none; a value that is really that far out is told as the next.
    let number = |i| if vector.is_valid(i) { vector.number(i).max(MISSING + 1) } else { MISSING };
    Part::Numbers((0..batch.len).map(number).collect())
}

/// Parts end to end. Texts become their rank among the column's texts, which come along: equal where they are equal, in their order.
fn numbers(parts: Vec<Part>, ty: Type) -> (Vec<i64>, Vec<Arc<str>>) {
    if !matches!(ty, Type::Text(_)) {
        let mut all = vec![];
        for part in parts {
            match part {
                Part::Numbers(numbers) => all.extend(numbers),
                Part::Texts(_, len) => all.resize(all.len() + len, MISSING),
            }
        }
        return (all, vec![]);
    }
    let texts: Vec<(Vector<'static>, usize)> =
        parts.into_iter().map(|p| if let Part::Texts(v, len) = p { (v, len) } else { (Vector::null(ty), 0) }).collect();
    let len = texts.iter().map(|(_, len)| len).sum();
    let ranked = with_dictionary(concat(texts.iter().map(|(v, len)| (v, *len)), ty));
    let ranks = (0..len).map(|i| if ranked.is_valid(i) { ranked.number(i) } else { MISSING }).collect();
    let texts = if let Values::Code(_, dictionary) = &ranked.values { dictionary.values.to_vec() } else { vec![] };
    (ranks, texts)
}

/// Members that take part, of the test's rows one after the other.
#[derive(Default)]
struct LaidOut {
    /// Where those of each row start.
    starts: Vec<usize>,
    rows: Vec<u32>,
    /// By value.
    values: Vec<Vec<i64>>,
    /// By value: what ranks stand for.
    texts: Vec<Vec<Arc<str>>>,
}

fn laid_out(env: Env<'_>, rows: usize, members: &TestMembers) -> LaidOut {
    let rel = env.member_rel(members.set);
    let taken: Option<Bits> = members.filter.map(|filter| {
        let chunks = chunked(env, rel, |_, batch| batch.eval(filter).truth(batch.len).0);
        chunks.iter().flat_map(|bits| (0..bits.len()).map(|i| bits.get(i))).collect()
    });
    let mut starts = vec![0];
    let mut places: Vec<u32> = vec![];
    for owner in 0..rows as u32 {
        if let Some(set) = env.nodes.set(members.set)
            && let Owned::Stretch(from, to) = set.of(owner)
        {
            let of_owner = (from..to).map(|place| set.member(place));
            places.extend(of_owner.filter(|&row| taken.as_ref().is_none_or(|t| t.get(row as usize))));
        }
        starts.push(places.len());
    }
    let (values, texts) = members
        .values
        .iter()
        .map(|&value| {
            let parts = places.par_chunks(CHUNK).map(|rows| part(&Batch::list(env, rel, rows.to_vec()), value)).collect();
            numbers(parts, env.graph.type_of(value))
        })
        .unzip();
    LaidOut { starts, rows: places, values, texts }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::check::Planner;
    use crate::exec::{Exec, Schedule};
    use crate::plan::{self, BinaryOp, Catalog, Expr, Graph, Hop, KeyPart, RowRef, Test};
    use crate::stats::{Kernel, Share, Side, Tail, benjamini_hochberg, binomial};

    /// Payments by programme, and among them those above 500 yuan: what the test node gives, read from a group and from a payment, is what the plain
    /// counts give.
    #[test]
    fn a_test_sees_all_groups_and_is_read_from_groups_and_members() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_data/recount.yaml");
        let project = crate::project::read(&path).expect("the sample project reads");
        let mut graph = Graph::default();
        let catalog = Catalog::build(&project, 18627, &mut graph).expect("a catalog");
        let (table, def) = catalog.table("payments").expect("payments");
        let rel = def.rel;
        let position = |name: &str| def.columns.iter().position(|c| c.name == name).expect("a column");
        let (programme, amount) = (position("programme"), position("amount"));
        let mut planner = Planner::new(&catalog, &mut graph);
        let column = |planner: &mut Planner<'_>, column: usize| {
            planner.graph.expr(Expr::Column { row: RowRef::slot(0), column }, def.columns[column].ty)
        };
        let (key, value) = (column(&mut planner, programme), column(&mut planner, amount));
        let limit = planner.literal(crate::schema::Value::Money(50_000));
        let large = planner.compare(BinaryOp::Greater, value, limit);
        let groups = planner.groups(vec![KeyPart { of: rel, keys: vec![key], among: None }]);
        let over = planner.members(groups, 0, false);
        let of_member = planner.at_row(large, &RowRef::slot(1));
        let (hits, trials) = (planner.count(&over, Some(of_member)), planner.count(&over, None));
        let (some, all, family) = (planner.int(30_000), planner.int(100_000), planner.int(1));
        let members = TestMembers { set: over.set, values: vec![value, key], filter: Some(large) };
        let test = planner.graph.test(Test {
            of: groups,
            values: vec![hits, trials, some, all, family],
            members: Some(members.clone()),
            by: Kernel::Share(Share { side: Side::High, min_n: 5 }),
        });
        let of_group = planner.graph.expr(Expr::Tested { row: RowRef::slot(0), test, column: 5 }, Type::Decimal(9));
        let hop = RowRef::slot(0).then(Hop::Group { groups, part: 0 });
        let of_payment = planner.graph.expr(Expr::Tested { row: hop, test, column: 5 }, Type::Decimal(9));

        let roots = [(vec![groups], of_group), (vec![rel], of_payment)];
        let needs = plan::needs(&catalog, &graph, &roots, &[groups, rel], &[]);
        assert!(needs.columns["payments"].contains("amount"), "what a test reads is loaded: {needs:?}");
        assert!(
            plan::partitions(&catalog, &graph, &plan::Asked { roots: &roots, rels: &[], sets: &[], unit: groups }, &|_| true).is_empty(),
            "a family is not parted"
        );
        let loaded = crate::table::load(&project, &needs, &crate::table::LoadOptions::default()).expect("the sample loads");
        let schedule = Schedule::new(&mut graph, &catalog, &[groups, rel], &[of_group, of_payment], &[]);
        let mut exec = Exec::new(&catalog, &graph, &loaded.tables, &project.parameters, &project.regions);
        exec.prepare(&schedule);
        let env = exec.env();

        let payments = &loaded.tables[table];
        let of = |name: &str, row: usize| payments.column(name).expect("loaded").value(row);
        let mut naive: BTreeMap<String, Vec<(usize, i64)>> = BTreeMap::new();
        let mut order: Vec<String> = vec![];
        for row in 0..payments.rows {
            let (crate::schema::Value::Text(name, _), crate::schema::Value::Money(fen)) = (of("programme", row), of("amount", row)) else {
                continue;
            };
            if !naive.contains_key(&*name) {
                order.push(name.to_string());
            }
            naive.entry(name.to_string()).or_default().push((row, fen));
        }
        assert!(naive.len() > 3, "{naive:?}");
        let p: Vec<Option<Tail>> = order
            .iter()
            .map(|name| {
                let of = &naive[name];
                let hits = of.iter().filter(|(_, fen)| *fen > 50_000).count() as u64;
                let n = of.len() as u64;
                let share = (30_000.0 - hits as f64 + 0.5) / (100_000.0 - n as f64 + 1.0);
                (n >= 5).then(|| binomial(hits, n, share).0)
            })
            .collect();
        let want: Vec<i64> = benjamini_hochberg(&p).iter().map(|q| q.map_or(MISSING, |q| (q.p() * 1e9).round() as i64)).collect();
        assert_eq!(values(env, groups, of_group), want);

        let LaidOut { starts, values: columns, rows, .. } = laid_out(env, order.len(), &members);
        assert!(rows.iter().all(|&row| of("amount", row as usize) > crate::schema::Value::Money(50_000)));
        for (g, name) in order.iter().enumerate() {
            let large: Vec<i64> = naive[name].iter().map(|(_, fen)| *fen).filter(|fen| *fen > 50_000).collect();
            assert_eq!(columns[0][starts[g]..starts[g + 1]], large, "{name}");
            for &(row, _) in &naive[name] {
                assert_eq!(values(env, rel, of_payment)[row], want[g], "a payment reads its group");
            }
        }
        // Texts as ranks: one number per programme, in their order.
        let ranks: Vec<i64> = (0..order.len()).filter(|g| starts[*g] < starts[g + 1]).map(|g| columns[1][starts[g]]).collect();
        let mut named: Vec<(&String, i64)> =
            (0..order.len()).filter(|g| starts[*g] < starts[g + 1]).map(|g| &order[g]).zip(ranks).collect();
        named.sort();
        assert!(named.windows(2).all(|w| w[0].1 < w[1].1), "{named:?}");

        assert!(exec.profile.iter().any(|n| n.name == "share test of groups of payments" && n.users == 2), "{:?}", exec.profile);
        exec.free(&[]);
        assert!(exec.env().nodes.test(test).is_none(), "freed after the last use");
    }
}
