//! Tables of expressions over the sample project: what they mean, what is wrong with them, and that equal ones are one node.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::diagnostic::{Diagnostics, SourceText, Span, Spanned};
use crate::project::Project;
use crate::schema::Type;

mod bad;
mod build;
mod good;
mod properties;

/// 2020-12-31.
const AS_OF: i32 = 18627;

fn sample() -> Project {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_data/recount.yaml");
    crate::project::read(&path).expect("the sample project reads")
}

struct Bench {
    catalog: Catalog,
    graph: Graph,
}

impl Bench {
    fn new() -> Self {
        let mut graph = Graph::default();
        let catalog = Catalog::build(&sample(), AS_OF, &mut graph).unwrap_or_else(|e| panic!("{e}"));
        Bench { catalog, graph }
    }
    fn slot(&self, table: &str, slot: u8, bare: bool) -> Slot {
        let (_, def) = self.catalog.table(table).expect("a table of the sample");
        Slot { names: vec![table.to_owned()], rel: def.rel, row: RowRef::slot(slot), bare, members: vec![] }
    }
    /// A row of `table` at hand, with `other` in slot 1 when given.
    fn scope(&self, table: &str, other: Option<&str>) -> Scope {
        let mut slots = vec![self.slot(table, 0, true)];
        if let Some(other) = other {
            let mut slot = self.slot(other, 1, false);
            slot.names.push("other".to_owned());
            slots.push(slot);
        }
        let def = self.catalog.table(table).expect("a table of the sample").1;
        Scope { slots, at: def.date, place: def.region, ..Scope::default() }
    }
    fn parse(&mut self, table: &str, text: &str) -> Result<ExprId, Diagnostics> {
        let scope = self.scope(table, None);
        parse(&spanned(text), &scope, &self.catalog, &mut self.graph, Want::Any)
    }
    fn id(&mut self, table: &str, text: &str) -> ExprId {
        self.parse(table, text).unwrap_or_else(|e| panic!("{text}: {e}"))
    }
}

fn spanned(text: &str) -> Spanned<String> {
    let source = Arc::new(SourceText { name: "rule.yaml".to_owned(), text: text.to_owned() });
    Spanned::new(text.to_owned(), Span { source, range: 0..text.len() })
}
