//! Words that pronounce a verdict. Texts for inspectors describe records; what they mean is for people to decide.

use std::ops::Range;

/// Beginnings of English words.
const ENGLISH: &[&str] = &[
    "fraud",
    "cheat",
    "steal",
    "stole",
    "theft",
    "thief",
    "thiev",
    "guilt",
    "fake",
    "faking",
    "forge",
    "forging",
    "corrupt",
    "crime",
    "criminal",
    "embezzl",
    "swindl",
    "scam",
    "bribe",
    "bribing",
    "culprit",
    "offender",
    "perpetrat",
    "crook",
    "liar",
    "lied",
    "lying",
    "dishonest",
    "deceiv",
    "deceit",
    "misappropriat",
    "illegal",
    "unlawful",
    "abuser",
    "suspect",
];

/// English words that begin like one of the above and are in order.
const IN_ORDER: &[&str] = &["forget", "forgets", "forgetting", "forgetful"];

const CHINESE: &[&str] = &[
    "骗",
    "欺诈",
    "诈",
    "贪污",
    "贪腐",
    "腐败",
    "造假",
    "作假",
    "假冒",
    "弄虚作假",
    "伪造",
    "舞弊",
    "作弊",
    "违法",
    "违纪",
    "犯罪",
    "罪",
    "盗",
    "偷",
    "侵占",
    "侵吞",
    "冒领",
    "套取",
    "截留",
    "挪用",
    "中饱私囊",
    "受贿",
    "行贿",
    "贿赂",
    "嫌疑人",
    "虚报",
];

/// Place of the first accusing word in a text. What stands in `{...}` is an expression, not wording.
pub(super) fn accusation(text: &str) -> Option<Range<usize>> {
    let text = without_values(text);
    let chinese = CHINESE.iter().filter_map(|word| text.find(word).map(|at| at..at + word.len()));
    chinese.chain(english(&text)).min_by_key(|range| (range.start, std::cmp::Reverse(range.end)))
}

fn english(text: &str) -> Option<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let mut start = None;
    for (i, c) in lower.char_indices().chain([(lower.len(), ' ')]) {
        if c.is_ascii_alphabetic() {
            start.get_or_insert(i);
        } else if let Some(from) = start.take() {
            let word = &lower[from..i];
            if ENGLISH.iter().any(|beginning| word.starts_with(beginning)) && !IN_ORDER.contains(&word) {
                return Some(from..i);
            }
        }
    }
    None
}

/// The text with `{...}` blanked, byte for byte.
fn without_values(text: &str) -> String {
    let mut depth = 0u32;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => {
                out.push(c);
                continue;
            }
            _ => {}
        }
        (0..c.len_utf8()).for_each(|_| out.push(' '));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_verdicts_and_leaves_descriptions() {
        for (text, word) in [
            ("The helper cheated the office", Some("cheated")),
            ("A FRAUDULENT claim", Some("FRAUDULENT")),
            ("该户涉嫌骗取补助", Some("骗")),
            ("弄虚作假的记录", Some("弄虚作假")),
            ("Paid {case when kind = 'fraud' then 1 end} days after the death", None),
            ("They forget to file; the death was filed late", None),
            ("付款晚于死亡登记，应予核对", None),
        ] {
            assert_eq!(accusation(text).map(|range| &text[range]), word, "{text}");
        }
    }
}
