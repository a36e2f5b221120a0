use super::*;
use crate::schema::Value;

fn project(text: &str) -> Project {
    let source = Arc::new(SourceText { name: "recount.yaml".to_owned(), text: text.to_owned() });
    crate::project::read_text(source, Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap_or_else(|e| panic!("{e}"))
}

fn built(text: &str) -> Result<Bench, Diagnostics> {
    let mut graph = Graph::default();
    let catalog = Catalog::build(&project(text), AS_OF, &mut graph)?;
    Ok(Bench { catalog, graph })
}

#[test]
fn the_sample_project_builds() {
    let bench = Bench::new();
    let (_, payments) = bench.catalog.table("payments").expect("payments");
    assert!(payments.region.is_some() && payments.date.is_some());
    let (_, exits) = bench.catalog.table("exits").expect("exits");
    assert!(matches!(bench.graph.get_rel(exits.rel), Rel::Rows { filter: Some(_), .. }));
    assert!(exits.columns.iter().all(|c| c.is.is_some()));
    assert_eq!(exits.key, [exits.position("event_id").expect("event_id")]);
    assert!(exits.date.is_some() && exits.covers.is_some(), "a view has place, date and coverage of its base");
    let payee = bench.catalog.links.iter().find(|l| l.name == "payee").expect("payee");
    assert!(payee.at.is_some() && matches!(payee.valid, Some((Some(_), Some(_)))));
}

const POSTINGS: &str = "recount: 1
time_zone: Asia/Shanghai
tables:
  postings:
    from: postings.csv
    key: [posting_id]
    date: starts_on
    columns:
      posting_id: {type: text}
      cadre: {type: citizen_id}
      starts_on: {type: date}
      ends_on: {type: date}
      last_day: {type: date, is: \"coalesce(ends_on, as_of())\"}
      stay: {type: int, is: \"days(starts_on, last_day)\"}
      seen: {type: int, is: count(visits)}
  visits:
    from: visits.csv
    columns:
      cadre: {type: citizen_id}
      day: {type: date}
      place: {type: code, values: [home, office]}
links:
  visits.posting: {to: postings, keys: cadre, back: visits}
views:
  post_months:
    from: postings
    each: {m: \"months(starts_on, last_day)\"}
    columns:
      posting_id: posting_id
      present: \"count(distinct visits.day) filter (where in_period(visits.day, m))\"
  busy:
    from: post_months
    where: present > 3
  long:
    from: postings
    where: stay > 365
";

#[test]
fn views_build_on_each_other() {
    let mut bench = built(POSTINGS).unwrap_or_else(|e| panic!("{e}"));
    let (_, months) = bench.catalog.table("post_months").expect("post_months");
    assert_eq!(months.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["m", "posting_id", "present"]);
    assert_eq!(months.columns[0].ty, Type::Month);
    assert_eq!(months.key, [1, 0], "the base's key and the period");
    let present = months.columns[2].is.expect("an expression");
    // The period belongs to the view's row, the visits to the row it was taken from.
    let Expr::Aggregate { owner, inner, .. } = bench.graph.get(present).clone() else { panic!("an aggregate") };
    assert_eq!((owner, inner), (RowRef::slot(0).then(Hop::Base), 1));
    assert_eq!(bench.graph.reads(present), 1);
    let (_, busy) = bench.catalog.table("busy").expect("busy");
    assert_eq!(busy.columns.len(), 3, "a view without columns has those of its base");
    let shown = bench.graph.show(&bench.catalog, &[busy.rel], busy.columns[0].is.expect("an expression"));
    assert_eq!(shown, "posting_id");
    // One month before, of the same posting.
    let prior = bench.id("busy", "present - prior(present)");
    let Expr::Binary { right, .. } = bench.graph.get(prior) else { panic!("a difference") };
    let Expr::Aggregate { owner, .. } = bench.graph.get(*right) else { panic!("an aggregate") };
    assert!(matches!(owner.hops.as_slice(), [Hop::Neighbour(_), Hop::Base, Hop::Base]), "{owner:?}");
    // Links and back links of the base are those of the view.
    bench.id("long", "count(visits) filter (where visits.day > starts_on)");
    bench.id("long", "stay + seen");
}

#[test]
fn needs_are_what_is_read() {
    let mut bench = built(POSTINGS).unwrap_or_else(|e| panic!("{e}"));
    let root = bench.id("long", "exists(visits) filter (where visits.place = 'home')");
    let rel = bench.catalog.table("long").expect("long").1.rel;
    let needs = needs(&bench.catalog, &bench.graph, &[(vec![rel], root)], &[], &[]);
    let columns: Vec<String> =
        needs.columns.iter().map(|(t, c)| format!("{t}: {}", c.iter().cloned().collect::<Vec<_>>().join(" "))).collect();
    assert_eq!(columns, ["postings: cadre ends_on posting_id starts_on", "visits: cadre place"]);
    assert!(needs.domains.is_empty(), "ids need no dictionary");
}

#[test]
fn compared_texts_share_a_dictionary() {
    let mut bench = Bench::new();
    let root = bench.id("payments", "has(account) and payee.name = payee_name and coalesce(payee.person_id, 'x') <> 'y'");
    let rel = bench.catalog.table("payments").expect("payments").1.rel;
    let needs = needs(&bench.catalog, &bench.graph, &[(vec![rel], root)], &[], &[]);
    let domains: Vec<String> =
        needs.domains.iter().map(|d| d.iter().map(|(t, c)| format!("{t}.{c}")).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        domains,
        ["households.household_id payments.household_id", "members.name payments.payee_name", "payments.account_no accounts.account_no"]
    );
    let payments: Vec<&str> = needs.columns["payments"].iter().map(String::as_str).collect();
    assert_eq!(payments, ["account_no", "household_id", "paid_on", "payee_id_no", "payee_name", "payment_id"]);
    assert_eq!(needs.columns["households"].iter().collect::<Vec<_>>(), ["household_id", "region_code"]);
}

#[test]
fn everything_wrong_with_a_project_is_told_at_once() {
    let text = POSTINGS
        .replace("coalesce(ends_on, as_of())", "coalesce(ends_on, 3)")
        .replace("keys: cadre, back: visits", "keys: {day: posting_id}, at: visits.day, back: visits")
        .replace("stay > 365", "stya > 365");
    let errors = built(&text).err().map(|e| e.to_string()).unwrap_or_default();
    for wanted in [
        "[type-mismatch] the alternatives are of two types",
        "[unknown-column] table `postings` has no column `stya`",
        "[no-validity] `postings` does not say when its rows are valid",
        "[type-mismatch] link `posting` compares a date with text",
    ] {
        assert!(errors.contains(wanted), "{wanted} is not among\n{errors}");
    }
}

#[test]
fn circles_are_refused() {
    let text = POSTINGS.replace("coalesce(ends_on, as_of())", "ends_on + days(stay)");
    let errors = built(&text).err().unwrap_or_default();
    assert!(errors.0.iter().all(|d| d.code == "cycle") && errors.0.len() >= 2, "{errors}");
    assert!(errors.0[0].message.contains("`last_day`"), "{errors}");
}

#[test]
fn errors_point_into_the_yaml_scalar() {
    let text = "recount: 1
time_zone: Asia/Shanghai
tables:
  t:
    from: t.csv
    columns:
      a: {type: int}
      b: {type: bool, is: \"a > 'x'\"}
      c:
        type: bool
        is: >-
          a > 1
          and
          aa < 3
";
    let errors = built(text).err().unwrap_or_default();
    let places: Vec<&str> = errors
        .0
        .iter()
        .map(|d| match &d.labels[0].place {
            crate::diagnostic::Place::Text(span) => &text[span.range.clone()],
            _ => "",
        })
        .collect();
    assert_eq!(places, ["'x'", "aa"], "{errors}");
}

#[test]
fn arithmetic_is_written_out() {
    let mut bench = Bench::new();
    let rel = bench.catalog.table("incomes").expect("incomes").1.rel;
    for (expression, wanted) in [
        ("(wage + operating) / size * 1.5", "(wage + operating) / size × 1.5"),
        ("(wage - (operating - wage)) * size", "(wage - (operating - wage)) × size"),
        ("days(surveyed_at, date '2019-12-31') - 5", "date '2019-12-31' - surveyed_at - 5"),
        ("abs(wage - operating)", "|wage - operating|"),
    ] {
        let id = bench.id("incomes", expression);
        let parts = bench.graph.arithmetic(id).expect("computed");
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Value(id) => bench.graph.show(&bench.catalog, &[rel], *id),
        };
        assert_eq!(parts.iter().map(part).collect::<String>(), wanted);
    }
    let plain = bench.id("incomes", "wage");
    assert_eq!(bench.graph.arithmetic(plain), None);
    let folded = bench.id("incomes", "1 + 2 * 3");
    assert_eq!(bench.graph.get(folded), &Expr::Literal(Value::Int(7)));
}
