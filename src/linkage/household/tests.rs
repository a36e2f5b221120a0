use super::*;
use crate::linkage::spec::{Accept, Field, Spec};
use crate::linkage::{Run, link};

fn spec() -> Spec {
    let mut spec = Spec::new(vec![
        Field::new("listing", Kind::Household),
        Field::new("relation", Kind::Relation),
        Field::new("name", Kind::PersonName),
        Field::new("id", Kind::CitizenId),
        Field::new("born", Kind::Date),
        Field::new("village", Kind::Region),
        Field::new("money", Kind::Money),
    ]);
    spec.accept = Accept::Weight(0);
    spec
}

fn id_of(born: &str, sequence: u32) -> String {
    let body = format!("522301{}{sequence:03}", born.replace('-', ""));
    (0..11)
        .map(|c| format!("{body}{}", if c == 10 { "X".into() } else { c.to_string() }))
        .find(|id| crate::schema::citizen_id::parse(id).is_ok_and(crate::schema::citizen_id::is_valid))
        .unwrap_or_default()
}

type Row = [String; 7];

fn row(listing: &str, relation: &str, name: &str, born: &str, sequence: u32, village: &str) -> Row {
    [listing, relation, name, &id_of(born, sequence), born, village, "300"].map(String::from)
}

/// A county around the households in question.
fn county() -> Vec<Row> {
    let surnames: Vec<char> = "王李张刘陈杨黄赵吴周".chars().collect();
    let given: Vec<char> = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平".chars().collect();
    let mut rows = Vec::new();
    for h in 0..300usize {
        for m in 0..3usize {
            let name = format!("{}{}{}", surnames[h % 10], given[(h / 10 + m * 7) % 20], given[(h * 3 + m * 5) % 20]);
            let born = format!("{}-{:02}-{:02}", 1950 + (h * 7 + m * 23) % 60, 1 + (h + m * 5) % 12, 1 + (h * 5 + m * 11) % 28);
            let village = format!("522301001{:03}", 1 + h % 20);
            rows.push(row(&format!("H{h}"), ["户主", "配偶", "子女"][m], &name, &born, (h * 3 + m) as u32 % 999, &village));
        }
    }
    rows
}

fn run(rows: &[Row]) -> (Records, Linkage) {
    let spec = spec();
    let mut builder = Records::builder(&spec, rows.len()).expect("a sound spec");
    for f in 0..7 {
        builder.column(f, |r| Some(rows[r][f].as_str().into()));
    }
    let records = builder.finish();
    let linkage = link(&records, &spec, &Run::default()).expect("linked");
    (records, linkage)
}

#[test]
fn each_kind_of_household_is_told() {
    let mut rows = county();
    let n = rows.len() as u32;
    let village = "522301001005";
    let family = |listing: &str, place: &str| -> Vec<Row> {
        vec![
            row(listing, "户主", "欧阳国强", "1961-03-04", 501, place),
            row(listing, "配偶", "郭秀兰", "1963-05-06", 502, place),
            row(listing, "子女", "欧阳晓明", "1988-07-08", 503, place),
            row(listing, "子女", "欧阳晓红", "1990-09-10", 504, place),
        ]
    };
    // Once; again elsewhere; the son alone in the village; the daughter in another family elsewhere.
    rows.extend(family("A", village));
    rows.extend(family("B", "522301002001"));
    rows.push(row("C", "户主", "欧阳晓明", "1988-07-08", 503, village));
    rows.push(row("D", "户主", "司马天成", "1985-01-09", 601, "522301003001"));
    rows.push(row("D", "配偶", "欧阳晓红", "1990-09-10", 504, "522301003001"));
    rows.push(row("D", "子女", "司马小雨", "2012-02-11", 602, "522301003001"));
    let (records, linkage) = run(&rows);
    let links = households(&records, &linkage);
    let kind = |a: u32, b: u32| links.iter().find(|l| l.left.contains(&(n + a)) && l.right.contains(&(n + b))).map(|l| l.kind);
    assert_eq!(kind(0, 4), Some(HouseholdKind::ListedTwice));
    assert_eq!(kind(0, 8), Some(HouseholdKind::Split));
    assert_eq!(kind(0, 9), Some(HouseholdKind::MovedMember));
    let twice = links.iter().find(|l| l.left.contains(&n) && l.right.contains(&(n + 4))).expect("listed twice");
    assert_eq!((twice.members.len(), twice.head_linked, twice.spouse_linked, twice.same_place), (4, true, true, false));
    assert_eq!((twice.heads.min, twice.heads.max), (4, 4));
    assert_eq!(twice.money.map(|m| (m.min, m.max)), Some((1200, 1200)));
    assert!(twice.members.iter().all(|m| m.right == m.left + 4), "{:?}", twice.members);
}

#[test]
fn a_member_without_an_id_is_found_in_the_linked_household() {
    let mut rows = county();
    let n = rows.len() as u32;
    for listing in ["A", "B"] {
        rows.push(row(listing, "户主", "欧阳国强", "1961-03-04", 501, "522301001005"));
        rows.push(row(listing, "配偶", "郭秀兰", "1963-05-06", 502, "522301001005"));
        // An infant: no id, another birth day in each listing, no village.
        let born = if listing == "A" { "2018-05-01" } else { "2018-08-21" };
        rows.push([listing, "孙子女", "欧阳天赐", "", born, "", "300"].map(String::from));
    }
    let (records, linkage) = run(&rows);
    let links = households(&records, &linkage);
    let link = links.iter().find(|l| l.left.contains(&n)).expect("a link");
    assert_eq!(link.members.len(), 3, "{link:?}");
    assert_eq!(link.kind, HouseholdKind::ListedTwice);
}

#[test]
fn one_id_of_two_people_is_a_finding_of_its_own() {
    let mut rows = county();
    let n = rows.len() as u32;
    rows.push(row("A", "户主", "欧阳国强", "1961-03-04", 501, "522301001005"));
    let mut other = row("B", "户主", "郭秀兰", "1963-05-06", 502, "522301001009");
    other[3] = rows[n as usize][3].clone();
    rows.push(other);
    let (records, linkage) = run(&rows);
    let shared = shared_ids(&records, &linkage);
    assert!(shared.contains(&SharedIdOf(n).into()), "{shared:?}");
}

struct SharedIdOf(u32);

impl From<SharedIdOf> for crate::linkage::SharedId {
    fn from(SharedIdOf(n): SharedIdOf) -> Self {
        crate::linkage::SharedId { rows: vec![n, n + 1], people: vec![vec![n], vec![n + 1]] }
    }
}
