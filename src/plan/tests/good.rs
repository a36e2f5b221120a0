use super::*;

/// Table, expression, type.
const GOOD: &[(&str, &str, Type)] = &[
    ("payments", "amount > yuan(200)", Type::Bool),
    ("payments", "payments.amount > 0", Type::Bool),
    ("payments", "household.region_code = '52'", Type::Bool),
    ("payments", "payee.household.region_code", Type::Region),
    ("payments", "payments.payee.household.region_code", Type::Region),
    ("payments", "has(payee.household)", Type::Bool),
    ("payments", "paid_on between '2019-01-01' and date '2019-12-31'", Type::Bool),
    ("payments", "paid_on + months(3) - days(1)", Type::Date),
    ("payments", "days(death.died_on, period_end)", Type::Int),
    ("payments", "days(death.died_on, paid_on) > param('death_grace_days')", Type::Bool),
    ("payments", "param('standard', programme, grade) * quantity", Type::Money),
    ("payments", "listed('excludes', programme, 'TEKUN')", Type::Bool),
    ("payments", "programme in ('DIBAO', 'TEKUN') and status = 'ok'", Type::Bool),
    ("payments", "case programme when 'DIBAO' then 1 when 'TEKUN' then 2 else null end", Type::Int),
    ("payments", "amount / 3", Type::Money),
    ("payments", "amount / standard", Type::Decimal(6)),
    ("payments", "amount % yuan(100) = 0", Type::Bool),
    ("payments", "coalesce(returned_on, as_of())", Type::Date),
    ("payments", "greatest(amount, standard, yuan(1))", Type::Money),
    ("payments", "payee_id_no = '52010119500101001X'", Type::Bool),
    ("payments", "period = '2019-06'", Type::Bool),
    ("payments", "year(period) = year", Type::Bool),
    ("payments", "payee_name like '王%' and not (grade like 'A_')", Type::Bool),
    ("payments", "status is not null and (amount > 0) is true", Type::Bool),
    ("incomes", "per_capita - prior(per_capita)", Type::Money),
    ("incomes", "prior(household.size)", Type::Int),
    ("incomes", "prior(param('poverty_line'))", Type::Money),
    ("attendance", "prior(state) = 'leave'", Type::Bool),
    ("incomes", "size * 1.5", Type::Decimal(6)),
    ("incomes", "wage + operating + property + transfer - production_cost = net_income", Type::Bool),
    ("incomes", "(net_income - per_capita * size) / yuan(1)", Type::Decimal(6)),
    ("exits", "count(household.measures) filter (where measures.starts_on < exit_on)", Type::Int),
    ("exits", "household.region_code", Type::Region),
    ("exits", "in_window(exit_on, date(year, 1, 1), date(year, 12, 31))", Type::Bool),
    ("households", "count(members)", Type::Int),
    ("households", "count(distinct members.relation)", Type::Int),
    ("households", "sum(incomes.guarantee.uninsured)", Type::Int),
    ("households", "sum(measures.amount) filter (where kind = 'job')", Type::Money),
    ("households", "exists(members) filter (where members.relation = 'head' and members.id_no = head_id_no)", Type::Bool),
    ("households", "every(members.left_at is null)", Type::Bool),
    ("households", "any(count(members.accounts) > 1)", Type::Bool),
    ("households", "percentile(incomes.per_capita, 99)", Type::Money),
    ("households", "max(events.happened_on) filter (where events.kind = 'exit_mark')", Type::Date),
    ("households", "avg(incomes.size)", Type::Decimal(6)),
    ("deaths", "sum(member_rows.household.size)", Type::Int),
    ("members", "id_birth(id_no) <> birth and id_sex(id_no) = sex", Type::Bool),
    ("members", "not id_valid(id_no_raw)", Type::Bool),
    ("members", "edits(id_text(id_no), id_no_raw)", Type::Int),
    ("villages", "under(region_code, county_code)", Type::Bool),
    ("villages", "county(region_code) = county_code", Type::Bool),
    ("visits", "row_number()", Type::Int),
];

#[test]
fn good_expressions_have_their_types() {
    let mut bench = Bench::new();
    let mut wrong = vec![];
    for (table, text, ty) in GOOD {
        // `kind` is no column of households: the member row must be named.
        if text.contains("where kind") {
            assert!(bench.parse(table, text).is_err());
            continue;
        }
        match bench.parse(table, text) {
            Ok(id) if bench.graph.type_of(id) == *ty => {}
            Ok(id) => wrong.push(format!("{text}: {:?} instead of {ty:?}", bench.graph.type_of(id))),
            Err(errors) => wrong.push(format!("{text}: {errors}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
