//! Forms of check that test groups against each other.

use super::*;

#[test]
fn quota_and_repeat_want_one_question() {
    let refused = |check: &str| plan_of(check).refused();
    let two = refused("check: {quota: {table: totals, by: household_id, actual: lines, target: lines, balance: lines}}\n");
    assert!(two.contains("error[quota-form]"), "{two}");
    let none = refused("check: {quota: {table: totals, by: household_id, actual: lines}}\n");
    assert!(none.contains("error[quota-form]"), "{none}");
    let undated = refused("check: {quota: {table: totals, by: household_id, deadline: closed_on}}\n");
    assert!(undated.contains("`totals` has no date of its own"), "{undated}");
    let both = refused("check: {repeat: {table: payments, by: year, columns: amount, text: status}}\n");
    assert!(both.contains("error[repeat-form]"), "{both}");
    let number = refused("check: {repeat: {table: payments, by: year, text: amount}}\n");
    assert!(number.contains("`amount` is no text"), "{number}");
}

#[test]
fn tests_of_groups_name_their_records_to_look_at_first() {
    for check in [
        "check: {rate: {table: payments, share: status = 'returned', by: {year: year}, side: both}}\n",
        "check: {quota: {table: payments, by: {year: year}, deadline: 'date(year(paid_on), 12, 31)', within: 31}}\n",
        "check: {quota: {table: totals, by: {year: year}, actual: lines, target: lines + 1}}\n",
        "check: {repeat: {table: payments, by: {year: year}, columns: [amount, account_no], min_columns: 1}}\n",
        "check: {repeat: {table: payments, by: {year: year}, text: status, similar: auto}}\n",
        "check: {repeat: {table: payments, by: {year: year}, spread: amount}}\n",
    ] {
        let p = plan_of(check);
        assert!(p.of().leads.is_some(), "{check}");
        assert_eq!(p.reasons(), [Reason::TooFew, Reason::NotApplicable], "{check}");
        for name in ["n", "n_excluded", "excluded", "effect", "effect.low", "effect.high", "p", "q", "family_size", "null", "chart"] {
            p.figure(name);
        }
        assert_eq!(p.of().identity.len(), 1);
    }
}
