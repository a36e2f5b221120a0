use super::*;

/// Table, expression, type.
const GOOD: &[(&str, &str, Type)] = &[
    ("payments", "amount > yuan(200)", Type::Bool),
    ("payments", "payments.amount > 0", Type::Bool),
    ("payments", "household.region_code = '52'", Type::Bool),
    ("payments", "payee.household.region_code", Type::Region),
    ("payments", "payments.payee.household.region_code", Type::Region),
    ("payments", "has(payee.household)", Type::Bool),
    ("payments", "paid_on between '2019-01-01' and date '2019-12-31'", Type::Bool),
    ("payments", "paid_on + months(3) - days(1)", Type::Date),
    ("payments", "days(death.died_on, period_end)", Type::Int),
    ("payments", "days(death.died_on, paid_on) > param('death_grace_days')", Type::Bool),
    ("payments", "param('standard', programme, grade) * quantity", Type::Money),
    ("payments", "listed('excludes', programme, 'TEKUN')", Type::Bool),
    ("payments", "programme in ('DIBAO', 'TEKUN') and status = 'ok'", Type::Bool),
    ("payments", "case programme when 'DIBAO' then 1 when 'TEKUN' then 2 else null end", Type::Int),
    ("payments", "amount / 3", Type::Money),
    ("payments", "amount / standard", Type::Decimal(6)),
    ("payments", "amount % yuan(100) = 0", Type::Bool),
    ("payments", "coalesce(returned_on, as_of())", Type::Date),
    ("payments", "greatest(amount, standard, yuan(1))", Type::Money),
    ("payments", "payee_id_no = '52010119500101001X'", Type::Bool),
    ("payments", "period = '2019-06'", Type::Bool),
    ("payments", "year(period) = year", Type::Bool),
    ("payments", "payee_name like '王%' and not (grade like 'A_')", Type::Bool),
    ("payments", "status is not null and (amount > 0) is true", Type::Bool),
    ("incomes", "per_capita - prior(per_capita)", Type::Money),
    ("incomes", "prior(household.size)", Type::Int),
    ("incomes", "prior(param('poverty_line'))", Type::Money),
    ("attendance", "prior(state) = 'leave'", Type::Bool),
    ("incomes", "size * 1.5", Type::Decimal(6)),
    ("incomes", "wage + operating + property + transfer - production_cost = net_income", Type::Bool),
    ("incomes", "(net_income - per_capita * size) / yuan(1)", Type::Decimal(6)),
    ("exits", "count(household.measures) filter (where measures.starts_on < exit_on)", Type::Int),
    ("exits", "household.region_code", Type::Region),
    ("exits", "in_window(exit_on, date(year, 1, 1), date(year, 12, 31))", Type::Bool),
    ("households", "count(members)", Type::Int),
    ("households", "count(distinct members.relation)", Type::Int),
    ("households", "sum(incomes.guarantee.uninsured)", Type::Int),
    ("households", "sum(measures.amount) filter (where kind = 'job')", Type::Money),
    ("households", "exists(members) filter (where members.relation = 'head' and members.id_no = head_id_no)", Type::Bool),
    ("households", "every(members.left_at is null)", Type::Bool),
    ("households", "any(count(members.accounts) > 1)", Type::Bool),
    ("households", "percentile(incomes.per_capita, 99)", Type::Money),
    ("households", "max(events.happened_on) filter (where events.kind = 'exit_mark')", Type::Date),
    ("households", "avg(incomes.size)", Type::Decimal(6)),
    ("deaths", "sum(member_rows.household.size)", Type::Int),
    ("members", "id_birth(id_no) <> birth and id_sex(id_no) = sex", Type::Bool),
    ("members", "not id_valid(id_no_raw)", Type::Bool),
    ("members", "edits(id_text(id_no), id_no_raw)", Type::Int),
    ("villages", "under(region_code, county_code)", Type::Bool),
    ("villages", "county(region_code) = county_code", Type::Bool),
    ("visits", "row_number()", Type::Int),
];

#[test]
fn good_expressions_have_their_types() {
    let mut bench = Bench::new();
    let mut wrong = vec![];
    for (table, text, ty) in GOOD {
        // `kind` is no column of households: the member row must be named.
        if text.contains("where kind") {
            assert!(bench.parse(table, text).is_err());
            continue;
        }
        match bench.parse(table, text) {
            Ok(id) if bench.graph.type_of(id) == *ty => {}
            Ok(id) => wrong.push(format!("{text}: {:?} instead of {ty:?}", bench.graph.type_of(id))),
            Err(errors) => wrong.push(format!("{text}: {errors}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What an expression shows as is read back as the same node.
#[test]
fn shown_expressions_come_back() {
    let mut bench = Bench::new();
    let mut wrong = vec![];
    for (table, text, _) in GOOD {
        let Ok(id) = bench.parse(table, text) else { continue };
        let rel = bench.scope(table, None).slots[0].rel;
        let shown = bench.graph.show(&bench.catalog, &[rel], id);
        // The columns of a view are written out over the table it is taken from, and parameters and priors over what they are given.
        if *table == "exits" || text.contains("prior") {
            continue;
        }
        match bench.parse(table, &shown) {
            Ok(back) if back == id => {}
            Ok(_) => wrong.push(format!("{text} is shown as {shown}, which is another")),
            Err(errors) => wrong.push(format!("{text} is shown as {shown}: {errors}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn examples_have_their_values() {
    let mut bench = Bench::new();
    let mut wrong = vec![];
    for (function, (text, value)) in FUNCTIONS.iter().flat_map(|f| f.examples.iter().map(move |e| (f.name, e))) {
        if value.is_empty() {
            continue;
        }
        match bench.parse("payments", text) {
            Ok(id) => match bench.graph.get(id) {
                Expr::Literal(found) if crate::schema::format(found) == *value => {}
                other => wrong.push(format!("{function}: {text} gives {other:?} instead of {value}")),
            },
            Err(errors) => wrong.push(format!("{function}: {text}: {errors}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_page_is_written_from_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/functions.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, functions_page()).expect("the page can be written");
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(page == functions_page(), "docs/functions.md is not what the table says: run `UPDATE=1 cargo test the_page`");
}

#[test]
fn every_function_is_documented_and_known() {
    let mut bench = Bench::new();
    for (name, ..) in super::super::calls::PLAIN {
        assert!(super::super::functions::find(name).is_some(), "{name} has no page");
    }
    for function in FUNCTIONS {
        let errors = bench.parse("payments", &format!("{}()", function.name)).err().map(|e| told_codes(&e)).unwrap_or_default();
        assert!(!errors.contains(&"unknown-function"), "{} is documented but not known", function.name);
    }
}

fn told_codes(errors: &Diagnostics) -> Vec<&'static str> {
    errors.0.iter().map(|d| d.code).collect()
}

/// An aggregate is one node wherever it stands, and correlated only where it reads the row outside.
#[test]
fn equal_aggregates_are_one_node() {
    let mut bench = Bench::new();
    let of = |bench: &Bench, id: ExprId| match bench.graph.get(id) {
        Expr::Aggregate { inner, arg, filter, .. } => (*inner, *arg, *filter),
        other => panic!("{other:?} is no aggregate"),
    };
    let row = bench.id("households", "sum(measures.amount) filter (where measures.kind = 'job')");
    let scope = bench.scope("payments", Some("households"));
    let text = "sum(other.measures.amount) filter (where measures.kind = 'job')";
    let pair = parse(&spanned(text), &scope, &bench.catalog, &mut bench.graph, Want::Any).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(of(&bench, row), of(&bench, pair), "alone and in a pair");
    assert_eq!(bench.graph.rebase(row, 0, &RowRef::slot(1)), pair);
    let correlated = bench.id("households", "count(measures) filter (where measures.starts_on < risk_found_at)");
    assert_eq!((of(&bench, correlated).0, bench.graph.reads(correlated)), (1, 1));
    let text = "count(other.measures) filter (where measures.starts_on < other.risk_found_at)";
    let pair = parse(&spanned(text), &scope, &bench.catalog, &mut bench.graph, Want::Any).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(of(&bench, pair).0, 2, "the member row stands past the row of the pair that it reads");
    assert_eq!(bench.graph.rebase(correlated, 0, &RowRef::slot(1)), pair);
    assert_eq!(bench.graph.rebase(pair, 1, &RowRef::slot(0)), correlated);
}

#[test]
fn names_and_pairs() {
    let mut bench = Bench::new();
    let amount = bench.id("payments", "amount");
    let mut scope = bench.scope("payments", Some("deaths"));
    scope.names = vec![("late".to_owned(), amount), ("peer.p99".to_owned(), amount)];
    scope.hints = vec![("before".to_owned(), "`before` belongs to the check `change`".to_owned())];
    let mut parsed = |text: &str| parse(&spanned(text), &scope, &bench.catalog, &mut bench.graph, Want::Any);
    assert_eq!(parsed("late").ok(), Some(amount));
    assert_eq!(parsed("peer.p99").ok(), Some(amount));
    assert_eq!(parsed("other.died_on").ok(), parsed("deaths.died_on").ok());
    assert!(parsed("other.died_on < paid_on").is_ok());
    let errors = parsed("before > 1").expect_err("a hint");
    assert_eq!(errors.0[0].labels[0].text, "`before` belongs to the check `change`");
    let errors = parsed("other.died_o").expect_err("unknown");
    assert_eq!(errors.0[0].help, ["a similar column exists: `died_on`"]);
}

#[test]
fn groups_aggregate_their_members() {
    let mut bench = Bench::new();
    let (_, payments) = bench.catalog.table("payments").expect("payments");
    let of = payments.rel;
    let key = bench.id("payments", "account_no");
    let groups = bench.graph.rel(Rel::Groups { parts: vec![KeyPart { of, keys: vec![key], among: None }] });
    let set = bench.graph.set(RowSet::Members { groups, part: 0 });
    let slot = Slot { names: vec![], rel: groups, row: RowRef::slot(0), bare: true, members: vec![(vec!["payments".to_owned()], set, of)] };
    let column = bench.graph.expr(Expr::Column { row: RowRef::slot(0), column: 0 }, Type::Text(crate::schema::TextKind::Account));
    let scope = Scope { slots: vec![slot], names: vec![("account_no".to_owned(), column)], ..Scope::default() };
    let mut parsed =
        |text: &str| parse(&spanned(text), &scope, &bench.catalog, &mut bench.graph, Want::Any).unwrap_or_else(|e| panic!("{text}: {e}"));
    assert_eq!(parsed("sum(payments.amount)"), parsed("sum(amount)"));
    assert_eq!(parsed("count(*)"), parsed("count(payments)"));
    parsed("count(distinct payee.household_id) filter (where status = 'ok' and payments.amount > yuan(1))");
    parsed("account_no is not null and count(distinct household_id) >= 3");
}

/// In a stack of one megabyte, as the first thread has on Windows.
#[test]
fn deep_nesting_is_refused() {
    let small = std::thread::Builder::new().stack_size(1 << 20).spawn(deep_nesting).expect("a thread");
    small.join().expect("no overflow");
}

fn deep_nesting() {
    let mut bench = Bench::new();
    for text in [
        format!("{}amount{} > 0", "(".repeat(5000), ")".repeat(5000)),
        format!("{} true", "not ".repeat(5000)),
        format!("size {}", "+ 1 ".repeat(5000)),
        format!("{}1{}", "abs(".repeat(5000), ")".repeat(5000)),
    ] {
        let errors = bench.parse("households", &text).expect_err("too deep");
        assert_eq!(told_codes(&errors), ["too-deep"]);
    }
    for text in
        [format!("{}1{}", "abs(".repeat(95), ")".repeat(95)), format!("{} true", "not ".repeat(95)), format!("1 {}", "+ size".repeat(95))]
    {
        bench.id("households", &text);
    }
    let long = vec!["size = 1"; 5000].join(" or ");
    bench.id("households", &long);
    let list = (0..5000).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    bench.id("households", &format!("size in ({list})"));
}
