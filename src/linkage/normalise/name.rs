//! Names: one spelling, characters as 16-bit symbols, toneless syllables beside them.

use super::chars::{self, is_han, simplify, syllable, symbol};
use crate::schema::fold;

/// A name (or text) as it is compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Name {
    /// Normalised text.
    pub text: String,
    pub symbols: Vec<u16>,
    /// Syllable numbers, one for each symbol; 0 for what is no known Chinese character.
    pub syllables: Vec<u16>,
    /// Symbols of the surname; 0 for Latin names.
    pub surname: u8,
    pub han: bool,
}

const TITLES: &[&str] = &[
    "户主", "先生", "女士", "小姐", "同志", "本人", "已故", "死亡", "mr ", "mrs ", "ms ", "miss ", "dr ", "mr. ", "mrs. ", "ms. ", "dr. ",
];

/// Characters of titles and of words that stand for no name.
const SPECIAL: &str = "户主先生女士小姐同志本人已故死亡无名不详未知氏空";

/// Words that stand for no name.
const NO_NAMES: &[&str] = &["无", "无名", "不详", "未知", "无名氏", "空", "null", "none", "n/a", "na", "nan", "-", "unknown"];

/// Letters without accents, small.
pub fn plain(c: char) -> char {
    match c {
        'A'..='Z' => c.to_ascii_lowercase(),
        c if c.is_ascii() => c,
        'À'..='Å' | 'à'..='å' | 'Ā' | 'ā' | 'ă' | 'Ă' | 'ǎ' => 'a',
        'È'..='Ë' | 'è'..='ë' | 'Ē' | 'ē' | 'ě' | 'Ě' => 'e',
        'Ì'..='Ï' | 'ì'..='ï' | 'Ī' | 'ī' | 'ǐ' => 'i',
        'Ò'..='Ö' | 'ò'..='ö' | 'Ø' | 'ø' | 'Ō' | 'ō' | 'ǒ' => 'o',
        'Ù'..='Û' | 'ù'..='û' | 'Ū' | 'ū' | 'ǔ' => 'u',
        'Ü' | 'ü' | 'ǚ' | 'ǜ' => 'v',
        'Ñ' | 'ñ' => 'n',
        'Ç' | 'ç' | 'Č' | 'č' => 'c',
        'Š' | 'š' | 'Ş' | 'ş' => 's',
        'Ž' | 'ž' => 'z',
        'Ý' | 'ý' | 'ÿ' => 'y',
        c => c.to_lowercase().next().unwrap_or(c),
    }
}

/// Small letters and digits, one space between words; Chinese without spaces. For texts of any kind.
pub fn normalise_text(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    let mut gap = false;
    for c in fold(cell).chars() {
        let c = simplify(plain(c));
        if c.is_alphanumeric() || matches!(c, '@' | '?' | '□' | '\u{fffd}' | '\u{e000}'..='\u{f8ff}') {
            if gap && !is_han(c) && text.chars().next_back().is_some_and(|before| !is_han(before)) {
                text.push(' ');
            }
            gap = false;
            text.push(c);
        } else {
            gap = !matches!(c, '\'' | '’' | '·' | '•' | '‧' | '・' | '･' | '∙' | '⋅' | '●');
        }
    }
    text
}

/// Without what stands in brackets, titles, digits of a counter and middle dots. `None`: no name.
pub fn normalise(cell: &str) -> Option<String> {
    // Two to four characters, none of which can begin or end a title or a word for nobody: as it stands.
    if (6..=12).contains(&cell.len()) && cell.chars().all(|c| ('\u{4e00}'..='\u{9fff}').contains(&c) && !SPECIAL.contains(c)) {
        return Some(cell.chars().map(simplify).collect());
    }
    let folded = fold(cell);
    let mut open = 0usize;
    let mut bare = String::with_capacity(folded.len());
    for c in folded.chars() {
        match c {
            '(' | '[' | '【' | '〔' | '<' | '《' => open += 1,
            ')' | ']' | '】' | '〕' | '>' | '》' => open = open.saturating_sub(1),
            '0'..='9' => {}
            c if open == 0 => bare.push(c),
            _ => {}
        }
    }
    let mut text = bare.trim().to_lowercase();
    for title in TITLES {
        let left = text.strip_suffix(title.trim_end()).filter(|_| is_han(title.chars().next().unwrap_or(' ')));
        if let Some(rest) = text.strip_prefix(title).or(left)
            && rest.chars().any(char::is_alphabetic)
        {
            text = rest.trim().to_owned();
        }
    }
    if NO_NAMES.contains(&text.as_str()) {
        return None;
    }
    let name = normalise_text(&text);
    if name.is_empty() || NO_NAMES.contains(&name.as_str()) { None } else { Some(name) }
}

/// Symbols and syllables of a normalised name.
pub fn analyse(text: String) -> Name {
    let chars: Vec<char> = text.chars().collect();
    let han = chars.iter().any(|c| is_han(*c));
    let mut syllables: Vec<u16> = chars.iter().map(|c| syllable(*c)).collect();
    let mut surname = 0;
    if han {
        surname = if chars.len() > 2 && chars::COMPOUND_SURNAMES.iter().any(|s| text.starts_with(s)) { 2 } else { 1 };
        for (name, readings) in chars::SURNAME_READINGS {
            if text.starts_with(name) && name.chars().count() == surname {
                for (slot, reading) in syllables.iter_mut().zip(*readings) {
                    *slot = chars::number_of(reading);
                }
            }
        }
    }
    Name { symbols: chars.iter().map(|c| symbol(*c)).collect(), syllables, surname: surname as u8, han, text }
}

impl Name {
    /// Letters as they sound, without spaces: `wangxiaoming` for 王小明 and for `Wang Xiaoming`.
    pub fn sound(&self) -> String {
        self.sound_of(0, self.symbols.len())
    }

    pub fn sound_of(&self, from: usize, to: usize) -> String {
        let mut letters = String::new();
        for (c, syllable) in self.text.chars().zip(&self.syllables).skip(from).take(to.saturating_sub(from)) {
            match *syllable {
                0 if c == ' ' => {}
                0 => letters.push(c),
                syllable => letters.push_str(chars::spelling(syllable)),
            }
        }
        letters
    }
}

/// Sound of a Latin word: first letter, then consonant classes without repeats (Soundex of the US archives, up to six places).
pub fn latin_sound(word: &str) -> String {
    let class = |c: char| match c {
        'b' | 'f' | 'p' | 'v' => '1',
        'c' | 'g' | 'j' | 'k' | 'q' | 's' | 'x' | 'z' => '2',
        'd' | 't' => '3',
        'l' => '4',
        'm' | 'n' => '5',
        'r' => '6',
        'h' | 'w' => 'h',
        _ => '0',
    };
    let mut sound = String::new();
    let mut last = ' ';
    for c in word.chars().filter(|c| *c != ' ') {
        let code = class(c);
        if sound.is_empty() {
            sound.push(c);
        } else if code.is_ascii_digit() && code != '0' && code != last {
            sound.push(code);
        }
        if code != 'h' {
            last = code;
        }
        if sound.len() >= 5 {
            break;
        }
    }
    sound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling() {
        for form in ["王小明", " 王 小　明", "王小明（户主）", "王小明先生", "王小明2"] {
            assert_eq!(normalise(form).as_deref(), Some("王小明"), "{form}");
        }
        assert_eq!(normalise("買買提·阿卜杜"), normalise("买买提阿卜杜"));
        assert_eq!(normalise("Mr. José  GARCÍA").as_deref(), Some("jose garcia"));
        assert_eq!(normalise("O'Brien").as_deref(), Some("obrien"));
        for none in ["", "无", "N/A", "（户主）", "123"] {
            assert_eq!(normalise(none), None, "{none}");
        }
        assert_eq!(normalise("先生").as_deref(), Some("先生"), "a title alone is kept: it may be a name");
    }

    #[test]
    fn surnames_have_their_own_readings() {
        let name = |t: &str| analyse(normalise(t).expect("a name"));
        assert_eq!(name("单小明").sound(), "shanxiaoming");
        assert_eq!(name("小单").sound(), "xiaodan");
        assert_eq!(name("曾国藩").sound(), "zengguofan");
        assert_eq!(name("欧阳修").surname, 2);
        assert_eq!(name("万俟咏").sound(), "moqiyong");
        assert_eq!(name("Wang Xiaoming").sound(), name("王小明").sound());
        assert_eq!(name("付强").sound(), name("傅强").sound());
    }

    #[test]
    fn latin_words_by_sound() {
        assert_eq!(latin_sound("robert"), latin_sound("rupert"));
        assert_eq!(latin_sound("allen"), latin_sound("alan"));
        assert_ne!(latin_sound("smith"), latin_sound("jones"));
    }
}
