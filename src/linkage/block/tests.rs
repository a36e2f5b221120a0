use super::*;
use crate::linkage::spec::{Field, KeyPart, Limits, Part};
use proptest::prelude::*;

fn records(spec: &Spec, rows: &[Vec<String>]) -> Records {
    let mut builder = Records::builder(spec, rows.len()).expect("a sound spec");
    for f in 0..spec.fields.len() {
        builder.column(f, |row| Some(rows[row][f].as_str().into()));
    }
    builder.finish()
}

fn code_spec(limit: u32) -> Spec {
    let mut spec = Spec::new(vec![Field::new("a", Kind::Code), Field::new("b", Kind::Code), Field::new("c", Kind::Code)]);
    let key = |field: &str| KeyPart { field: field.into(), part: Part::Whole };
    spec.blocking =
        vec![Blocking { on: vec![key("a")], then: vec![key("b"), key("c")] }, Blocking { on: vec![key("b"), key("c")], then: vec![] }];
    spec.limits = Limits { small_block: limit, pairs_per_record: 0, ..Limits::default() };
    spec
}

proptest! {
    #[test]
    fn a_rule_meets_exactly_the_pairs_that_agree(rows in proptest::collection::vec(proptest::collection::vec("[a-c]?", 3), 2..40)) {
        let spec = code_spec(1000);
        let records = records(&spec, &rows);
        let keys = Keys::build(&spec, &records, &Comparer::new(&spec, &records), None);
        for a in 0..rows.len() {
            for b in 0..rows.len() {
                let (x, y) = (records.record_of(a as u32).unwrap(), records.record_of(b as u32).unwrap());
                let same = |f: usize| rows[a][f] == rows[b][f] && !rows[a][f].is_empty();
                let wanted = u16::from(same(0)) | u16::from(same(1) && same(2)) << 1;
                prop_assert_eq!(keys.mask(x, y) & 3, wanted);
            }
        }
        let runs: u64 = keys.blocks[0].iter().map(|r| (r.len() * (r.len() - 1) / 2) as u64).sum();
        prop_assert_eq!(runs, keys.reports[0].pairs);
    }

    #[test]
    fn sorted_by_key_then_record(column in proptest::collection::vec(prop_oneof![Just(0u32), 1u32..50, any::<u32>()], 0..9000)) {
        let mut wanted: Vec<u64> =
            column.iter().enumerate().filter(|(_, k)| **k != 0).map(|(i, k)| u64::from(*k) << 32 | i as u64).collect();
        wanted.sort_unstable();
        let mut sorter = Sorter::default();
        prop_assert_eq!(sorter.by_key(&column), &wanted);
        // Again, in memory that has been used.
        let few = &column[..column.len() / 2];
        wanted.retain(|word| ((word & 0xffff_ffff) as usize) < few.len());
        prop_assert_eq!(sorter.by_key(few), &wanted);
        let blocks: Vec<u32> = wanted.chunk_by(|x, y| x >> 32 == y >> 32).filter(|run| run.len() > 1).flatten().map(|word| *word as u32).collect();
        prop_assert_eq!(Blocks::of(&wanted).iter().collect::<Vec<_>>().concat(), blocks);
        let mut sizes: Vec<u32> = wanted.chunk_by(|x, y| x >> 32 == y >> 32).map(|run| run.len() as u32).collect();
        sizes.sort_unstable();
        let counted: Vec<(u32, u64)> = sizes.chunk_by(|x, y| x == y).map(|run| (run[0], run.len() as u64)).collect();
        prop_assert_eq!(sort::sizes(&wanted), counted);
    }
}

#[test]
fn an_oversize_block_is_split_not_dropped() {
    let mut rows: Vec<Vec<String>> = (0..3000).map(|i| vec!["agent".to_string(), format!("n{}", i / 3), "x".into()]).collect();
    rows.push(vec!["agent".into(), String::new(), "x".into()]);
    let mut spec = code_spec(40);
    spec.blocking.truncate(1);
    let records = records(&spec, &rows);
    let keys = Keys::build(&spec, &records, &Comparer::new(&spec, &records), None);
    let report = &keys.reports[0];
    assert_eq!((report.blocks, report.largest_block, report.blocks_refined, report.records_refused), (1, 3001, 1, 1));
    assert_eq!(report.pairs, 3000, "three records on each of 1,000 names");
    assert!(keys.messages.iter().any(|m| m.contains("left to other rules")), "{:?}", keys.messages);
    // The same split from the frozen list.
    let again = Keys::build(&spec, &records, &Comparer::new(&spec, &records), Some(&keys.models));
    let columns = |k: &Keys| (0..records.len()).map(|r| k.key(r, 0)).collect::<Vec<u32>>();
    assert_eq!((columns(&again), again.models), (columns(&keys), keys.models));
}

#[test]
fn ids_meet_in_halves() {
    let spec = Spec::new(vec![Field::new("id", Kind::CitizenId)]);
    let ids = ["34052419800101001X", "35052419800101001X", "34052419800101002X", "34052419801101001X", "3405241980110100"];
    let rows: Vec<Vec<String>> = ids.iter().map(|id| vec![id.to_string()]).collect();
    let records = records(&spec, &rows);
    let keys = Keys::build(&spec, &records, &Comparer::new(&spec, &records), None);
    let at = |row: u32| records.record_of(row).unwrap();
    for other in 1..4 {
        assert_ne!(keys.mask(at(0), at(other)) & 15, 0, "a wrong digit, wherever it stands, leaves a rule that meets: {other}");
    }
    assert_eq!(keys.mask(at(1), at(4)) & 15, 0);
}
