//! Each form of check against a small catalog: the nodes it makes, the names it gives, the messages it has.

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::*;
use crate::diagnostic::render::{RenderOptions, full};
use crate::diagnostic::{SourceText, yaml};
use crate::plan::{self, AggregateFunction, BinaryOp, Catalog, Expr, Graph, Hop, Rel, RowSet, Want};
use crate::project;
use crate::schema::{Type, Value};

mod statistical;

const PROJECT: &str = "
recount: 1
time_zone: Asia/Shanghai
tables:
  households:
    from: households.csv
    key: [household_id]
    region: region_code
    columns:
      household_id: {type: text}
      region_code: {type: region}
      phone: {type: phone}
  members:
    from: members.csv
    key: [person_id]
    date: joined_at
    region: household.region_code
    columns:
      person_id: {type: text}
      household_id: {type: text}
      id_no: {type: citizen_id}
      joined_at: {type: date}
      left_at: {type: date}
  payments:
    from: payments.csv
    key: [payment_id]
    region: household.region_code
    date: paid_on
    columns:
      payment_id: {type: text}
      household_id: {type: text}
      payee_id_no: {type: citizen_id}
      account_no: {type: account}
      amount: {type: money, unit: yuan}
      status: {type: code, values: [ok, returned]}
      paid_on: {type: date}
      year: {type: int, is: year(paid_on)}
  totals:
    from: totals.csv
    key: [household_id, year]
    columns:
      household_id: {type: text}
      year: {type: int}
      amount: {type: money, unit: yuan}
      lines: {type: int}
      closed_on: {type: date}
  deaths:
    from: deaths.csv
    key: [death_no]
    covers: {from: 2015-01-01, to: 2020-12-31, regions: [\"52\"]}
    columns:
      death_no: {type: text}
      id_no: {type: citizen_id}
      name: {type: person_name}
      died_on: {type: date}
  prisons:
    from: prisons.csv
    key: [entry_no]
    columns:
      entry_no: {type: text}
      id_no: {type: citizen_id}
      starts_on: {type: date}
links:
  members.household: {to: households, keys: household_id, back: members}
  payments.household: {to: households, keys: household_id, back: payments}
";

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wrapped {
    check: CheckSpec,
}

struct Planned {
    graph: Graph,
    catalog: Catalog,
    plan: Result<CheckPlan, Diagnostics>,
}

impl Planned {
    fn of(&self) -> &CheckPlan {
        match &self.plan {
            Ok(plan) => plan,
            Err(messages) => panic!("{messages}"),
        }
    }
    /// The messages, rendered with places.
    fn refused(&self) -> String {
        match &self.plan {
            Ok(_) => panic!("the check was accepted"),
            Err(messages) => full(messages, &RenderOptions::default()),
        }
    }
    fn flag(&self) -> ExprId {
        match self.of().flag {
            Flag::Row(flag) => flag,
            Flag::Pairs(_) => panic!("pairs"),
        }
    }
    fn pairs(&self) -> &[Register] {
        match &self.of().flag {
            Flag::Pairs(registers) => registers,
            Flag::Row(_) => panic!("a flag of rows"),
        }
    }
    fn figure(&self, name: &str) -> ExprId {
        self.of().figures.iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("no figure {name}: {:?}", self.of().figures)).1
    }
    fn name(&self, name: &str) -> ExprId {
        self.of().scope.names.iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("no name {name}")).1
    }
    /// `text` in the scope that the check gives to the rule around it.
    fn say(&mut self, text: &str) -> ExprId {
        let scope = self.of().scope.clone();
        let text = Spanned::without_place(text.to_owned());
        match plan::parse(&text, &scope, &self.catalog, &mut self.graph, Want::Any) {
            Ok(expr) => expr,
            Err(messages) => panic!("{messages}"),
        }
    }
    fn table(&self, name: &str) -> RelId {
        self.catalog.table(name).unwrap().1.rel
    }
    fn reasons(&self) -> Vec<Reason> {
        self.of().preconditions.iter().map(|p| p.reason).collect()
    }
}

fn planned(check: &str, group: bool) -> Planned {
    let source = |name: &str, text: &str| Arc::new(SourceText { name: name.into(), text: text.into() });
    let project = project::read_text(source("recount.yaml", PROJECT), Path::new(".")).unwrap_or_else(|e| panic!("{e}"));
    let mut graph = Graph::default();
    let catalog = Catalog::build(&project, 18_627, &mut graph).unwrap_or_else(|e| panic!("{e}"));
    let spec: Wrapped = yaml::read(&source("rule.yaml", check)).unwrap_or_else(|e| panic!("{e}"));
    let mut planner = Planner::new(&catalog, &mut graph).reporting_groups(group);
    let plan = spec.check.plan(&mut planner);
    Planned { graph, catalog, plan }
}

fn plan_of(check: &str) -> Planned {
    planned(check, false)
}

/// Nodes under `root`, the root first.
fn nodes(graph: &Graph, root: ExprId) -> Vec<Expr> {
    let mut all = vec![];
    let mut todo = vec![root];
    while let Some(id) = todo.pop() {
        let expr = graph.get(id).clone();
        todo.extend(expr.args());
        if let Expr::Aggregate { arg, filter, .. } = &expr {
            todo.extend(arg.iter().chain(filter));
        }
        all.push(expr);
    }
    all
}

fn aggregates(graph: &Graph, root: ExprId) -> Vec<(AggregateFunction, bool)> {
    nodes(graph, root)
        .into_iter()
        .filter_map(|e| match e {
            Expr::Aggregate { function, distinct, .. } => Some((function, distinct)),
            _ => None,
        })
        .collect()
}

#[test]
fn every_form_is_described() {
    let names: Vec<&str> = KINDS.iter().map(|k| k.name).collect();
    assert_eq!(names[..8], ["row", "duplicate", "change", "match", "missing", "reconcile", "order", "concentration"]);
    let schema = schemars::schema_for!(CheckSpec).to_value();
    let alternatives = schema["oneOf"].as_array().unwrap();
    let declared: Vec<&str> = alternatives.iter().map(|a| a["required"][0].as_str().unwrap()).collect();
    assert_eq!(names, declared, "the name of a form is the key it is written under");
    for kind in KINDS {
        assert!(kind.doc.starts_with(&format!("# `{}`", kind.name)), "{}: page", kind.name);
        assert!(kind.doc.contains("```yaml rule"), "{}: worked example", kind.name);
        let parameters = (kind.parameters)().to_value();
        for (name, parameter) in parameters["properties"].as_object().unwrap() {
            assert!(parameter["description"].is_string(), "{}: `{name}` has no description", kind.name);
            assert!(kind.doc.contains(&format!("`{name}`")), "{}: `{name}` is not on the page", kind.name);
        }
    }
}

#[test]
fn the_pages_examples_are_checks() {
    for kind in KINDS {
        for example in kind.doc.split("```yaml rule\n").skip(1) {
            let text = example.split("```").next().unwrap();
            let start = text.find("check:").unwrap();
            let end = text[start..].find("\nsubject:").or_else(|| text[start..].find("\nmeasure:")).unwrap();
            let check = &text[start..start + end];
            let check = check.split("\nmeasure:").next().unwrap();
            let source = Arc::new(SourceText { name: kind.name.into(), text: check.into() });
            let read: Wrapped = yaml::read(&source).unwrap_or_else(|e| panic!("{}: {e}", kind.name));
            assert_eq!(read.check.kind(), kind.name);
        }
    }
}

#[test]
fn row_takes_its_condition() {
    let p = plan_of("check: {row: {table: payments, among: status = 'ok', let: {twice: amount * 2}, where: twice > yuan(10)}}");
    let plan = p.of();
    assert_eq!((plan.kind, plan.unit.as_str(), plan.rel), (UnitKind::Record, "record of payments", p.table("payments")));
    assert_eq!(plan.population.len(), 1);
    assert_eq!(p.graph.type_of(p.flag()), Type::Bool);
    assert_eq!(p.graph.type_of(p.figure("twice")), Type::Money);
    assert!(plan.scope.at.is_some() && plan.scope.place.is_some());
}

#[test]
fn duplicate_counts_its_group() {
    let p = plan_of("check: {duplicate: {table: payments, among: status = 'ok', keys: [account_no, year]}}");
    let plan = p.of();
    assert_eq!(plan.kind, UnitKind::Record);
    assert_eq!(p.reasons(), [Reason::MissingValue]);
    let Expr::Binary { op: BinaryOp::Greater, left, .. } = p.graph.get(p.flag()) else { panic!() };
    let Expr::Aggregate { owner, set, function: AggregateFunction::Count, arg: None, .. } = p.graph.get(*left) else { panic!() };
    let RowSet::Members { groups, part: 0 } = p.graph.get_set(*set) else { panic!() };
    assert_eq!(owner.hops, [Hop::Group { groups: *groups, part: 0 }]);
    let Rel::Groups { parts } = p.graph.get_rel(*groups) else { panic!() };
    assert_eq!((parts.len(), parts[0].keys.len(), parts[0].among), (1, 2, Some(plan.population[0])));
    assert_eq!(plan.members[0].set, *set);
}

#[test]
fn duplicate_reports_groups_when_asked() {
    let mut p = planned("check: {duplicate: {table: payments, keys: account_no, different: payee_id_no}}", true);
    let plan = p.of();
    assert_eq!((plan.kind, plan.unit.as_str()), (UnitKind::Group, "group of the same account_no in payments"));
    assert!(matches!(p.graph.get_rel(plan.rel), Rel::Groups { .. }));
    assert_eq!(plan.identity.len(), 1);
    assert!(aggregates(&p.graph, p.flag()).contains(&(AggregateFunction::Count, true)));
    let sum = p.say("sum(payments.amount)");
    assert_eq!(p.graph.type_of(sum), Type::Money);
    let account = p.say("account_no");
    assert_eq!(account, p.of().identity[0]);
}

#[test]
fn duplicate_gives_the_rows_of_the_same_key() {
    let mut p = plan_of("check: {duplicate: {table: payments, keys: account_no, where: sum(same.amount) > yuan(100)}}");
    let sum = p.say("sum(same.amount)");
    assert_eq!(p.graph.type_of(sum), Type::Money);
    let own = p.say("payments.amount");
    assert!(matches!(p.graph.get(own), Expr::Column { row, .. } if row.slot == 0 && row.hops.is_empty()));
}

#[test]
fn duplicate_wants_to_know_what_differs() {
    let text = plan_of("check:\n  duplicate:\n    table: payments\n    keys: account_no\n    mode: different\n").refused();
    assert!(text.contains("`mode: different` needs `different`"), "{text}");
    assert!(text.contains("mode: different"), "{text}");
}

#[test]
fn match_looks_into_a_register() {
    let mut p = plan_of(
        "check: {match: {table: payments, with: deaths, keys: {payee_id_no: id_no}, let: {after: 'days(deaths.died_on, paid_on)'}, where: after > 30}}",
    );
    let [register] = p.pairs() else { panic!() };
    assert_eq!((register.name.as_str(), register.rungs[0].1.as_str(), register.keys.len()), ("deaths", "payee_id_no", 1));
    let RowSet::Matching { own, other } = p.graph.get_set(register.rungs[0].0) else { panic!() };
    assert_eq!((own.of, other.of), (p.table("payments"), p.table("deaths")));
    let covered = register.covered.unwrap();
    let literals: Vec<Value> =
        nodes(&p.graph, covered).into_iter().filter_map(|e| if let Expr::Literal(v) = e { Some(v) } else { None }).collect();
    assert!(literals.contains(&Value::Region(520_000_000_000)), "{literals:?}");
    assert!(literals.contains(&Value::Date(16_436)) && literals.contains(&Value::Date(18_627)), "{literals:?}");
    assert_eq!(p.graph.reads(register.flag), 0b11, "the flag reads both rows");
    let other = p.say("other.name");
    assert_eq!(other, p.say("deaths.name"));
}

#[test]
fn match_takes_ladders_and_several_registers() {
    let mut p = plan_of(
        "check: {match: {table: members, with: [deaths, prisons], keys: id_no, let: {who: other.id_no, since: 'days(joined_at, as_of())'}}}",
    );
    let registers = p.pairs();
    assert_eq!(registers.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["deaths", "prisons"]);
    assert!(registers[0].covered.is_some() && registers[1].covered.is_none());
    let register = p.say("register");
    assert!(matches!(p.graph.type_of(register), Type::Text(_)));
    assert_eq!(p.graph.reads(p.name("deaths.rows")), 1);
    assert_eq!(p.graph.reads(p.figure("since")), 1);
    let scope = p.of().scope.clone();
    let text = Spanned::without_place("other.id_no".to_owned());
    assert!(plan::parse(&text, &scope, &p.catalog, &mut p.graph, Want::Any).unwrap_err().to_string().contains("other"));

    let p = plan_of("check: {match: {table: members, with: deaths, keys: [{id_no: id_no}, {joined_at: died_on, person_id: name}]}}");
    assert_eq!(p.pairs()[0].rungs.iter().map(|r| r.1.as_str()).collect::<Vec<_>>(), ["id_no", "joined_at, person_id"]);
    assert_eq!(p.pairs()[0].keys.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
    let p = plan_of("check: {match: {table: payments, with: totals, keys: [household_id, year]}}");
    assert_eq!(p.pairs()[0].rungs.len(), 1, "a list of columns is one key");
}

#[test]
fn a_record_is_no_match_of_itself() {
    let p = plan_of("check: {match: {table: members, with: members, keys: id_no}}");
    let numbers = nodes(&p.graph, p.pairs()[0].flag).into_iter().filter(|e| matches!(e, Expr::RowNumber { .. })).count();
    assert_eq!(numbers, 2);
}

#[test]
fn missing_waits_until_due_and_covered() {
    let p = plan_of(
        "check: {missing: {table: payments, among: status = 'ok', in: deaths, keys: {payee_id_no: id_no}, due: paid_on + days(30), where: deaths.died_on > paid_on}}",
    );
    assert_eq!(p.reasons(), [Reason::MissingValue, Reason::NotDue, Reason::NotCovered]);
    let Expr::Unary { arg, .. } = p.graph.get(p.flag()) else { panic!() };
    assert!(matches!(p.graph.get(*arg), Expr::Aggregate { function: AggregateFunction::Any, filter: None, .. }));
    assert_eq!(p.of().members[0].role, "deaths");
    assert_eq!(p.graph.reads(p.name("candidates")), 1);
    let p = plan_of("check: {missing: {table: payments, in: deaths, keys: {payee_id_no: id_no}, complete: true}}");
    assert_eq!(p.reasons(), [Reason::MissingValue]);
    let p = plan_of("check: {missing: {table: payments, in: [deaths, prisons], keys: {payee_id_no: id_no}}}");
    assert_eq!(p.of().members.len(), 2);
    assert_eq!(p.reasons(), [Reason::MissingValue, Reason::NotCovered], "only one of the two says what it covers");
}

#[test]
fn change_reads_the_period_before() {
    let mut p = plan_of("check: {change: {table: totals, key: household_id, period: year, measure: amount, where: now > 3 * before}}");
    let plan = p.of();
    assert_eq!((plan.kind, plan.rel), (UnitKind::KeyPeriod, p.table("totals")));
    assert!(matches!(p.graph.get(*plan.population.last().unwrap()), Expr::Has { row } if matches!(row.hops[..], [Hop::Neighbour(_)])));
    let before = p.figure("before");
    let Expr::Column { row, .. } = p.graph.get(before) else { panic!() };
    let [Hop::Neighbour(neighbour)] = row.hops[..] else { panic!() };
    assert_eq!(p.graph.get_neighbour(neighbour).exactly, Some(1));
    assert_eq!(p.graph.type_of(p.figure("ratio")), Type::Decimal(6));
    assert_eq!(p.graph.type_of(p.figure("difference")), Type::Money);
    assert!(plan.figures.iter().all(|(name, _)| !name.starts_with("peer.")));
    let scope = p.of().scope.clone();
    let text = Spanned::without_place("peer.p99".to_owned());
    let message = plan::parse(&text, &scope, &p.catalog, &mut p.graph, Want::Any).unwrap_err();
    assert!(full(&message, &RenderOptions::default()).contains("peer"));
}

#[test]
fn change_compares_with_peers() {
    let p = plan_of(
        "check: {change: {table: totals, key: household_id, period: year, measure: amount, peers: [lines, closed_on], min_peers: 5, where: ratio > peer.p99}}",
    );
    assert_eq!(p.graph.type_of(p.name("peer.p99")), Type::Decimal(6));
    let Expr::Case { whens, otherwise: None } = p.graph.get(p.name("peer.p99")) else { panic!() };
    assert_eq!(whens.len(), 2, "one per peer group");
    for (_, value) in whens {
        let Expr::Aggregate { owner, function: AggregateFunction::Quantile(990), set, .. } = p.graph.get(*value) else { panic!() };
        assert!(matches!(owner.hops[..], [Hop::Group { .. }]));
        let Some(Rel::Groups { parts }) = (match p.graph.get_set(*set) {
            RowSet::Members { groups, .. } => Some(p.graph.get_rel(*groups)),
            _ => None,
        }) else {
            panic!()
        };
        assert_eq!(parts[0].keys.len(), 2, "the peers' key and the period");
    }
    let shown: Vec<&str> = p.of().figures.iter().map(|(n, _)| n.as_str()).filter(|n| n.starts_with("peer.")).collect();
    assert_eq!(shown, ["peer.p99", "peer.n"]);
}

#[test]
fn change_adds_up_per_period() {
    let mut p =
        plan_of("check: {change: {table: payments, key: household_id, period: month_of(paid_on), total: amount, where: now < before}}");
    let plan = p.of();
    let Rel::Groups { parts } = p.graph.get_rel(plan.rel) else { panic!() };
    assert_eq!((parts[0].keys.len(), plan.identity.len(), plan.members.len()), (2, 2, 2));
    assert_eq!(p.graph.type_of(plan.period.unwrap()), Type::Month);
    let household = p.say("household_id");
    assert_eq!(household, p.of().identity[0]);
    assert!(aggregates(&p.graph, p.figure("before")).contains(&(AggregateFunction::Sum, false)));
    let text = plan_of(
        "check: {change: {table: payments, key: household_id, period: account_no, measure: amount, total: amount, where: now > before}}",
    )
    .refused();
    assert!(text.contains("`measure` and `total` exclude each other"), "{text}");
}

#[test]
fn reconcile_joins_both_sides() {
    let mut p = plan_of(
        "check:
  reconcile:
    per: [household_id, year]
    left: {stated: {table: totals, sum: amount}}
    right: {paid: {table: payments, among: status = 'ok', sum: amount}}
    tolerance: yuan(1)
",
    );
    let plan = p.of();
    assert_eq!(plan.unit, "totals of the same household_id, year over totals and payments");
    let Rel::Groups { parts } = p.graph.get_rel(plan.rel) else { panic!() };
    assert_eq!(parts.iter().map(|part| part.of).collect::<Vec<_>>(), [p.table("totals"), p.table("payments")]);
    assert!(plan.population.is_empty(), "the union of the keys");
    assert_eq!(plan.amount, plan.measure);
    assert_eq!(p.graph.type_of(plan.amount.unwrap()), Type::Money);
    assert_eq!(plan.figures.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>(), ["stated", "paid", "left", "right", "difference"]);
    assert_eq!(plan.members.iter().map(|m| m.role.as_str()).collect::<Vec<_>>(), ["stated", "paid"]);
    let first = p.say("min(payments.paid_on)");
    assert_eq!(first, p.say("min(paid.paid_on)"));
    assert_eq!(p.say("year"), p.of().identity[1]);
}

#[test]
fn reconcile_refuses_what_cannot_agree() {
    let text = plan_of(
        "check:
  reconcile:
    per: household_id
    left: {stated: {table: totals, sum: lines}}
    right: {paid: {table: payments, sum: amount}}
",
    )
    .refused();
    assert!(text.contains("reconcile-types"), "{text}");
    let text = plan_of(
        "check:
  reconcile:
    per: {who: household_id}
    left: {stated: {table: totals}}
    right: {dead: {table: deaths, keys: {who: id_no}}, other: {table: prisons, keys: {whom: id_no, who: entry_no}}}
",
    )
    .refused();
    assert!(text.contains("key-types") || text.contains("unknown-key-name"), "{text}");
    assert!(text.contains("`whom` is not a name of `per`"), "{text}");
}

#[test]
fn order_judges_each_step() {
    let mut p = plan_of(
        "check:
  order:
    table: totals
    date: closed_on
    per: household_id
    steps:
      joined: {in: members}
      paid: {in: payments, where: payments.status = 'ok', at_least: 1, at_most: 30, required: false}
",
    );
    let plan = p.of();
    assert_eq!(plan.kind, UnitKind::Anchor);
    assert_eq!(plan.members.iter().map(|m| m.role.as_str()).collect::<Vec<_>>(), ["joined", "paid"]);
    assert_eq!(p.graph.type_of(p.figure("paid")), Type::Date);
    assert_eq!(p.graph.type_of(p.name("too_late")), Type::Bool);
    for text in ["paid.days", "anchor.days"] {
        let days = p.say(text);
        assert_eq!(p.graph.type_of(days), Type::Int, "{text}");
    }
    let text = plan_of("check: {order: {table: totals, steps: {paid: {in: payments, keys: household_id}}}}").refused();
    assert!(text.contains("nothing says on which day a record of `totals` stands"), "{text}");
}

#[test]
fn order_waits_for_steps_to_come() {
    let p = plan_of(
        "check: {order: {table: payments, anchor: first, per: household_id, steps: {closed: {in: totals, date: closed_on, at_most: 30}}}}",
    );
    assert_eq!(p.reasons(), [Reason::MissingValue, Reason::NotDue]);
}

#[test]
fn order_finds_overlaps_and_gaps() {
    let mut p = plan_of("check: {order: {table: members, per: id_no, overlap: {first: joined_at, last: left_at}}}");
    assert_eq!(p.graph.type_of(p.figure("shared")), Type::Int);
    let RowSet::Matching { own, other } = p.graph.get_set(p.pairs()[0].rungs[0].0) else { panic!() };
    assert_eq!(own, other);
    let other = p.say("other.household_id");
    assert_eq!(p.graph.reads(other), 0b10);
    let p = plan_of("check: {order: {table: members, per: id_no, gap: {first: joined_at, last: left_at, allowed: 30}}}");
    assert_eq!(p.of().population.len(), 1);
    assert_eq!(p.graph.reads(p.figure("idle")), 1);
    let text = plan_of("check: {order: {table: members, per: id_no}}").refused();
    assert!(text.contains("`order` takes one of `steps`, `overlap`, `gap`"), "{text}");
}

#[test]
fn concentration_counts_who_shares() {
    let p = plan_of("check: {concentration: {table: payments, by: account_no, count: household_id, min: 3}}");
    let Expr::Binary { op: BinaryOp::GreaterEqual, left, .. } = p.graph.get(p.flag()) else { panic!() };
    assert!(matches!(p.graph.get(*left), Expr::Aggregate { distinct: true, function: AggregateFunction::Count, .. }));
    assert_eq!(p.of().measure, Some(*left));
    let p = plan_of(
        "check: {concentration: {table: payments, by: {year: year, account: account_no}, share: {of: year, value: amount, min: 0.5}}}",
    );
    assert_eq!(p.graph.type_of(p.figure("share")), Type::Decimal(6));
    let Expr::Aggregate { set, .. } = p.graph.get(p.figure("area_total")) else { panic!() };
    let RowSet::Matching { own, .. } = p.graph.get_set(*set) else { panic!() };
    assert_eq!((own.of, own.keys.len()), (p.of().rel, 1));
    let text = plan_of("check: {concentration: {table: payments, by: account_no}}").refused();
    assert!(text.contains("nothing says from when on a key is flagged"), "{text}");
    let text = plan_of("check: {concentration: {table: payments, by: [acount_no, year], share: {of: yeer, min: 0.5}}}").refused();
    assert!(text.contains("account_no"), "{text}");
}

#[test]
fn everything_wrong_is_said_at_once() {
    let text = plan_of(
        "check:
  match:
    table: payment
    with: [deaths, prison]
    keys: {payee_id_no: id_no}
",
    )
    .refused();
    assert!(text.contains("there is no table or view `payment`") && text.contains("there is no table or view `prison`"), "{text}");
    assert!(text.contains("a similar name exists: `payments`"), "{text}");
    assert!(text.contains("rule.yaml:3:12"), "{text}");
    let text = plan_of(
        "check:
  match:
    table: payments
    among: statuss = 'ok'
    with: deaths
    keys: {account_no: id_no, payee_id: id_no}
",
    )
    .refused();
    assert!(
        text.contains("statuss")
            && text.contains("`account_no` and `id_no` cannot be compared: text and a citizen id")
            && text.contains("payee_id"),
        "{text}"
    );
}

#[test]
fn names_cannot_be_given_twice() {
    let text = plan_of("check: {duplicate: {table: payments, keys: account_no, let: {n: amount}}}").refused();
    assert!(text.contains("the name `n` has a meaning already"), "{text}");
}

#[test]
fn query_is_one_select() {
    let mut p =
        plan_of("check:\n  query:\n    sql: select payment_id, amount as paid, paid > yuan(5) as flag from payments where status = 'ok'\n");
    assert_eq!((p.of().kind, p.of().population.len()), (UnitKind::Record, 1));
    assert_eq!(p.of().figures.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>(), ["payment_id", "paid"]);
    let paid = p.say("paid");
    assert_eq!(paid, p.say("payments.amount"));
    let mut p = plan_of(
        "check:\n  query:\n    sql: |\n      select account_no, year(paid_on) as y, count(distinct payments.household_id) as n, n > 2 as flag\n      from payments\n      group by account_no, year(paid_on)\n      having count(*) > 1\n",
    );
    assert_eq!((p.of().kind, p.of().identity.len(), p.of().population.len()), (UnitKind::Group, 2, 1));
    assert_eq!(p.say("y"), p.of().identity[1]);
}

#[test]
fn query_says_what_it_cannot_read() {
    let refused = |sql: &str| plan_of(&format!("check:\n  query:\n    sql: {sql}\n")).refused();
    let text = refused("select amount > yuan(1) as flag from payments join deaths");
    assert!(text.contains("`join` is not part of a `query` check") && text.contains("follow a declared link"), "{text}");
    assert!(refused("select amount from payments").contains("no column is named `flag`"));
    assert!(refused("select amount * 2, true as flag from payments").contains("`amount * 2` has no name"));
    assert!(refused("select true as flag from payments, deaths").contains("`from` takes one table or view"));
    assert!(refused("select true as flag").contains("`from` is missing"));
    assert!(refused("amount from payments").contains("a query begins with `select`"));
    let text = refused("select amoun > yuan(1) as flag from payments");
    assert!(text.contains("amoun") && text.contains("rule.yaml:3:17"), "{text}");
    let text = refused("select true as flag from payment");
    assert!(text.contains("there is no table or view `payment`") && text.contains("rule.yaml:3:35"), "{text}");
}
