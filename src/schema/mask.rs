//! What of a value people see who have no authority to see the whole. Rendering masks; stored values are whole.

use super::{TextKind, Value, citizen_id, format};

/// The masked form of [`format`]: ids keep region and last four characters, names their first character, phones and accounts their ends.
pub fn mask(value: &Value) -> String {
    match value {
        Value::CitizenId(id) => {
            let text = citizen_id::text(*id);
            format!("{}********{}", &text[..6], &text[14..])
        }
        Value::Text(text, TextKind::PersonName) => mask_name(text),
        Value::Text(text, TextKind::Phone) => keep(text, 3, 4),
        Value::Text(text, TextKind::Account) => keep(text, 0, 4),
        _ => format(value),
    }
}

/// The first `front` and last `back` characters, fewer where that would leave less than half of the text hidden.
fn keep(text: &str, front: usize, back: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    let (front, back) = if chars.len() >= (front + back) * 3 / 2 { (front, back) } else { (0, (chars.len() / 4).min(back)) };
    chars.iter().enumerate().map(|(i, &c)| if i < front || i + back >= chars.len() { c } else { '*' }).collect()
}

fn mask_name(name: &str) -> String {
    name.split(' ')
        .map(|word| {
            let mut chars = word.chars();
            let first = chars.next().map(String::from).unwrap_or_default();
            // The number of further characters says something as well: at most two stars.
            first + &"*".repeat(chars.count().min(2))
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn hides_what_names_a_person() {
        let text = |t: &str, kind| mask(&Value::Text(Arc::from(t), kind));
        assert_eq!(mask(&Value::CitizenId(citizen_id::parse("34052419800101001X").expect("id"))), "340524********001X");
        assert_eq!(text("张三丰", TextKind::PersonName), "张**");
        assert_eq!(text("John Smith", TextKind::PersonName), "J** S**");
        assert_eq!(text("李", TextKind::PersonName), "李");
        assert_eq!(text("13800138000", TextKind::Phone), "138****8000");
        assert_eq!(text("12345", TextKind::Phone), "****5");
        assert_eq!(text("6222021234567", TextKind::Account), "*********4567");
        assert_eq!(text("DIBAO", TextKind::Code), "DIBAO");
        assert_eq!(mask(&Value::Money(412_000)), "4120.00");
    }
}
