//! Expressions made at random: written in any way, equal ones are one node; moved to another row and back they are themselves.

use std::cell::RefCell;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Made {
    Leaf(&'static str),
    Join(&'static str, Box<Made>, Box<Made>),
    Call(&'static str, Vec<Made>),
}

/// Whole numbers over a row of households.
fn numbers() -> impl Strategy<Value = Made> {
    let leaf = prop::sample::select(vec![
        "size",
        "3",
        "exited_year",
        "count(members)",
        "sum(incomes.size)",
        "count(events) filter (where events.kind = 'exit_mark')",
        "count(measures) filter (where measures.starts_on < risk_found_at)",
        "days(risk_found_at, risk_cleared_at)",
    ])
    .prop_map(Made::Leaf);
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (prop::sample::select(vec!["+", "-", "*", "%"]), inner.clone(), inner.clone()).prop_map(|(op, a, b)| Made::Join(
                op,
                Box::new(a),
                Box::new(b)
            )),
            (prop::sample::select(vec!["greatest", "least", "coalesce"]), prop::collection::vec(inner.clone(), 2..4))
                .prop_map(|(f, args)| Made::Call(f, args)),
            inner.prop_map(|a| Made::Call("abs", vec![a])),
        ]
    })
}

/// Conditions over a row of households.
fn conditions() -> impl Strategy<Value = Made> {
    let leaf = prop_oneof![
        (prop::sample::select(vec!["=", "<", "<=", "<>"]), numbers(), numbers()).prop_map(|(op, a, b)| Made::Join(
            op,
            Box::new(a),
            Box::new(b)
        )),
        Just(Made::Leaf("status = 'exited'")),
        Just(Made::Leaf("has(village)")),
    ];
    leaf.prop_recursive(3, 16, 2, |inner| {
        (prop::sample::select(vec!["and", "or"]), inner.clone(), inner).prop_map(|(op, a, b)| Made::Join(op, Box::new(a), Box::new(b)))
    })
}

/// Every part in brackets; `spread` adds white space and further brackets.
fn written(made: &Made, spread: bool) -> String {
    let space = if spread { "\n  " } else { " " };
    match made {
        Made::Leaf(text) => (*text).to_owned(),
        Made::Join(op, a, b) => {
            let (a, b) = (written(a, spread), written(b, spread));
            let op = if spread { op.to_uppercase() } else { (*op).to_owned() };
            if spread { format!("(({a})){space}{op}{space}({b})") } else { format!("({a}) {op} ({b})") }
        }
        Made::Call(name, args) => {
            let args: Vec<String> = args.iter().map(|a| written(a, spread)).collect();
            let name = if spread { name.to_uppercase() } else { (*name).to_owned() };
            format!("{name}({})", args.join(if spread { " , " } else { "," }))
        }
    }
}

thread_local! {
    static BENCH: RefCell<Bench> = RefCell::new(Bench::new());
}

proptest! {
    #[test]
    fn equal_expressions_are_one_node(made in conditions()) {
        BENCH.with_borrow_mut(|bench| {
            let (plain, spread) = (written(&made, false), written(&made, true));
            let id = bench.id("households", &plain);
            let count = bench.graph.expr_count();
            prop_assert_eq!(id, bench.id("households", &spread), "{}", spread);
            prop_assert_eq!(count, bench.graph.expr_count(), "nothing new is made");
            let rel = bench.scope("households", None).slots[0].rel;
            let shown = bench.graph.show(&bench.catalog, &[rel], id);
            if !shown.ends_with("...") {
                prop_assert_eq!(id, bench.id("households", &shown), "{}", shown);
            }
            Ok(())
        })?;
    }

    #[test]
    fn moved_there_and_back_is_the_same(made in conditions(), slot in 0u8..3) {
        BENCH.with_borrow_mut(|bench| {
            let id = bench.id("households", &written(&made, false));
            let (link, _) = bench.catalog.links.iter().enumerate().find(|(_, l)| l.name == "household").map(|(i, l)| (LinkId(i as u32), l)).expect("a link");
            let there = RowRef::slot(slot).then(Hop::Link(link));
            let moved = bench.graph.rebase(id, 0, &there);
            prop_assert_eq!(bench.graph.reads(moved), if bench.graph.reads(id) == 0 { 0 } else { 1 << slot });
            prop_assert_eq!(bench.graph.rebase_prefix(moved, &there, &RowRef::slot(0)), id);
            Ok(())
        })?;
    }
}
