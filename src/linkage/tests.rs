//! The whole run on small tables: what must come out whatever the parameters.

use super::*;
use proptest::prelude::*;

pub(super) fn person_spec() -> Spec {
    Spec::new(vec![
        Field::new("id", Kind::CitizenId),
        Field::new("name", Kind::PersonName),
        Field::new("born", Kind::Date),
        Field::new("sex", Kind::Sex),
        Field::new("village", Kind::Region),
        Field::new("phone", Kind::Phone),
        Field::new("listing", Kind::Household),
    ])
}

pub(super) fn records_of(spec: &Spec, rows: &[Vec<String>]) -> Records {
    let mut builder = Records::builder(spec, rows.len()).expect("a sound spec");
    for f in 0..spec.fields.len() {
        builder.column(f, |row| Some(rows[row][f].as_str().into()));
    }
    if spec.across {
        builder.side(|row| u8::from(row % 2 == 1));
    }
    builder.finish()
}

fn valid_id(born: &str, sequence: u32) -> String {
    let body = format!("522301{}{sequence:03}", born.replace('-', ""));
    ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "X"]
        .iter()
        .map(|c| format!("{body}{c}"))
        .find(|id| crate::schema::citizen_id::parse(id).is_ok_and(crate::schema::citizen_id::is_valid))
        .expect("one check digit fits")
}

fn person(id: &str, name: &str, born: &str, sex: &str, village: &str, phone: &str, listing: &str) -> Vec<String> {
    [id, name, born, sex, village, phone, listing].map(String::from).to_vec()
}

/// A few hundred people, some of them twice with small errors.
pub(super) fn town(n: usize, seed: u64) -> Vec<Vec<String>> {
    let surnames: Vec<char> = "王李张刘陈杨黄赵吴周徐孙马朱胡".chars().collect();
    let given: Vec<char> = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉".chars().collect();
    let pick = |i: u64, n: usize| (normalise::mix(seed ^ i) % n as u64) as usize;
    let mut rows = Vec::new();
    for i in 0..n as u64 {
        let name = format!("{}{}{}", surnames[pick(i / 3, 15)], given[pick(i * 7 + 1, 25)], given[pick(i * 7 + 2, 25)]);
        let born = format!("{}-{:02}-{:02}", 1940 + pick(i * 7 + 3, 70), 1 + pick(i * 7 + 4, 12), 1 + pick(i * 7 + 5, 28));
        let id = valid_id(&born, pick(i * 7 + 6, 999) as u32);
        let village = format!("522301001{:03}", 1 + i / 3 % 12);
        let sex = if id.as_bytes()[16] % 2 == 1 { "男" } else { "女" };
        let phone = format!("138{:08}", normalise::mix(seed + i / 3) % 100_000_000);
        rows.push(person(&id, &name, &born, sex, &village, &phone, &format!("H{}", i / 3)));
        if pick(i + 77, 5) == 0 {
            let mut id = id.clone();
            if pick(i + 99, 2) == 0 {
                id.replace_range(8..9, if id.as_bytes()[8] == b'7' { "1" } else { "7" });
            }
            rows.push(person(&id, &name, &born, sex, &village, "", &format!("S{i}")));
        }
    }
    rows
}

fn find(linkage: &Linkage, a: u32, b: u32) -> f64 {
    linkage.pairs.iter().find(|p| (p.a, p.b) == (a, b)).map_or(0.0, Pair::probability)
}

#[test]
fn four_rows_are_enough_for_the_obvious() {
    let spec = person_spec();
    let village = "522301001005";
    let id = |born: &str, n: u32| valid_id(born, n);
    let mut typo = id("1980-02-03", 123);
    typo.replace_range(9..10, if typo.as_bytes()[9] == b'9' { "8" } else { "9" });
    let others = [
        person(&id("1955-11-20", 7), "赵秀兰", "1955-11-20", "女", "522301001009", "13900000001", "C"),
        person(&id("1971-07-09", 8), "周国平", "1971-07-09", "男", "522301002001", "13700000002", "D"),
    ];
    let case = |a: Vec<String>, b: Vec<String>| {
        let mut rows = vec![a, b];
        rows.extend(others.iter().cloned());
        let linkage = link(&records_of(&spec, &rows), &spec, &Run::default()).expect("linked");
        assert!(linkage.report.messages.iter().any(|m| m.contains("too few to sample")));
        find(&linkage, 0, 1)
    };
    let one = person(&id("1980-02-03", 123), "王小明", "1980-02-03", "男", village, "13812345678", "A");
    let typo = person(&typo, "王小明", "1980-02-03", "男", village, "", "B");
    assert!(case(one.clone(), typo) >= 0.95, "one digit of the id is off");
    let homophone = person("", "王晓明", "1980-02-03", "男", village, "13812345678", "B");
    assert!(case(one.clone(), homophone) >= 0.95, "written by ear, without an id");
    let exact = person(&id("1980-02-03", 123), "王小明", "1980-02-03", "男", "522301003001", "", "B");
    assert!(case(one.clone(), exact) >= 0.95, "the same id elsewhere");
    let sibling = person(&id("1983-06-17", 55), "王小刚", "1983-06-17", "男", village, "13812345678", "B");
    assert!(case(one.clone(), sibling) < 0.05, "a brother with the family's phone");
    let twin = person(&id("1980-02-03", 125), "王建国", "1980-02-03", "男", village, "13812345678", "B");
    assert!(case(one.clone(), twin) < 0.05, "a twin: ids in a row, same birth");
    let namesake = person(&id("1961-09-30", 31), "王小明", "1961-09-30", "男", village, "", "B");
    assert!(case(one, namesake) < 0.05, "a namesake of the village");
}

#[test]
fn weights_add_up_in_every_explanation() {
    let rows = town(400, 5);
    let spec = person_spec();
    let records = records_of(&spec, &rows);
    let linkage = link(&records, &spec, &Run::default()).expect("linked");
    assert!(linkage.clusters.len() > 50, "{} {:?}", linkage.clusters.len(), linkage.report);
    for pair in linkage.pairs.iter().take(300) {
        let e = explain(&records, &linkage, pair.b, pair.a).expect("both are there");
        assert_eq!(e.weight, pair.weight, "the explanation has the weight of the pair");
        assert_eq!(e.prior + e.rivals + e.fields.iter().map(|f| f.weight).sum::<i32>(), e.weight);
        let met: u16 = e.rules.iter().enumerate().map(|(r, rule)| u16::from(rule.met) << r).sum();
        assert_eq!(met, pair.mask, "the rules that met it are those of its mask");
        assert_eq!(e.band, pair.band);
    }
    // Two people who share nothing.
    let e = explain(&records, &linkage, 0, rows.len() as u32 - 1).expect("both are there");
    assert!(e.weight < 0 && e.band == Band::No && e.rules.iter().all(|r| r.met || !r.why.is_empty()));
    assert!(e.sentence().contains("prior") && e.in_counts().contains("different people"));
    assert_eq!(explain(&records, &linkage, 3, 3), None);
    assert_eq!(explain(&records, &linkage, 3, 100_000), None);
}

/// Results as text, rows replaced by `of`.
fn bytes(linkage: &Linkage, of: &[u32]) -> String {
    let mut pairs: Vec<(u32, u32, i32, u64, u16, Band)> = linkage
        .pairs
        .iter()
        .map(|p| {
            let (a, b) = (of[p.a as usize], of[p.b as usize]);
            (a.min(b), a.max(b), p.weight, p.pattern, p.mask, p.band)
        })
        .collect();
    pairs.sort_unstable_by_key(|p| (p.0, p.1));
    let mut clusters: Vec<Vec<u32>> = linkage
        .clusters
        .iter()
        .map(|c| {
            let mut rows: Vec<u32> = c.rows.iter().map(|r| of[*r as usize]).collect();
            rows.sort_unstable();
            rows
        })
        .collect();
    clusters.sort();
    format!("{}{pairs:?}{clusters:?}{:?}", linkage.model.to_json(), linkage.report)
}

#[test]
fn the_order_of_rows_and_the_number_of_threads_play_no_part() {
    let rows = town(700, 9);
    let spec = person_spec();
    let n = rows.len();
    let identity: Vec<u32> = (0..n as u32).collect();
    let run = |rows: &[Vec<String>], threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            let records = records_of(&spec, rows);
            let linkage = link(&records, &spec, &Run::default()).expect("linked");
            let more = format!("{:?}{:?}", households(&records, &linkage), shared_ids(&records, &linkage));
            (linkage, more)
        })
    };
    let (one, more_one) = run(&rows, 1);
    let (two, more_two) = run(&rows, 2);
    assert_eq!(bytes(&one, &identity), bytes(&two, &identity));
    assert_eq!((one, more_one), (two.clone(), more_two));
    let mut order = identity.clone();
    order.sort_by_key(|i| normalise::mix(u64::from(*i) + 3));
    let shuffled: Vec<Vec<String>> = order.iter().map(|i| rows[*i as usize].clone()).collect();
    assert_eq!(bytes(&two, &identity), bytes(&run(&shuffled, 2).0, &order));
}

#[test]
fn a_model_read_back_weighs_the_same() {
    let rows = town(500, 21);
    let spec = person_spec();
    let records = records_of(&spec, &rows);
    let first = link(&records, &spec, &Run::default()).expect("linked");
    let model = Model::from_json(&first.model.to_json()).expect("its own file");
    assert_eq!(model, first.model);
    assert_eq!(train(&records, &spec, &[]).expect("trained"), first.model);
    let again = link(&records, &spec, &Run { model: Some(&model), ..Run::default() }).expect("linked");
    assert_eq!(again, first);
    let newer = first.model.to_json().replacen("\"version\": 1", "\"version\": 9", 1);
    assert!(Model::from_json(&newer).is_err_and(|p| p.to_string().contains("train again")));
    assert!(Model::from_json("{}").is_err());
    let other = Spec::new(vec![Field::new("name", Kind::PersonName)]);
    let few = records_of(&other, &[vec!["王小明".into()]]);
    assert!(link(&few, &other, &Run { model: Some(&model), ..Run::default() }).is_err());
}

#[test]
fn judgements_override_and_carry_over() {
    let rows = town(400, 5);
    let spec = person_spec();
    let records = records_of(&spec, &rows);
    let free = link(&records, &spec, &Run::default()).expect("linked");
    let pair = *free.pairs.iter().find(|p| p.band == Band::Link).expect("a link");
    let other = (0..rows.len() as u32).find(|r| *r != pair.a && *r != pair.b).expect("somebody else");
    let say = |a, b, verdict| Judgement { a, b, verdict };
    let run = |judgements: &[Judgement]| link(&records, &spec, &Run { judgements, ..Run::default() }).expect("linked");
    let together = |l: &Linkage, a: u32, b: u32| l.clusters.iter().any(|c| c.rows.contains(&a) && c.rows.contains(&b));
    assert!(together(&free, pair.a, pair.b) && !together(&free, pair.a, other));
    let apart = run(&[say(pair.b, pair.a, Verdict::Different)]);
    assert!(!together(&apart, pair.a, pair.b));
    assert!(apart.pairs.iter().any(|p| (p.a, p.b, p.band) == (pair.a, pair.b, Band::No)));
    let joined = run(&[say(pair.a, other, Verdict::Same)]);
    assert!(together(&joined, pair.a, other) && together(&joined, pair.a, pair.b));
    // a = other, other differs from b: so a differs from b.
    let carried = run(&[say(pair.a, other, Verdict::Same), say(other, pair.b, Verdict::Different)]);
    assert!(together(&carried, pair.a, other) && !together(&carried, pair.a, pair.b));
    let unsure = run(&[say(pair.a, pair.b, Verdict::Unsure)]);
    assert!(unsure.pairs.iter().any(|p| (p.a, p.b, p.band) == (pair.a, pair.b, Band::Review)));
    let against = run(&[say(pair.a, other, Verdict::Same), say(other, pair.b, Verdict::Same), say(pair.a, pair.b, Verdict::Different)]);
    assert_eq!(against.contradictions.len(), 1);
    assert_eq!(against.contradictions[0].chain.len(), 3);
    assert!(!together(&against, pair.a, pair.b), "what was said of the pair itself holds");
    let wrong = [say(1, 1, Verdict::Same), say(0, 99_999, Verdict::Same)];
    assert_eq!(link(&records, &spec, &Run { judgements: &wrong, ..Run::default() }).expect_err("two problems").0.len(), 2);
}

#[test]
fn labels_teach_m() {
    let rows = town(600, 13);
    let spec = person_spec();
    let records = records_of(&spec, &rows);
    let free = link(&records, &spec, &Run::default()).expect("linked");
    let labels: Vec<Label> =
        free.clusters.iter().filter(|c| c.rows.len() == 2).map(|c| Label { a: c.rows[0], b: c.rows[1], same: true }).collect();
    let model = train(&records, &spec, &labels).expect("trained");
    assert!(model.messages.iter().any(|m| m.contains("labelled matches")));
    let exact = |m: &Model| m.fields[1].levels[0].m;
    assert!(exact(&model) > 0.97, "all labelled names agree: {}", exact(&model));
    let wrong = [Label { a: 0, b: 1_000_000, same: true }];
    assert!(train(&records, &spec, &wrong).is_err());
}

#[test]
fn bad_tables_are_bounded_and_say_so() {
    let spec = person_spec();
    let run = |rows: &[Vec<String>]| link(&records_of(&spec, rows), &spec, &Run::default()).expect("linked");
    assert_eq!(run(&[]).pairs.len(), 0);
    assert_eq!(run(&town(1, 1)[..1]).pairs.len(), 0);
    let empty = run(&vec![vec![String::new(); 7]; 50]);
    assert!(empty.pairs.is_empty() && empty.report.messages.iter().any(|m| m.contains("no record has a value")));
    // One id that stands for none, one phone, one village.
    let placeholder: Vec<Vec<String>> = town(1500, 3)
        .into_iter()
        .map(|mut r| {
            (r[0], r[5], r[4]) = ("000000000000000000".into(), "13811112222".into(), "522301001001".into());
            r
        })
        .collect();
    let found = run(&placeholder);
    assert!(found.report.messages.iter().any(|m| m.contains("placeholders")), "{:?}", found.report.messages);
    assert!(found.report.messages.iter().any(|m| m.contains("one value")), "{:?}", found.report.messages);
    assert!(found.report.pairs_compared < 1_700_000);
    // An agent's phone and account on everybody, real ids: no false links between different ids.
    let shared: Vec<Vec<String>> = town(1500, 4)
        .into_iter()
        .map(|mut r| {
            r[5] = "13811112222".into();
            r
        })
        .collect();
    let found = run(&shared);
    assert!(found.report.pairs_compared < 3_000_000, "{}", found.report.pairs_compared);
    assert!(found.clusters.iter().all(|c| c.rows.len() <= 3), "{:?}", found.clusters.iter().map(|c| c.rows.len()).max());
    // Identical rows, names of one character, mixed scripts.
    let same = vec![person("", "王", "", "男", "522301001001", "", ""); 300];
    assert!(run(&same).report.pairs_compared <= 300 * 299 / 2);
    let mixed: Vec<Vec<String>> = ["王", "W", "Wang", "вася", "王?", "١٢٣", "🙂", "  ", "ﾜﾝ", "a\u{301}"]
        .iter()
        .map(|name| person("E1234567", name, "1980", "?", "x", "0", "1"))
        .collect();
    run(&mixed);
}

#[test]
fn without_listing_and_place_it_is_plain_and_says_so() {
    let mut spec = person_spec();
    spec.fields.retain(|f| f.kind != Kind::Household && f.kind != Kind::Region);
    let rows: Vec<Vec<String>> = town(500, 2).into_iter().map(|r| [&r[..4], &r[5..6]].concat()).collect();
    let linkage = link(&records_of(&spec, &rows), &spec, &Run::default()).expect("linked");
    assert_eq!(linkage.model.classes.len(), 1);
    assert!(linkage.report.messages.iter().any(|m| m.contains("plain Fellegi-Sunter")));
    assert!(linkage.clusters.len() > 60);
}

#[test]
fn two_tables_are_linked_across_alone() {
    let mut spec = person_spec();
    spec.across = true;
    let rows: Vec<Vec<String>> = town(300, 8).into_iter().flat_map(|r| [r.clone(), r]).collect();
    let linkage = link(&records_of(&spec, &rows), &spec, &Run::default()).expect("linked");
    assert!(linkage.pairs.iter().all(|p| p.a % 2 != p.b % 2));
    assert!(linkage.report.links >= 300, "{}", linkage.report.links);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn new_rows_against_a_kept_run_are_the_full_run(seed in 0u64..1000, people in 60usize..260, share in 2usize..10, gone in 3usize..40) {
        let spec = person_spec();
        let rows = town(people, seed);
        let known = rows.len() * share / 10;
        let before = records_of(&spec, &rows[..known]);
        let base = link(&before, &spec, &Run::default()).expect("linked");
        // Of the known rows some are gone, some are others now; the new ones stand among them.
        let mut later: Vec<(Option<usize>, Vec<String>)> = vec![];
        for (i, row) in rows.iter().enumerate() {
            match i {
                i if i < known && i % gone == 1 => {}
                i if i < known && i % gone == 2 => {
                    let mut row = row.clone();
                    row[0] = format!("{}某", row[0]);
                    later.push((None, row));
                }
                i if i < known => later.push((Some(i), row.clone())),
                _ => later.insert(i * 7 % later.len().max(1), (None, row.clone())),
            }
        }
        let place: std::collections::HashMap<u32, u32> = later.iter().zip(0u32..).filter_map(|((old, _), new)| Some((old.as_ref().copied()? as u32, new))).collect();
        let pairs: Vec<Pair> = base.pairs.iter().filter_map(|p| {
            let (a, b) = (*place.get(&p.a)?, *place.get(&p.b)?);
            Some(Pair { a: a.min(b), b: a.max(b), ..*p })
        }).collect();
        let same: Vec<bool> = later.iter().map(|(old, _)| old.is_some()).collect();
        let now: Vec<Vec<String>> = later.into_iter().map(|(_, row)| row).collect();
        let all = records_of(&spec, &now);
        let judgements = [Judgement { a: 0, b: 5, verdict: Verdict::Same }, Judgement { a: 1, b: 2, verdict: Verdict::Different }];
        let labels = [Label { a: 0, b: 3, same: false }];
        let run = Run { judgements: &judgements, labels: &labels, ..Run::default() };
        let full = link(&all, &spec, &Run { model: Some(&base.model), ..run }).expect("linked");
        let mut grown = update(&all, &Kept { model: &base.model, pairs: &pairs, same: &same }, &run).expect("grown");
        prop_assert!(grown.report.pairs_compared <= full.report.pairs_compared);
        grown.report.pairs_compared = full.report.pairs_compared;
        prop_assert_eq!(grown, full);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn nothing_panics_on_any_text(rows in proptest::collection::vec(proptest::collection::vec("\\PC{0,20}", 7), 0..12)) {
        let spec = person_spec();
        let records = records_of(&spec, &rows);
        let linkage = link(&records, &spec, &Run::default()).expect("linked");
        for pair in &linkage.pairs {
            prop_assert!(explain(&records, &linkage, pair.a, pair.b).is_some());
        }
        households(&records, &linkage);
        shared_ids(&records, &linkage);
    }
}
