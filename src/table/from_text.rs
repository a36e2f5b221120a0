//! Tables written into a rule's tests: small CSV texts with the canonical column names as headers.
//!
//! Cells are read like delivered ones, but money is always stated in yuan. Columns may be left out: their cells are missing.

use std::sync::Arc;

use super::assemble::assemble;
use super::build::BlockBuilder;
use super::intern::Pool;
use super::plan::{TablePlan, plan};
use super::read::{FileRows, RowCells, Slots, csv_header};
use super::receipt::TEST_UNIT;
use super::{Column, FileOrigin, Loaded, Needs, Origin, Table};
use crate::diagnostic::{Diagnostic, Diagnostics, Spanned};
use crate::project::Project;
use crate::schema::SemanticType;
use crate::source::{CsvRecords, Found, normal_header};

/// Tables from texts, (table name, CSV). Tables that are needed and not given are empty.
pub fn from_text(project: &Project, given: &[(String, Spanned<String>)], needs: &Needs) -> Result<Loaded, Diagnostics> {
    from_text_as_of(project, given, needs, None)
}

/// [`from_text`] on a given day of audit; see [`super::LoadOptions`].
pub fn from_text_as_of(
    project: &Project,
    given: &[(String, Spanned<String>)],
    needs: &Needs,
    as_of: Option<i32>,
) -> Result<Loaded, Diagnostics> {
    let (mut plans, domains) = plan(project, needs, true)?;
    let mut messages = Diagnostics::default();
    for (i, (name, text)) in given.iter().enumerate() {
        if !project.tables.iter().any(|t| t.name.value == *name) {
            messages.push(
                Diagnostic::error("unknown-table", format!("no table `{name}` is declared"))
                    .at(text.span.clone(), "given here")
                    .suggest(name, project.tables.iter().map(|t| t.name.value.as_str())),
            );
        }
        if given[..i].iter().any(|(other, _)| other == name) {
            messages.push(
                Diagnostic::error("table-twice", format!("table `{name}` is given twice"))
                    .at(text.span.clone(), "")
                    .help("join the two texts"),
            );
        }
    }
    let pool = Pool::new(domains);
    let mut read = vec![];
    for plan in &mut plans {
        for column in &mut plan.columns {
            if let SemanticType::Money(unit) = &mut column.semantic {
                *unit = TEST_UNIT;
            }
        }
    }
    for plan in &plans {
        let text = given.iter().find(|(name, _)| name == plan.name()).map(|(_, text)| text);
        let rows = text.and_then(|text| messages.take(read_text(plan, &pool, text)));
        read.push(rows.into_iter().collect::<Vec<FileRows>>());
    }
    messages.clone().finish(())?;
    let domains = pool.finish();
    let mut loaded = Loaded { warnings: messages, ..Loaded::default() };
    loaded.tables = project
        .tables
        .iter()
        .map(|t| Arc::new(Table { name: t.name.value.clone(), rows: 0, columns: vec![], sorted_by: vec![], origin: Origin::default() }))
        .collect();
    for (plan, files) in plans.iter().zip(read) {
        if files.is_empty() {
            let columns =
                plan.columns.iter().map(|c| Column::empty(&c.name, &c.semantic, c.domain.map(|d| &domains[d].dictionary))).collect();
            let table = Table { name: plan.name().to_owned(), rows: 0, columns, sorted_by: plan.sort.clone(), origin: Origin::default() };
            loaded.tables[plan.index] = Arc::new(table);
            continue;
        }
        let assembled = assemble(plan, files, &domains, as_of)?;
        loaded.take(plan, assembled);
    }
    Ok(loaded)
}

fn read_text(plan: &TablePlan, pool: &Pool, text: &Spanned<String>) -> Result<FileRows, Diagnostics> {
    let at = |message: Diagnostic| message.at(text.span.clone(), "in this text");
    let table = plan.name();
    let Some((headers, _, body)) = csv_header(&text.value, 0, 1, b',') else {
        let message = Diagnostic::error("empty-file", format!("the text given for table `{table}` has no header"));
        return Err(at(message).help("begin with a line of column names, such as `id,amount`").into());
    };
    let mut messages = Diagnostics::default();
    let mut at_field = vec![None; plan.columns.len()];
    for (field, header) in headers.iter().enumerate() {
        let name = header.trim();
        let declared = plan.source.columns.iter().find(|c| normal_header(&c.name.value) == normal_header(name));
        match declared {
            None => messages.push(
                at(Diagnostic::error("unknown-column", format!("table `{table}` has no column `{name}`")))
                    .suggest(name, plan.source.columns.iter().map(|c| c.name.value.as_str())),
            ),
            Some(column) if column.is.is_some() => messages.push(
                at(Diagnostic::error("computed-column", format!("column `{name}` of table `{table}` is computed and cannot be given")))
                    .help("give the columns it is computed from"),
            ),
            Some(column) => {
                if let Some(slot) = plan.columns.iter().position(|c| c.name == column.name.value)
                    && at_field[slot].replace(field).is_some()
                {
                    messages.push(at(Diagnostic::error("column-twice", format!("column `{name}` of table `{table}` is given twice"))));
                }
            }
        }
    }
    let slots = Slots::new(&Found { at: at_field, width: headers.len() });
    let mut builder = BlockBuilder::new(plan, pool, 16);
    let first_line = 1 + text.value[..body].matches('\n').count() as u64;
    let mut records = CsvRecords::new(&text.value[body..], first_line, b',');
    loop {
        let line = records.next_line();
        let mut row = RowCells::new(&mut builder, &slots);
        let Some((_, fields)) = records.next(|i, cell| row.cell(i, &cell, line as u32)) else { break };
        row.end(fields, line as u32);
        if fields != headers.len() {
            let message = format!("line {line} of the text given for table `{table}` has {fields} cells, its header {}", headers.len());
            messages.push(
                at(Diagnostic::error("ragged-record", message))
                    .help("give every record as many cells as the header has; quote cells with commas"),
            );
        }
    }
    if let Some(line) = records.open_quote() {
        let message = format!("a quote opened in line {line} of the text given for table `{table}` is never closed");
        messages.push(at(Diagnostic::error("open-quote", message)).help("close the quote"));
    }
    let block = builder.finish();
    let origin = FileOrigin {
        path: format!("given/{table}.csv"),
        sheet: None,
        sha256: String::new(),
        bytes: text.value.len() as u64,
        rows: block.rows as u64,
    };
    messages.finish(FileRows { origin, blocks: vec![block], warnings: Diagnostics::default() })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{column, everything, project, table};
    use super::*;
    use crate::schema::{MoneyUnit, Value};

    fn fixture() -> Project {
        let columns = vec![
            column("id", &["编号"], SemanticType::Text),
            column("amount", &["金额"], SemanticType::Money(MoneyUnit::Wan)),
            column("paid_on", &["日期"], SemanticType::Date),
        ];
        project(
            std::path::Path::new("."),
            vec![
                table("payments", "nowhere.csv", &["id"], columns),
                table("deaths", "no.csv", &["id"], vec![column("id", &[], SemanticType::Text)]),
            ],
        )
    }
    fn given(name: &str, text: &str) -> (String, Spanned<String>) {
        (name.to_owned(), Spanned::without_place(text.to_owned()))
    }

    #[test]
    fn canonical_names_and_yuan() {
        let project = fixture();
        let loaded = from_text(&project, &[given("payments", "id,amount\nP2,105.00\n\nP1,soon\n")], &everything(&project)).expect("reads");
        let payments = &loaded.tables[0];
        assert_eq!((payments.rows, payments.columns.len()), (2, 3));
        assert_eq!(payments.columns[1].value(1), Value::Money(10_500));
        assert!(payments.columns[1].is_bad(0) && payments.columns[2].value(0) == Value::Null);
        assert_eq!(payments.origin.line, [4, 2]);
        assert_eq!((loaded.tables[1].rows, loaded.tables[1].columns.len()), (0, 1));
        assert_eq!(loaded.rejected.len(), 1);
    }

    #[test]
    fn mistakes_in_the_text_are_told_at_once() {
        let project = fixture();
        let texts = [given("payments", "id,amont,paid_on\nP1,5\n"), given("deths", "id\n"), given("deaths", "")];
        let errors = from_text(&project, &texts, &everything(&project)).expect_err("mistakes");
        let codes: Vec<&str> = errors.0.iter().map(|d| d.code).collect();
        assert_eq!(codes, ["unknown-table", "unknown-column", "ragged-record", "empty-file"]);
        assert!(errors.0[1].help[0].contains("`amount`"));
    }
}
