use super::*;

#[test]
fn the_sample_project_builds() {
    let bench = Bench::new();
    let (_, payments) = bench.catalog.table("payments").expect("payments");
    assert!(payments.region.is_some() && payments.date.is_some());
    let (_, exits) = bench.catalog.table("exits").expect("exits");
    assert!(matches!(bench.graph.get_rel(exits.rel), Rel::Rows { filter: Some(_), .. }));
    assert!(exits.columns.iter().all(|c| c.is.is_some()));
    let payee = bench.catalog.links.iter().find(|l| l.name == "payee").expect("payee");
    assert!(payee.at.is_some() && matches!(payee.valid, Some((Some(_), Some(_)))));
}
