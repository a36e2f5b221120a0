use super::*;

/// Table, expression, and per problem: code, message, the words it points at, what it says there, help.
const BAD: &[(&str, &str, &[&str])] = &[
    (
        "payments",
        "paye_id_no = '1'",
        &[
            "unknown-column: table `payments` has no column `paye_id_no` | paye_id_no | not in `payments` | a similar column exists: `payee_id_no`",
        ],
    ),
    (
        "payments",
        "amount > 200",
        &["money-and-number: found a whole number, wanted money | 200 | money never mixes with plain numbers | write yuan(200)"],
    ),
    (
        "payments",
        "amount > 200 and paye = 1",
        &[
            "money-and-number: found a whole number, wanted money | 200 | money never mixes with plain numbers | write yuan(200)",
            "unknown-column: table `payments` has no column `paye` | paye | not in `payments` | a similar link exists: `payee`",
        ],
    ),
    (
        "payments",
        "status = 'OK'",
        &["unknown-code: 'OK' is not a code of `status` | 'OK' | no row can have it | a similar code exists: 'ok'"],
    ),
    (
        "payments",
        "status in ('ok', 'return')",
        &["unknown-code: 'return' is not a code of `status` | 'return' | no row can have it | a similar code exists: 'returned'"],
    ),
    (
        "payments",
        "payee",
        &[
            "not-a-column: `payee` is a row of `members`, not a value | payee | a column is missing | name one of its columns (`payee.COLUMN`), or ask whether it is there: `has(payee)`",
        ],
    ),
    (
        "payments",
        "payee.nam",
        &["unknown-column: table `members` has no column `nam` | nam | not in `members` | a similar column exists: `name`"],
    ),
    ("payments", "pay.name", &["unknown-name: nothing here is named `pay` | pay | not known here | "]),
    (
        "payments",
        "payee.househld.region_code",
        &["unknown-link: table `members` has no link `househld` | househld | not in `members` | a similar link exists: `household`"],
    ),
    (
        "payments",
        "deaths.died_on > paid_on",
        &[
            "unknown-name: no row of `deaths` is at hand here | deaths | rows at hand: `payments` | reach it by a link of the row at hand, or declare one under `links:` in recount.yaml",
        ],
    ),
    (
        "payments",
        "paid_on = '2019-13-01'",
        &["type-mismatch: '2019-13-01' cannot be read as a date | '2019-13-01' | a date is written '2019-06-30' | "],
    ),
    (
        "payments",
        "paid_on = null",
        &["type-mismatch: nothing equals null: the comparison would always be unknown | null | null | write `is null` or `is not null`"],
    ),
    (
        "payments",
        "paid_on > 2019",
        &[
            "type-mismatch: a date and a whole number cannot be compared | paid_on > 2019 | a date here, a whole number there | whole days between two dates are `days(a, b)`; the year of a date is `year(d)`",
        ],
    ),
    (
        "payments",
        "paid_on + 30",
        &[
            "type-mismatch: `+` needs numbers or money, found a date | paid_on | this is a date | move a date by an interval: `d + days(30)`, `d + months(3)`; the days between two are `days(a, b)`",
        ],
    ),
    (
        "payments",
        "days(30)",
        &[
            "type-mismatch: an interval stands only beside a date | days(30) | not beside a date | add it to a date or take it off one: `d + days(30)`; a number of days is written plain: `days(a, b) > 30`",
        ],
    ),
    (
        "payments",
        "amount * amount",
        &["type-mismatch: money cannot be multiplied by money | amount * amount | one side must be a plain number | "],
    ),
    (
        "payments",
        "amount + 1",
        &["money-and-number: found a whole number, wanted money | 1 | money never mixes with plain numbers | write yuan(1)"],
    ),
    (
        "payments",
        "month(paid_on) = 6",
        &[
            "unknown-function: there is no function `month` | month | not known | the month a date lies in is `month_of(d)`, its number `month_of_year(d)`",
        ],
    ),
    (
        "payments",
        "lenght(grade)",
        &["unknown-function: there is no function `lenght` | lenght | not known | a similar function exists: `length(t)`"],
    ),
    (
        "payments",
        "length(grade, 2)",
        &["wrong-arguments: `length` has 2 arguments here | length(grade, 2) | wrong number of arguments | it is written `length(t)`"],
    ),
    (
        "payments",
        "param('povrty_line')",
        &[
            "unknown-parameter: there is no parameter 'povrty_line' | 'povrty_line' | not declared | a similar parameter exists: 'poverty_line'",
        ],
    ),
    (
        "payments",
        "param('standard', programme)",
        &["wrong-arguments: `standard` takes 2 keys (text, text), found 1 | param('standard', programme) | wrong number of keys | "],
    ),
    (
        "payments",
        "param(poverty_line)",
        &[
            "wrong-arguments: `param` begins with the parameter's name in single quotes | poverty_line | wanted a name in quotes | it is written `param('name', keys..., at => date, place => region)`",
        ],
    ),
    (
        "payments",
        "param('poverty_line', place => 3, on => paid_on)",
        &[
            "type-mismatch: found a whole number, wanted a region | 3 | this is a whole number | ",
            "wrong-arguments: `param` has no argument named `on` | on | known are `at` and `place` | ",
        ],
    ),
    (
        "payments",
        "listed('poverty_line', 1)",
        &[
            "wrong-arguments: `poverty_line` is a value, not a list | listed('poverty_line', 1) | not a list | its value is `param('poverty_line')`",
        ],
    ),
    ("payments", "status == 'ok'", &["syntax: `==` is not part of the language | == | not understood | write `=`"]),
    (
        "payments",
        "status = \"ok\"",
        &["unknown-column: no column is named \"ok\" | \"ok\" | between double quotes this is a name | text stands in single quotes: 'ok'"],
    ),
    ("payments", "status = 'ok", &["syntax: a quoted text is not closed | 'ok | no closing ' | "]),
    ("payments", "amount > yuan（200）", &["syntax: `（` is not part of the language | （ | not understood | write `(`"]),
    (
        "payments",
        "amount between yuan(1)",
        &["syntax: found the end of the expression, wanted `and` between the two bounds of `between` |  | `and` is missing here | "],
    ),
    ("payments", "status = 'ok' or", &["syntax: the expression ends too early |  | a value is missing here | "]),
    ("payments", "(amount > 0", &["syntax: found the end of the expression, wanted `)` to close the bracket |  | `)` is missing here | "]),
    (
        "payments",
        "amount > 0)",
        &["syntax: found `)` after a complete expression | ) | not expected here | a `(` is missing, or this `)` is one too many"],
    ),
    (
        "payments",
        "yuan(1) < amount < yuan(3)",
        &["syntax: comparisons cannot follow each other | < | second comparison | write `a < b and b < c`, or `b between a and c`"],
    ),
    (
        "payments",
        "grade and status = 'ok'",
        &[
            "type-mismatch: found text, wanted a condition (true or false) | grade | this is text | compare it: `= ...`, or ask `is not null`",
        ],
    ),
    (
        "payments",
        "household.region_code > '52'",
        &[
            "type-mismatch: a region has no order | household.region_code > '52' | compare it with `=` or `<>` | ask whether a region lies in another with `under(code, ancestor)`",
        ],
    ),
    (
        "payments",
        "payee_id_no = payee_name",
        &[
            "type-mismatch: a citizen id and text cannot be compared | payee_id_no = payee_name | a citizen id here, text there | the text of a citizen id is `id_text(x)`",
        ],
    ),
    (
        "payments",
        "case when status = 'ok' then amount else 1 end",
        &["money-and-number: found a whole number, wanted money | 1 | money never mixes with plain numbers | write yuan(1)"],
    ),
    (
        "payments",
        "amount = 1e3",
        &[
            "syntax: `1e3` is neither a number nor a name | 1e3 | not understood | numbers are written in digits (`3000`, `1.6`); names begin with a letter; text stands in single quotes",
        ],
    ),
    (
        "payments",
        "sum(amount)",
        &[
            "no-rows: `sum` runs over many rows, and here is only one | sum(amount) | which rows? | rows that belong to one are named by `back:` of a link in recount.yaml, or by the group of a check",
        ],
    ),
    (
        "payments",
        "prior(amount)",
        &[
            "no-period: the key of `payments` has no period, so nothing comes before | amount | needs a year, month or day in the key | declare a key with a period: `key: [..., year]` for `payments` in recount.yaml",
        ],
    ),
    (
        "payments",
        "has(amount)",
        &[
            "not-a-link: `has` asks about a link, and `amount` is a value | amount | a value | ask for a missing value with `amount is not null`",
        ],
    ),
    (
        "households",
        "members.birth > '2000-01-01'",
        &[
            "many-rows: `members` stands for many rows, here one value is wanted | members.birth | many rows | say which: `sum(members.birth)`, `max(members.birth)`, `any(members.birth ...)`",
        ],
    ),
    (
        "households",
        "count(members) filter (where relation = 'head')",
        &[
            "unknown-column: table `households` has no column `relation` | relation | not in `households` | the counted rows have it: write `members.relation`",
        ],
    ),
    (
        "households",
        "count(members) filter (where members.relaton = 'head')",
        &["unknown-column: table `members` has no column `relaton` | relaton | not in `members` | a similar column exists: `relation`"],
    ),
    (
        "households",
        "sum(members)",
        &[
            "wrong-arguments: `sum` needs a value of each row | members | a column is missing | name a column of the rows: `sum(members.COLUMN)`",
        ],
    ),
    (
        "households",
        "max(size, 3)",
        &[
            "wrong-arguments: `max` runs over many rows and takes one argument | max(size, 3) | two arguments | of two values it is `greatest(a, b)`",
        ],
    ),
    (
        "households",
        "has(members)",
        &["many-rows: `members` stands for many rows | members | many rows | ask `exists(members)` or count them: `count(members)`"],
    ),
    (
        "households",
        "any(members.birth)",
        &["type-mismatch: `any` cannot take a date | members.birth | this is a date | write a condition: `any(members.age > 60)`"],
    ),
    (
        "households",
        "percentile(incomes.per_capita, 101)",
        &[
            "wrong-arguments: a percentile is a plain number from 0 to 100 with at most one digit after the point | 101 | not a percentile | ",
        ],
    ),
    (
        "households",
        "count(members.household.measures)",
        &[
            "many-rows: `members.household.measures` stands for many rows, here one value is wanted | members.household.measures | many rows | an aggregate goes back along one link; aggregate here once more, such as `count(members.household.measures)`",
        ],
    ),
    (
        "deaths",
        "param('poverty_line', at => died_on, place => name)",
        &["type-mismatch: found text, wanted a region | name | this is text | "],
    ),
    (
        "relatives",
        "param('poverty_line')",
        &[
            "ungoverned-parameter: `poverty_line` varies by time, and nothing says which governs here | param('poverty_line') | which one? | say it here: `param('poverty_line', at => paid_on)`, or declare `date:` for the table in recount.yaml",
            "ungoverned-parameter: `poverty_line` varies by place, and nothing says which governs here | param('poverty_line') | which one? | say it here: `param('poverty_line', place => household.region_code)`, or declare `region:` for the table in recount.yaml",
        ],
    ),
];

fn told(text: &str, errors: &Diagnostics) -> Vec<String> {
    let mut told = vec![];
    for d in &errors.0 {
        let at = d.labels.first();
        let words = at.map(|l| match &l.place {
            crate::diagnostic::Place::Text(span) => text.get(span.range.clone()).unwrap_or("?").to_owned(),
            other => format!("{other:?}"),
        });
        let label = at.map(|l| l.text.clone()).unwrap_or_default();
        told.push(format!("{}: {} | {} | {} | {}", d.code, d.message, words.unwrap_or_default(), label, d.help.join("; ")));
    }
    told
}

#[test]
fn bad_expressions_say_what_is_wrong() {
    let mut bench = Bench::new();
    let mut wrong = vec![];
    for (table, text, expected) in BAD {
        match bench.parse(table, text) {
            Ok(_) => wrong.push(format!("{text}: is accepted")),
            Err(errors) => {
                let told = told(text, &errors);
                if told != *expected {
                    let lines: Vec<String> = told.iter().map(|t| format!("            {t:?},")).collect();
                    wrong.push(format!(
                        "    (\n        {table:?},\n        {text:?},\n        &[\n{}\n        ],\n    ),",
                        lines.join("\n")
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "these are told otherwise:\n{}", wrong.join("\n"));
}
