//! What is refused, where, and with which help; what is pushed to the loader.

use super::{ColumnTest, Given, Query, compile};
use crate::diagnostic::Diagnostics;
use crate::plan::{BinaryOp, Catalog, ColumnDef, Graph, LinkDef, Rel, TableDef};
use crate::schema::{SemanticType, TextKind, Type, Value};

fn table(catalog: &mut Catalog, graph: &mut Graph, name: &str, columns: &[(&str, Type)]) {
    let rel = graph.rel(Rel::Table(catalog.tables.len()));
    let columns = columns.iter().map(|&(name, ty)| ColumnDef {
        name: name.into(),
        ty,
        semantic: Some(SemanticType::Text),
        is: None,
        restricted: name == "secret",
    });
    let def = TableDef {
        name: name.into(),
        rel,
        columns: columns.collect(),
        key: vec![],
        region: None,
        date: None,
        covers: None,
        snapshot: false,
        view_of: None,
        span: None,
    };
    catalog.tables.push(def);
}

fn asked(sql: &str) -> Result<Query, Diagnostics> {
    let (mut catalog, mut graph) = (Catalog::default(), Graph::default());
    let name = Type::Text(TextKind::PersonName);
    table(
        &mut catalog,
        &mut graph,
        "p",
        &[("id", Type::Int), ("who", Type::CitizenId), ("code", Type::Text(TextKind::Code)), ("v", Type::Money), ("d", Type::Date)],
    );
    table(&mut catalog, &mut graph, "m", &[("who", Type::CitizenId), ("name", name), ("k", Type::Int), ("secret", Type::Int)]);
    let keys = {
        let column = |graph: &mut Graph, column| {
            graph.expr(crate::plan::Expr::Column { row: crate::plan::RowRef::slot(0), column }, Type::CitizenId)
        };
        vec![(column(&mut graph, 1), column(&mut graph, 0))]
    };
    catalog.links.push(LinkDef {
        name: "payee".into(),
        source: 0,
        target: 1,
        keys,
        at: None,
        valid: None,
        pick: None,
        back: Some("paid".into()),
        span: None,
    });
    let given = [Given {
        name: "recount.findings".into(),
        columns: vec![("rule".into(), Type::Text(TextKind::Code)), ("amount".into(), Type::Money)],
    }];
    compile(sql, &mut catalog, &mut graph, &given, None)
}

/// Code, marked part, and help of the first problem.
fn problem(sql: &str) -> (&'static str, String, String) {
    let problems = asked(sql).expect_err(sql);
    let first = &problems.0[0];
    let marked = first.labels.first().map(|label| match &label.place {
        crate::diagnostic::Place::Text(span) => span.source.text[span.range.clone()].to_owned(),
        other => format!("{other:?}"),
    });
    (first.code, marked.unwrap_or_default(), first.help.join(" "))
}

#[test]
fn what_is_not_understood_is_told_with_its_place_and_a_next_step() {
    let mut wrong = vec![];
    for (sql, code, marked, help) in [
        ("select idd from p", "unknown-column", "idd", "`id`"),
        ("select id from pp", "unknown-table", "pp", "`p`"),
        ("select who from p join m on p.who = m.who", "ambiguous-name", "who", "`p.who`, `m.who`"),
        ("select code, id from p group by code", "not-grouped", "id", "min(id)"),
        ("select id from p where sum(v) > yuan(3)", "sql-aggregate", "sum(v)", "having"),
        ("select id from p join m on m.k > 3", "sql-join", "m", "`on .. = m.KEY`"),
        ("select id from p left join m on m.k > 3", "sql-join", "", "a.key = b.key"),
        ("select sum(v) over (order by id) from p", "sql-window", "", "rows between"),
        ("select rank() over (partition by id) from p", "sql-window", "", "order by"),
        ("select sum(v) over (order by id rows between 1 following and 1 preceding) from p", "sql-window", "", "rows between"),
        ("select id from p where id not in (select k from m)", "sql-unsupported", "", "not exists"),
        ("select id from p where id = (select k from m)", "sql-columns", "", "in (select"),
        (
            "select id from p where exists (select 1 from m where m.who = p.who) or id > 1",
            "sql-unsupported",
            "",
            "joined to other conditions by `and`",
        ),
        ("select cast(id as text) from p", "sql-unsupported", "", "round(x)"),
        ("select id from p except select k from m", "sql-unsupported", "", "not exists"),
        ("select id from p union all select who from m", "type-mismatch", "", "make both the same"),
        ("select id from p union all select k, k from m", "sql-columns", "", ""),
        ("with p as (select 1 as x from m) select x from p", "name-clash", "p", "another name"),
        ("select distinct code from p order by id", "sql-order", "id", "select it too"),
        ("select id from p order by 3", "sql-columns", "3", ""),
        ("select id from p limit all_of_it", "sql-syntax", "all_of_it", "limit 20"),
        ("select v + 3 from p", "money-and-number", "3", "yuan(3)"),
        ("select sum(code) from p", "type-mismatch", "sum(code)", ""),
        ("select id from p where code = 3", "type-mismatch", "", ""),
        ("delete from p", "sql-syntax", "", "select"),
        ("select id from p where", "sql-syntax", "", "group by"),
        ("select id from p, lateral (select 1) as t", "sql-unsupported", "", ""),
        ("select id from p where v ＞ 3", "sql-syntax", "", "`>`"),
        ("select id from p as a join p as a on a.id = a.id", "name-clash", "", "another name"),
        ("select grouping from p group by rollup(code)", "sql-unsupported", "", "union all"),
    ] {
        let (found, part, told) = problem(sql);
        if found != code || !(marked.is_empty() || part == marked) || !told.contains(help) {
            wrong.push(format!("{sql}: {found}, marked `{part}`, help `{told}`"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_problems_are_told_at_once() {
    assert_eq!(asked("select idd, codd from p").expect_err("two").0.len(), 2);
}

#[test]
fn columns_are_loaded_only_when_read() {
    let query = asked("select p.payee.k, sum(v) from p where code = 'X' group by p.payee.k").expect("typed");
    let read: Vec<String> = query.needs.columns.iter().flat_map(|(t, columns)| columns.iter().map(move |c| format!("{t}.{c}"))).collect();
    assert_eq!(read, ["m.k", "m.who", "p.code", "p.v", "p.who"]);
    // `*` leaves out what needs an authority.
    let all: Vec<String> = asked("select * from m").expect("typed").columns.into_iter().map(|c| c.name).collect();
    assert_eq!(all, ["who", "name", "k"]);
}

#[test]
fn simple_tests_are_pushed_where_no_other_row_is_looked_at() {
    let tests = |sql: &str| asked(sql).expect(sql).tests;
    let test = |column: &str, op, values: &[Value]| ColumnTest { table: "p".into(), column: column.into(), op, values: values.to_vec() };
    let code = |text: &str| Value::Text(text.into(), TextKind::Code);
    let found = tests("select v from p where id >= 3 and 10 > id and code in ('A', 'B') and v <> yuan(1) and d = date '2019-01-02'");
    let day = crate::schema::dates::parse("2019-01-02").expect("a day").0;
    assert_eq!(
        found,
        [
            test("id", BinaryOp::GreaterEqual, &[Value::Int(3)]),
            test("id", BinaryOp::Less, &[Value::Int(10)]),
            test("code", BinaryOp::Equal, &[code("A"), code("B")]),
            test("d", BinaryOp::Equal, &[Value::Date(day)]),
        ]
    );
    // Both sides of a join are cut; the inner side of an outer join only by its own `on`.
    assert_eq!(tests("select v from p left join m on m.who = p.who and m.k = 1 where p.id = 3 and m.k > 0").len(), 2);
    // Read twice, or reached by a link: other rows matter.
    assert_eq!(tests("select a.v from p a join p b on a.id = b.id where a.id = 3"), []);
    assert_eq!(tests("select p.payee.k from p join m on m.who = p.who where m.k = 1 and p.id = 1"), []);
}

#[test]
fn texts_made_from_personal_data_are_personal() {
    let personal = |sql: &str| asked(sql).expect(sql).columns.iter().map(|c| c.personal).collect::<Vec<bool>>();
    assert_eq!(personal("select who, name, k from m"), [false, false, false]);
    assert_eq!(
        personal("select id_text(who), substring(name, 1, 1), concat(name, 'x'), id_sex(who), length(name) from m"),
        [true, true, true, false, false]
    );
    assert_eq!(
        personal("select case when k > 1 then id_text(who) else 'x' end, case when name = 'x' then 'a' else 'b' end from m"),
        [true, false]
    );
    assert_eq!(
        personal("with t as (select id_text(who) as w, k from m) select upper(w) as u, max(w) as x, k from t group by w, k"),
        [true, true, false]
    );
    assert_eq!(personal("select id_text(who) as w from m union all select code from p"), [true]);
    assert_eq!(personal("select lag(id_text(who)) over (order by k) as w from m"), [true]);
}
