//! Finishes findings: identities.

use std::borrow::Cow;
use std::rc::Rc;

use super::identity::Identity;
use crate::exec::Vector;
use crate::finding::{Finding, Record};
use crate::schema::Value;

/// Sets the finding key and the records hash. `evidence`: its records. `group`: keys of a unit that is a group, and its place among them; none for records. A record
/// without a key is named by all its values.
pub fn identify(secret: &[u8; 32], finding: &mut Finding, evidence: &[impl Record], group: Option<(&[Rc<Vector<'_>>], usize)>) {
    let mut key = Identity::new(secret, "finding");
    key.text(&finding.rule);
    if let Some(subject) = finding.subjects.first() {
        key.text(&subject.entity).value(&subject.value);
    }
    key.value(finding.period.as_ref().unwrap_or(&Value::Null));
    match group.filter(|(keys, _)| !keys.is_empty()) {
        Some((keys, i)) => {
            for of_group in keys {
                key.value(&of_group.value(i));
            }
        }
        None => {
            for row in evidence.iter().filter(|row| row.role() == "record") {
                key.text(row.table());
                let name = |key: &mut Identity, values: &mut dyn Iterator<Item = Cow<'_, Value>>| {
                    values.for_each(|value| {
                        key.value(&value);
                    });
                };
                match row.key().len() {
                    0 => name(&mut key, &mut row.cells().map(|(_, value)| value)),
                    _ => name(&mut key, &mut row.key().map(|(_, value)| value)),
                }
            }
        }
    }
    finding.key = key.hex();
    finding.records_hash = Identity::new(secret, "records").text(&finding.rule).rows(evidence).hex();
}
