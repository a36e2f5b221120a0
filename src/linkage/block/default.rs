//! Rules that suit the fields there are, where the specification names none.

use crate::linkage::MAX_RULES;
use crate::linkage::spec::{Blocking, KeyPart, Kind, Part, Spec};

/// The rules of the specification, or those that suit its fields.
pub(crate) fn rules(spec: &Spec) -> Vec<Blocking> {
    if !spec.blocking.is_empty() {
        return spec.blocking.clone();
    }
    let mut rules: Vec<Blocking> = Vec::new();
    let key = |field: usize, part: Part| KeyPart { field: spec.fields[field].name.clone(), part };
    let all = |kind: Kind| spec.fields.iter().enumerate().filter(move |(_, f)| f.kind == kind).map(|(i, _)| i);
    let name = spec.first(Kind::PersonName).map(|i| key(i, Part::Pinyin));
    let given = spec.first(Kind::PersonName).map(|i| key(i, Part::Given));
    let date = spec.first(Kind::Date);
    let region = spec.first(Kind::Region);
    let sex = spec.first(Kind::Sex).map(|i| key(i, Part::Whole));
    let words: Vec<usize> = all(Kind::LatinName).collect();
    // What splits a block that is too large.
    let sounds: Vec<KeyPart> = words.iter().map(|w| key(*w, Part::Sound)).collect();
    let split: Vec<KeyPart> = name.iter().cloned().chain(sounds.iter().take(2).cloned()).collect();
    let mut add = |on: Vec<Option<KeyPart>>, then: &[KeyPart]| {
        if let Some(on) = on.into_iter().collect::<Option<Vec<_>>>() {
            let then = then.iter().filter(|t| !on.contains(t)).cloned().collect();
            let rule = Blocking { on, then };
            if !rules.contains(&rule) && rules.len() < MAX_RULES - 1 {
                rules.push(rule);
            }
        }
    };
    let with = |first: &[KeyPart], more: Option<KeyPart>| -> Vec<KeyPart> { first.iter().cloned().chain(more).collect() };
    for id in all(Kind::CitizenId) {
        add(vec![Some(key(id, Part::Whole))], &split);
        add(vec![Some(key(id, Part::Tail(9)))], &split);
        add(vec![Some(key(id, Part::Head(14)))], &with(&split, sex.clone()));
        add(vec![Some(key(id, Part::Head(9))), Some(key(id, Part::Tail(4)))], &split);
    }
    let day = date.map(|d| key(d, Part::Whole));
    let year = date.map(|d| key(d, Part::Year));
    add(vec![name.clone(), day.clone()], &with(&[], region.map(|r| key(r, Part::County))));
    add(vec![name.clone(), region.map(|r| key(r, Part::Whole))], &with(&[], year.clone()));
    for kind in [Kind::Phone, Kind::Account] {
        for field in all(kind) {
            add(vec![Some(key(field, Part::Whole))], &with(&split, year.clone()));
        }
    }
    add(vec![day.clone(), region.map(|r| key(r, Part::Town))], &with(&split, sex.clone()));
    add(vec![given, day.clone()], &with(&[], region.map(|r| key(r, Part::County))));
    add(vec![name.clone(), year.clone(), region.map(|r| key(r, Part::County))], &[]);
    if let [first, second, ..] = words[..] {
        add(vec![Some(key(first, Part::Sound)), Some(key(second, Part::Sound))], &with(&[], year.clone()));
    }
    for word in &words {
        add(vec![Some(key(*word, Part::Sound)), day.clone()], &sounds);
    }
    for field in all(Kind::Text) {
        add(vec![Some(key(field, Part::Whole))], &with(&split, year.clone()));
    }
    for field in all(Kind::Code) {
        add(vec![day.clone(), Some(key(field, Part::Whole))], &split);
        for word in words.iter().take(2) {
            add(vec![Some(key(*word, Part::Head(3))), Some(key(field, Part::Whole))], &with(&sounds, year.clone()));
        }
    }
    for word in words.iter().take(2) {
        add(vec![Some(key(*word, Part::Sound)), date.map(|d| key(d, Part::MonthDay))], &sounds);
        add(vec![Some(key(*word, Part::Sound)), date.map(|d| key(d, Part::YearMonth))], &sounds);
    }
    // Of a lunar and a solar birthday hardly more than the year agrees.
    if date.is_some_and(|d| spec.fields[d].lunar) {
        add(vec![name.clone(), year.clone()], &with(&[], region.map(|r| key(r, Part::County))));
    }
    add(vec![name, date.map(|d| key(d, Part::MonthDay))], &with(&[], region.map(|r| key(r, Part::County))));
    if rules.is_empty() {
        let fields = spec.fields.iter().enumerate().filter(|(_, f)| f.kind.is_compared());
        rules = fields.map(|(i, _)| Blocking { on: vec![key(i, Part::Whole)], then: split.clone() }).take(MAX_RULES - 1).collect();
    }
    rules
}
