//! The functions of the rule language, each with its one meaning and worked examples; `docs/functions.md` is written from this table.

/// What kind of function it is, and the heading it stands under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    Value,
    Number,
    Date,
    Region,
    Text,
    CitizenId,
    Policy,
    Row,
    Aggregate,
}

impl Family {
    pub const ALL: [Family; 9] = [
        Family::Value,
        Family::Number,
        Family::Date,
        Family::Region,
        Family::Text,
        Family::CitizenId,
        Family::Policy,
        Family::Row,
        Family::Aggregate,
    ];
    pub fn title(self) -> &'static str {
        match self {
            Family::Value => "Values that may be missing",
            Family::Number => "Numbers and money",
            Family::Date => "Dates and months",
            Family::Region => "Regions",
            Family::Text => "Text",
            Family::CitizenId => "Citizen ids",
            Family::Policy => "Policy",
            Family::Row => "Rows and links",
            Family::Aggregate => "Aggregates over many rows",
        }
    }
}

/// One function. Examples are pairs of an expression and its value in canonical text (empty: missing); those over tables have no value here.
#[derive(Debug, Clone, Copy)]
pub struct FunctionDoc {
    pub name: &'static str,
    pub usage: &'static str,
    pub family: Family,
    pub meaning: &'static str,
    pub examples: &'static [(&'static str, &'static str)],
}

/// The function called `name` (lower case).
pub fn find(name: &str) -> Option<&'static FunctionDoc> {
    FUNCTIONS.iter().find(|f| f.name == name)
}

pub fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|f| f.name)
}

const fn doc(
    name: &'static str,
    usage: &'static str,
    family: Family,
    meaning: &'static str,
    examples: &'static [(&'static str, &'static str)],
) -> FunctionDoc {
    FunctionDoc { name, usage, family, meaning, examples }
}

/// All functions, by family, then as a reader meets them.
pub const FUNCTIONS: &[FunctionDoc] = &[
    doc("coalesce", "coalesce(a, b, ...)", Family::Value, "The first argument that has a value.", &[("coalesce(null, 3)", "3")]),
    doc("nullif", "nullif(a, b)", Family::Value, "Missing where a equals b, else a.", &[("nullif(3, 4)", "3")]),
    doc(
        "greatest",
        "greatest(a, b, ...)",
        Family::Value,
        "The largest argument; missing ones are passed over.",
        &[("greatest(3, 7, null)", "7")],
    ),
    doc("least", "least(a, b, ...)", Family::Value, "The smallest argument; missing ones are passed over.", &[("least(3, 7)", "3")]),
    doc(
        "yuan",
        "yuan(n)",
        Family::Number,
        "n yuan as money. Money meets only money; it is counted in fen, so nothing is lost.",
        &[("yuan(200)", "200.00"), ("yuan(200) * 1.5", "300.00"), ("yuan(100) / 3", "33.33"), ("yuan(300) / yuan(200)", "1.500000")],
    ),
    doc("wan", "wan(n)", Family::Number, "n times ten thousand yuan as money.", &[("wan(1.5)", "15000.00")]),
    doc("fen", "fen(n)", Family::Number, "n hundredths of a yuan as money.", &[("fen(12345)", "123.45")]),
    doc("abs", "abs(x)", Family::Number, "The amount without its sign.", &[("abs(-3)", "3"), ("abs(yuan(2) - yuan(5))", "3.00")]),
    doc(
        "first_digits",
        "first_digits(x, n)",
        Family::Number,
        "The first n digits (1 to 9) of a number as it is counted, money in fen, without its sign. Missing where it has fewer.",
        &[("first_digits(yuan(12.50), 2)", "12"), ("first_digits(-7031, 3)", "703"), ("first_digits(7, 2)", "")],
    ),
    doc(
        "round",
        "round(x)",
        Family::Number,
        "The nearest whole number; a half goes away from zero.",
        &[("round(2.5)", "3"), ("round(-2.5)", "-3")],
    ),
    doc(
        "days",
        "days(a, b)",
        Family::Date,
        "Whole days from date a to date b, negative if b is earlier. With one argument an interval, to be added to a date: `d + days(30)`.",
        &[
            ("days(date '2019-01-01', date '2019-03-01')", "59"),
            ("days(date '2019-03-01', date '2019-02-28')", "-1"),
            ("date '2019-01-31' + days(1)", "2019-02-01"),
        ],
    ),
    doc(
        "months",
        "months(n)",
        Family::Date,
        "An interval of n months, to be added to a date or month. The day is kept; where the month is too short it is its last day.",
        &[("date '2019-01-31' + months(1)", "2019-02-28"), ("month '2019-06' - months(6)", "2018-12")],
    ),
    doc("years", "years(n)", Family::Date, "An interval of n years: 12 n months.", &[("date '2020-02-29' + years(1)", "2021-02-28")]),
    doc(
        "months_between",
        "months_between(a, b)",
        Family::Date,
        "Complete months from a to b: the most months that can be added to a without passing b.",
        &[
            ("months_between(date '2019-01-31', date '2019-02-28')", "1"),
            ("months_between(date '2019-01-15', date '2019-03-14')", "1"),
            ("months_between(month '2018-11', month '2019-02')", "3"),
        ],
    ),
    doc(
        "year",
        "year(d)",
        Family::Date,
        "The year of a date or month.",
        &[("year(date '2019-06-30')", "2019"), ("year(month '2019-06')", "2019")],
    ),
    doc("month_of", "month_of(d)", Family::Date, "The month a date lies in.", &[("month_of(date '2019-06-30')", "2019-06")]),
    doc(
        "month_of_year",
        "month_of_year(d)",
        Family::Date,
        "The number of the month, 1 to 12.",
        &[("month_of_year(date '2019-06-30')", "6")],
    ),
    doc("day_of_month", "day_of_month(d)", Family::Date, "The day of the month, 1 to 31.", &[("day_of_month(date '2019-06-30')", "30")]),
    doc(
        "month_start",
        "month_start(m)",
        Family::Date,
        "The first day of a month; of a date, of the month it lies in.",
        &[("month_start(date '2019-06-10')", "2019-06-01"), ("month_start(month '2019-02')", "2019-02-01")],
    ),
    doc(
        "month_end",
        "month_end(m)",
        Family::Date,
        "The last day of a month; of a date, of the month it lies in.",
        &[("month_end(month '2020-02')", "2020-02-29")],
    ),
    doc(
        "date",
        "date(year, month, day)",
        Family::Date,
        "The date with this year, month and day; missing if there is none.",
        &[("date(2019, 6, 30)", "2019-06-30")],
    ),
    doc(
        "in_window",
        "in_window(d, a, b)",
        Family::Date,
        "Whether date d lies between a and b, both included.",
        &[("in_window(date '2019-06-30', date '2019-06-01', date '2019-06-30')", "true")],
    ),
    doc(
        "in_period",
        "in_period(d, m)",
        Family::Date,
        "Whether date d lies in month m.",
        &[("in_period(date '2019-06-30', month '2019-07')", "false")],
    ),
    doc(
        "overlap_days",
        "overlap_days(a1, a2, b1, b2)",
        Family::Date,
        "Days that the periods a1 to a2 and b1 to b2 (ends included) share; 0 if none. A missing end is open.",
        &[("overlap_days(date '2019-01-01', date '2019-01-31', date '2019-01-31', date '2019-02-10')", "1")],
    ),
    doc(
        "under",
        "under(code, ancestor)",
        Family::Region,
        "Whether a region is the ancestor or lies in it, by the region tree; codes that were replaced are followed to their successors.",
        &[("under(region_code, '52')", "")],
    ),
    doc("province", "province(code)", Family::Region, "The province a region lies in.", &[("province(region_code)", "")]),
    doc("prefecture", "prefecture(code)", Family::Region, "The prefecture a region lies in.", &[("prefecture(region_code)", "")]),
    doc("county", "county(code)", Family::Region, "The county a region lies in.", &[("county(region_code)", "")]),
    doc("town", "town(code)", Family::Region, "The town a region lies in.", &[("town(region_code)", "")]),
    doc("village", "village(code)", Family::Region, "The village a region is.", &[("village(region_code)", "")]),
    doc(
        "distance_km",
        "distance_km(lat_a, lon_a, lat_b, lon_b)",
        Family::Region,
        "Kilometres between two places given in degrees, on a sphere of 6,371.0088 km (haversine), to the metre.",
        &[("distance_km(26.0, 106.0, 27.0, 106.0)", "111.195"), ("distance_km(26.0, 106.0, 26.0, 206.0)", "")],
    ),
    doc("lower", "lower(t)", Family::Text, "In lower case.", &[("lower('AbC')", "abc")]),
    doc("upper", "upper(t)", Family::Text, "In upper case.", &[("upper('AbC')", "ABC")]),
    doc("length", "length(t)", Family::Text, "Number of characters.", &[("length('村委会')", "3")]),
    doc(
        "substring",
        "substring(t, start, length)",
        Family::Text,
        "`length` characters from character `start` on, counted from 1.",
        &[("substring('abcdef', 2, 3)", "bcd")],
    ),
    doc(
        "concat",
        "concat(a, b, ...)",
        Family::Text,
        "The texts joined, as `a || b`. A missing one makes the whole missing.",
        &[("concat('a', 'b')", "ab"), ("'a' || 'b'", "ab")],
    ),
    doc("starts_with", "starts_with(t, start)", Family::Text, "Whether t begins with `start`.", &[("starts_with('黔地省', '黔')", "true")]),
    doc("contains", "contains(t, part)", Family::Text, "Whether `part` stands in t.", &[("contains('abc', 'bd')", "false")]),
    doc(
        "edits",
        "edits(a, b)",
        Family::Text,
        "How many characters must be put in, left out, replaced or swapped with their neighbour to make b of a.",
        &[("edits('王小明', '王晓明')", "1"), ("edits('ab', 'ba')", "1")],
    ),
    doc(
        "id_valid",
        "id_valid(id)",
        Family::CitizenId,
        "Whether the check character and the birth date of a citizen id (or of a text that should be one) are right.",
        &[("id_valid(citizen_id '11010519491231002X')", "true"), ("id_valid('110105194912310021')", "false")],
    ),
    doc(
        "id_birth",
        "id_birth(id)",
        Family::CitizenId,
        "The date of birth in a citizen id; missing if there is no such day.",
        &[("id_birth(citizen_id '11010519491231002X')", "1949-12-31")],
    ),
    doc(
        "id_sex",
        "id_sex(id)",
        Family::CitizenId,
        "'male' or 'female', by the seventeenth digit.",
        &[("id_sex(citizen_id '11010519491231002X')", "female")],
    ),
    doc(
        "id_region",
        "id_region(id)",
        Family::CitizenId,
        "The first six digits: the county that first issued it, as text. It says nothing about where the person lives.",
        &[("id_region(citizen_id '11010519491231002X')", "110105")],
    ),
    doc(
        "id_placeholder",
        "id_placeholder(id)",
        Family::CitizenId,
        "Whether it is an id that stands for \"none\", such as 000000 or all digits equal.",
        &[("id_placeholder(citizen_id '11010519491231002X')", "false")],
    ),
    doc(
        "id_text",
        "id_text(id)",
        Family::CitizenId,
        "The 18 characters, for the text functions.",
        &[("length(id_text(citizen_id '11010519491231002X'))", "18")],
    ),
    doc(
        "param",
        "param('name', keys..., at => date, place => region)",
        Family::Policy,
        "The policy number in force. The record's own place and date decide unless `at` or `place` says otherwise; a value of the nearest region above counts. Unknown where none is in force.",
        &[("param('poverty_line')", ""), ("param('standard', programme, grade)", "")],
    ),
    doc(
        "listed",
        "listed('name', values...)",
        Family::Policy,
        "Whether the values stand together in a list among the parameters.",
        &[("listed('excludes', programme, 'TEKUN')", "")],
    ),
    doc("as_of", "as_of()", Family::Policy, "The day of the audit. Rules never see the clock.", &[("as_of()", "")]),
    doc(
        "has",
        "has(link)",
        Family::Row,
        "Whether a link finds a row: true, false, or unknown where the register does not cover the record's place and date.",
        &[("has(payee.household)", "")],
    ),
    doc(
        "prior",
        "prior(x)",
        Family::Row,
        "x of the row with the same key exactly one period before (the year, month or day in the table's key). Missing if there is none.",
        &[("per_capita - prior(per_capita)", "")],
    ),
    doc(
        "row_number",
        "row_number()",
        Family::Row,
        "The number of the row in the table's own order: to look at each pair once.",
        &[("row_number() < row_number(other)", "")],
    ),
    doc(
        "count",
        "count(rows) filter (where ...)",
        Family::Aggregate,
        "How many rows belong to this one; with a column, how many have a value there; with `distinct`, how many different values.",
        &[("count(members)", ""), ("count(distinct members.relation)", ""), ("count(measures) filter (where measures.kind = 'job')", "")],
    ),
    doc(
        "sum",
        "sum(rows.x)",
        Family::Aggregate,
        "The sum over the rows that have a value; missing where there is none: `coalesce(sum(..), yuan(0))` says that none is nothing.",
        &[("sum(payments.amount) filter (where payments.status = 'ok')", "")],
    ),
    doc("min", "min(rows.x)", Family::Aggregate, "The smallest value.", &[("min(events.happened_on)", "")]),
    doc("max", "max(rows.x)", Family::Aggregate, "The largest value.", &[("max(events.happened_on)", "")]),
    doc(
        "avg",
        "avg(rows.x)",
        Family::Aggregate,
        "The mean, rounded half away from zero to the scale of x (whole numbers: six digits).",
        &[("avg(incomes.per_capita)", "")],
    ),
    doc(
        "median",
        "median(rows.x)",
        Family::Aggregate,
        "The middle value; of an even number the mean of the two middle ones.",
        &[("median(incomes.per_capita)", "")],
    ),
    doc(
        "percentile",
        "percentile(rows.x, p)",
        Family::Aggregate,
        "The smallest value with at least p percent of the values at or below it.",
        &[("percentile(incomes.per_capita, 99)", "")],
    ),
    doc(
        "any",
        "any(rows.condition)",
        Family::Aggregate,
        "Whether it holds for a row. Unknown if it holds for none and is unknown for one.",
        &[("any(members.health = 'severe')", "")],
    ),
    doc(
        "every",
        "every(rows.condition)",
        Family::Aggregate,
        "Whether it holds for all rows. Unknown if it fails for none and is unknown for one.",
        &[("every(members.left_at is null)", "")],
    ),
    doc(
        "exists",
        "exists(rows) filter (where ...)",
        Family::Aggregate,
        "Whether there is such a row: the same as counting more than none.",
        &[("exists(members) filter (where members.relation = 'head')", "")],
    ),
];

/// `docs/functions.md`.
pub fn page() -> String {
    let mut page = String::from(PREFACE);
    for family in Family::ALL {
        page.push_str(&format!("\n## {}\n\n| function | meaning | example | value |\n|---|---|---|---|\n", family.title()));
        for function in FUNCTIONS.iter().filter(|f| f.family == family) {
            let cell = |text: &str| text.replace('|', "\\|");
            for (i, (expression, value)) in function.examples.iter().enumerate() {
                let (usage, meaning) =
                    if i == 0 { (format!("`{}`", cell(function.usage)), cell(function.meaning)) } else { Default::default() };
                let value = if value.is_empty() { String::new() } else { format!("`{}`", cell(value)) };
                page.push_str(&format!("| {usage} | {meaning} | `{}` | {value} |\n", cell(expression)));
            }
        }
    }
    page
}

const PREFACE: &str = "# Functions and operators

Written from the table in `src/plan/functions.rs` (`recount generate docs`); examples with a value are run by a test.

Expressions are SQL scalar expressions: `=` `<>` `<` `<=` `>` `>=`, `+` `-` `*` `/` `%`, `||`, `and` `or` `not`, `in (...)`, `between ... and ...`,
`like`, `is [not] null`, `is [not] true`, `case when ... then ... else ... end`. Text stands in single quotes; dates are written `date '2019-06-30'`, months
`month '2019-06'`, and a text compared with a date, month, region, citizen id or code column is read as one. Keywords and functions may be written in
any case; names of tables and columns as they are declared.

* A missing value makes a comparison unknown, and unknown is neither true nor false: a rule that cannot tell says *not assessable*. Unless the table says
  otherwise a missing argument gives a missing result.
* Money never meets plain numbers: write `yuan(200)`. Money times or divided by a number is money, money divided by money a number. The plain `0` is
  allowed beside money.
* `/` gives a decimal of six digits (money: fen), rounded half away from zero; divided by zero is missing, and counted. `%` keeps the sign of the left side.
* A dotted path follows links: `payee.household.region_code`. A link that leads back to many rows (`members`) stands only in an aggregate; inside it and its
  `filter (where ...)` the rows go by the link's name or their table's name, and the columns of the row outside stay visible.
* A day and a month that is only known as a month compare as true only when it holds for every day of the month.
";
