//! Characters: toneless pinyin, simplified forms, sounds that are easily confused.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

const FIRST: u32 = 0x4e00;
const LAST: u32 = 0x9fa5;

/// Symbol of a character that could not be read (`?`, `□`, private use): agrees with any one character.
pub const WILDCARD: u16 = 0xffff;

struct Tables {
    /// Syllable of each character from U+4E00, 0: none known.
    of: Vec<u16>,
    /// Spelling by syllable.
    spelling: Vec<&'static str>,
    /// Number of the class of syllables that sound alike in some region, by syllable.
    fuzzy: Vec<u16>,
    simplified: FxHashMap<char, char>,
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        let mut tables =
            Tables { of: vec![0; (LAST - FIRST + 1) as usize], spelling: vec![""], fuzzy: vec![0], simplified: FxHashMap::default() };
        let mut classes: FxHashMap<String, u16> = FxHashMap::default();
        for line in include_str!("syllables.txt").lines().filter(|l| !l.starts_with('#')) {
            let Some((syllable, chars)) = line.split_once(' ') else { continue };
            let number = tables.spelling.len() as u16;
            tables.spelling.push(syllable);
            let next = classes.len() as u16 + 1;
            tables.fuzzy.push(*classes.entry(fuzzy_spelling(syllable)).or_insert(next));
            for c in chars.chars() {
                if let Some(slot) = (c as u32).checked_sub(FIRST).and_then(|i| tables.of.get_mut(i as usize)) {
                    *slot = number;
                }
            }
        }
        for line in include_str!("simplified.txt").lines().filter(|l| !l.starts_with('#')) {
            let mut chars = line.chars();
            while let (Some(from), Some(to)) = (chars.next(), chars.next()) {
                tables.simplified.insert(from, to);
            }
        }
        tables
    })
}

/// zh/z, ch/c, sh/s, n/l, f/h before u, and endings in -n and -ng are one.
fn fuzzy_spelling(syllable: &str) -> String {
    let mut text = syllable.to_owned();
    for (from, to) in [("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"), ("hu", "fu")] {
        if text.starts_with(from) && text.len() > from.len() {
            text = format!("{to}{}", &text[from.len()..]);
            break;
        }
    }
    for ending in ["ang", "eng", "ing"] {
        if text.ends_with(ending) {
            text.pop();
        }
    }
    text
}

/// Number of the toneless syllable of a character; 0: not known.
pub fn syllable(c: char) -> u16 {
    (c as u32).checked_sub(FIRST).and_then(|i| tables().of.get(i as usize)).copied().unwrap_or(0)
}

pub fn spelling(syllable: u16) -> &'static str {
    tables().spelling.get(syllable as usize).copied().unwrap_or("")
}

/// Number of a spelled syllable.
pub fn number_of(spelling: &str) -> u16 {
    tables().spelling.binary_search(&spelling).unwrap_or(0) as u16
}

pub fn fuzzy(syllable: u16) -> u16 {
    tables().fuzzy.get(syllable as usize).copied().unwrap_or(0)
}

pub fn simplify(c: char) -> char {
    if (c as u32) < 0x3400 { c } else { tables().simplified.get(&c).copied().unwrap_or(c) }
}

pub fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' | '\u{3007}')
}

/// A character in 16 bits. Rare characters beyond the first plane share 4,096 symbols of the private area: two of them agree by chance
/// in one of 4,096 cases.
pub fn symbol(c: char) -> u16 {
    match c as u32 {
        0xe000..=0xf8ff | 0xfffd | 0x25a1 | 0x3f => WILDCARD,
        code @ 0..=0xfffe => code as u16,
        code => 0xe000 + ((code.wrapping_mul(0x9e37_79b1) >> 20) & 0xfff) as u16,
    }
}

/// Readings that a character has as a surname, where it differs from the common one.
pub const SURNAME_READINGS: &[(&str, &[&str])] = &[
    ("单", &["shan"]),
    ("曾", &["zeng"]),
    ("仇", &["qiu"]),
    ("解", &["xie"]),
    ("查", &["zha"]),
    ("朴", &["piao"]),
    ("区", &["ou"]),
    ("盖", &["ge"]),
    ("翟", &["zhai"]),
    ("员", &["yun"]),
    ("洗", &["xian"]),
    ("种", &["chong"]),
    ("秘", &["bi"]),
    ("缪", &["miao"]),
    ("乐", &["yue"]),
    ("折", &["she"]),
    ("召", &["shao"]),
    ("祭", &["zhai"]),
    ("黑", &["he"]),
    ("尉迟", &["yu", "chi"]),
    ("万俟", &["mo", "qi"]),
    ("长孙", &["zhang", "sun"]),
];

/// Surnames of two characters.
pub const COMPOUND_SURNAMES: &[&str] = &[
    "欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "宇文", "长孙", "司徒", "夏侯", "端木", "轩辕", "南宫",
    "百里", "呼延", "澹台", "公冶", "宗政", "濮阳", "淳于", "单于", "太叔", "申屠", "仲孙", "钟离", "闻人", "赫连", "独孤", "拓跋", "第五",
    "万俟", "西门", "东郭", "南门", "梁丘", "左丘", "司空", "鲜于", "闾丘", "亓官", "巫马", "乐正", "漆雕", "公西",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_have_their_sounds() {
        for (c, sound) in [('王', "wang"), ('明', "ming"), ('晓', "xiao"), ('小', "xiao"), ('吕', "lv"), ('龘', "da")] {
            assert_eq!(spelling(syllable(c)), sound, "{c}");
        }
        assert_eq!(syllable('a'), 0);
        assert_eq!(number_of("shan"), syllable('山'));
        assert_eq!(number_of("nothing"), 0);
        assert_eq!(fuzzy(number_of("zhang")), fuzzy(number_of("zan")));
        assert_eq!(fuzzy(number_of("nan")), fuzzy(number_of("lang")));
        assert_ne!(fuzzy(number_of("ma")), fuzzy(number_of("ba")));
    }

    #[test]
    fn every_special_reading_is_a_syllable() {
        for (name, readings) in SURNAME_READINGS {
            assert_eq!(name.chars().count(), readings.len());
            assert!(readings.iter().all(|r| number_of(r) != 0), "{name}");
        }
        assert!(COMPOUND_SURNAMES.iter().all(|s| s.chars().count() == 2));
    }

    #[test]
    fn traditional_becomes_simplified() {
        assert_eq!(['張', '劉', '陳', '明'].map(simplify), ['张', '刘', '陈', '明']);
        assert_eq!(symbol('?'), WILDCARD);
        assert_eq!(symbol('\u{e123}'), WILDCARD);
        assert_ne!(symbol('𠮷'), symbol('𡈽'));
    }
}
