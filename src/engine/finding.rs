//! Finishes findings: identities, order.

use super::identity::Identity;
use crate::finding::Finding;
use crate::rule::Rule;
use crate::schema::Value;

/// Sets the finding key and the records hash. `group`: keys of a unit that is a group, empty for records; a record without a key is named by all its values.
pub fn identify(secret: &[u8; 32], rule: &Rule, finding: &mut Finding, group: &[Value]) {
    let mut key = Identity::new(secret, "finding");
    key.text(&rule.text.id);
    if let Some(subject) = finding.subjects.first() {
        key.text(&subject.entity).value(&subject.value);
    }
    key.value(finding.period.as_ref().unwrap_or(&Value::Null));
    for value in group {
        key.value(value);
    }
    let own = finding.evidence.iter().filter(|row| row.role == "record");
    if group.is_empty() {
        for row in own {
            key.text(&row.table);
            row.key.iter().for_each(|(_, value)| {
                key.value(value);
            });
            if row.key.is_empty() {
                row.cells.iter().for_each(|cell| {
                    key.value(&cell.used);
                });
            }
        }
    }
    finding.key = key.hex();
    finding.records_hash = Identity::new(secret, "records").text(&rule.text.id).rows(&finding.evidence).hex();
}

/// By rule, subjects, date, key; equal keys (records without a key and alike) stay told apart by their place.
pub fn order(a: &Finding, b: &Finding) -> std::cmp::Ordering {
    fn place(f: &Finding) -> Option<(&str, &[(crate::finding::Name, Value)], &str, u32)> {
        f.evidence.first().map(|e| (&*e.table, &*e.key, &*e.file, e.line))
    }
    (&a.rule, &a.subjects, a.date, &a.period)
        .cmp(&(&b.rule, &b.subjects, b.date, &b.period))
        .then_with(|| a.key.cmp(&b.key))
        .then_with(|| place(a).cmp(&place(b)))
}
