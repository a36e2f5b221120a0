use super::text::{jaro_winkler, osa_within};
use super::*;
use crate::linkage::normalise::{date, id};
use proptest::prelude::*;

fn symbols(text: &str) -> Vec<u16> {
    text.chars().map(|c| c as u16).collect()
}

proptest! {
    #[test]
    fn edit_distance_agrees_with_strsim(x in "[abc]{0,12}", y in "[abc]{0,12}", most in 0usize..8) {
        let wanted = strsim::osa_distance(&x, &y);
        prop_assert_eq!(osa_within(&symbols(&x), &symbols(&y), most), (wanted <= most).then_some(wanted));
    }

    #[test]
    fn long_texts_too(x in "[ab]{60,80}", y in "[ab]{60,80}") {
        let wanted = strsim::osa_distance(&x, &y);
        prop_assert_eq!(osa_within(&symbols(&x), &symbols(&y), 100), Some(wanted));
        prop_assert!((jaro_winkler(&symbols(&x), &symbols(&y)) - strsim::jaro_winkler(&x, &y)).abs() < 1e-12);
    }

    #[test]
    fn jaro_winkler_agrees_with_strsim(x in "[abcd]{0,14}", y in "[abcd]{0,14}") {
        let (ours, theirs) = (jaro_winkler(&symbols(&x), &symbols(&y)), strsim::jaro_winkler(&x, &y));
        prop_assert!((ours - theirs).abs() < 1e-12, "{} {} {} {}", x, y, ours, theirs);
    }

    #[test]
    fn account_levels_are_the_edit_distance_of_equal_lengths(x in "[1-9][0-9]{11}", at in 0usize..12, digit in 0u8..10, swap in any::<bool>()) {
        let mut bytes = x.clone().into_bytes();
        if swap && at < 11 { bytes.swap(at, at + 1) } else { bytes[at] = b'0' + digit }
        let y = String::from_utf8(bytes).unwrap();
        prop_assume!(!y.starts_with('0'));
        let (a, b) = (digits::account(&x), digits::account(&y));
        if let (Some(a), Some(b)) = (a, b) {
            prop_assert_eq!(account_level(a, b), if x == y { 1 } else { 2 }, "{} {}", x, y);
        }
    }

    #[test]
    fn unrelated_accounts_differ(x in "[1-9][0-9]{11}", y in "[1-9][0-9]{11}") {
        if let (Some(a), Some(b)) = (digits::account(&x), digits::account(&y)) {
            let wanted = match strsim::osa_distance(&x, &y) { 0 => 1, 1 => 2, _ => 3 };
            let found = account_level(a, b);
            // A digit added and another dropped may be one edit each; numbers of one length see substitutions and swaps alone.
            prop_assert!(found == wanted, "{} {} {} {}", x, y, found, wanted);
        }
    }

    #[test]
    fn phones_within_one_edit(x in "1[3-9][0-9]{9}", y in "1[3-9][0-9]{8,9}") {
        if let (Some(a), Some(b)) = (digits::phone(&x), digits::phone(&y)) {
            let wanted = match strsim::osa_distance(&x, &y) { 0 => 1, 1 => 2, _ => 3 };
            prop_assert_eq!(phone_level(a, b), wanted, "{} {}", x, y);
            prop_assert_eq!(phone_level(b, a), wanted);
        }
    }

    #[test]
    fn a_digit_left_out_of_a_phone_is_one_edit(x in "1[3-9][0-9]{9}", at in 0usize..11) {
        let mut y = x.clone();
        y.remove(at);
        if let (Some(a), Some(b)) = (digits::phone(&x), digits::phone(&y)) {
            prop_assert_eq!(phone_level(a, b), 2, "{} {}", x, y);
        }
    }

    #[test]
    fn levels_do_not_depend_on_the_order(x in "[12][09][0-9]{2}-[01][0-9]-[0-3][0-9]", y in "[12][09][0-9]{2}-[01][0-9]-[0-3][0-9]") {
        if let (Some(a), Some(b)) = (date::normalise(&x), date::normalise(&y)) {
            prop_assert_eq!(date_level(a, b, false), date_level(b, a, false));
            prop_assert_eq!(date_level(a, b, true), date_level(b, a, true));
        }
    }
}

#[test]
fn dates() {
    let level = |x: &str, y: &str, lunar: bool| {
        let known = known_levels(Kind::Date);
        let level = date_level(date::normalise(x).expect(x), date::normalise(y).expect(y), lunar);
        known.get(level as usize - 1).copied().unwrap_or("differ")
    };
    for (x, y, wanted) in [
        ("1980-02-03", "1980-02-03", "exact"),
        ("1980-02", "1980-02-03", "part"),
        ("1980-01-01", "1980-07-09", "part"),
        ("1980", "1980-07-09", "part"),
        ("1980-03", "1980-02-03", "year"),
        ("1980-02-03", "1980-03-02", "one-digit"),
        ("1980-02-03", "1980-02-08", "one-digit"),
        ("1980-12-03", "1980-21-03", "one-digit"),
        ("1980-02-03", "1980-03-10", "near"),
        ("1980-02-03", "1982-02-03", "one-digit"),
        ("1989-02-03", "1990-02-03", "near"),
        ("1980-02-03", "1980-11-20", "year"),
        ("1980-02-03", "1971-11-20", "differ"),
        ("1980", "1981-11-20", "differ"),
    ] {
        assert_eq!(level(x, y, false), wanted, "{x} {y}");
        assert_eq!(level(x, y, true), wanted, "{x} {y}: no lunar date of the other");
    }
    for (x, y, without) in [
        ("1990-01-01", "1990-01-27", "part"),
        ("2020-05-23", "2020-04-01", "year"),
        ("1990-03-01", "1990-03-27", "near"),
        ("1989-12-14", "1990-01-10", "near"),
    ] {
        assert_eq!((level(x, y, true), level(x, y, false)), ("lunar", without), "{x} {y}");
    }
}

#[test]
fn the_lunar_level_is_there_where_it_is_asked_for() {
    let names = |levels_wanted: Option<Vec<&str>>, lunar: bool| {
        let levels_wanted = levels_wanted.map(|l| l.into_iter().map(str::to_owned).collect());
        levels(&Field { levels: levels_wanted, lunar, ..Field::new("born", Kind::Date) }).expect("levels").names
    };
    assert_eq!(names(None, false), ["exact", "part", "one-digit", "near", "year", "differ"]);
    assert_eq!(names(None, true), ["exact", "lunar", "part", "one-digit", "near", "year", "differ"]);
    assert_eq!(names(Some(vec!["exact", "year"]), true), ["exact", "lunar", "year", "differ"]);
    assert_eq!(names(Some(vec!["exact", "lunar"]), false), ["exact", "lunar", "differ"]);
}

#[test]
fn ids() {
    let level = |x: &str, y: &str| super::id::level(id::normalise(x).expect(x), id::normalise(y).expect(y), false);
    let whole = "34052419800101001X";
    for (other, wanted) in [
        (whole, 1),
        ("340524800101001", 1),
        ("34052419800101002X", 2),
        ("34052419800110001X", 2),
        ("3405241980010101X", 2),
        ("340524********001X", 3),
        ("340524198001010000", 4),
        ("340524198012120021", 7),
        ("11010519491231002X", 9),
        ("340524********002X", 4),
        ("110105********003X", 7),
    ] {
        assert_eq!(level(whole, other), wanted, "{other}");
        assert_eq!(level(other, whole), wanted, "{other}");
    }
    // Another valid id with close digits is another number.
    let twin = crate::schema::citizen_id::parse("340524800101003").map(crate::schema::citizen_id::text).expect("id");
    assert_eq!(level(whole, &twin), 8);
    let of_one_birth = |y: &str| super::id::level(id::normalise(whole).expect(whole), id::normalise(y).expect(y), true);
    for (other, wanted) in [
        (whole, 1),
        ("34052419801101001X", 5),
        ("340524198001011001X", 5),
        ("34052419800101031X", 6),
        ("340524198001010000", 0),
        ("340524********001X", 5),
        ("340524198001******", 0),
        ("340524198001019571", 7),
        ("110105194912310021", 7),
        (&twin, 8),
        ("11010519491231002X", 9),
    ] {
        assert_eq!(of_one_birth(other), wanted, "{other}");
    }
    assert_eq!(level("E12345678", "e1234 5678"), 1);
    assert_eq!(super::id::level(id::normalise("E12345678").expect("id"), id::normalise(whole).expect("id"), false), 0);
}

fn name_level(x: &str, y: &str) -> u8 {
    let cells = [x, y];
    let (dictionary, words) = crate::linkage::dictionary::Dictionary::of(2, 8, Kind::PersonName, |row| Some(cells[row].into()));
    super::name::level(&dictionary, words[0], words[1])
}

#[test]
fn names() {
    for (x, y, wanted) in [
        ("王小明", "王 小明", 1),
        ("張偉", "张伟", 1),
        ("王小明", "王晓明", 2),
        ("傅强", "付强", 2),
        ("王小明", "Wang Xiaoming", 2),
        ("王小明", "王小刚", 3),
        ("王小明", "王明小", 3),
        ("王?明", "王小明", 3),
        ("张珊", "章山", 2),
        ("曾小林", "曾小宁", 3),
        ("王小明", "Wang Xiaomin", 3),
        ("买买提·阿卜杜", "买买提", 4),
        ("王小明", "王明", 4),
        ("李小明", "王小明", 5),
        ("王小明", "王建国", 6),
        ("王明", "王刚", 6),
        ("王小明", "李建国", 7),
        ("John Smith", "Smith, John", 2),
        ("John Smith", "Jon Smith", 3),
        ("John Smith", "John A Smith", 3),
        ("John Smith", "John Baker", 5),
        ("Olga Smith", "Peter Smith", 6),
    ] {
        assert_eq!(name_level(x, y), wanted, "{x} {y}");
        assert_eq!(name_level(y, x), wanted, "{y} {x}");
    }
}

#[test]
fn declared_levels_merge_into_the_next_worse() {
    let mut field = Field::new("name", Kind::PersonName);
    field.levels = Some(vec!["part".into(), "exact".into()]);
    let levels = levels(&field).expect("levels");
    assert_eq!(levels.names, ["exact", "part", "differ"]);
    assert_eq!(levels.remap[..8], [0, 1, 2, 2, 2, 3, 3, 3]);
    assert_eq!(levels.bits, 2);
    field.levels = Some(vec!["loud".into()]);
    assert!(super::levels(&field).is_err_and(|p| p.help.contains("pinyin")));
}

#[test]
fn regions_and_figures() {
    let level = |x: &str, y: &str| region_level(digits::region_code(x).expect(x), digits::region_code(y).expect(y));
    assert_eq!(level("522301001002", "522301001002"), 1);
    assert_eq!(level("522301001002", "522301001003"), 2);
    assert_eq!(level("522301001", "522301001003"), 2);
    assert_eq!(level("522301001002", "522301"), 3);
    assert_eq!(level("522301001002", "522301002002"), 3);
    assert_eq!(level("522301001002", "522302001002"), 4);
    assert_eq!([number_level(1000, 1000), number_level(1000, 1009), number_level(1000, 1090), number_level(1000, 2000)], [1, 2, 3, 4]);
}
