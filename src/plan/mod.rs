//! The logical plan: typed expressions ([`Expr`]) over relations ([`Rel`]), hash-consed in one [`Graph`] for all rules.
//!
//! Free of Polars types and of rules: the same graph can be rendered for another engine. Nodes are referred to by
//! small ids; equal nodes get equal ids, which is how the work of many rules merges.

mod aggregates;
mod arithmetic;
mod build;
mod calls;
mod catalog;
mod checker;
mod compare;
mod expr;
mod fold;
mod functions;
mod graph;
mod grouping;
mod lexer;
mod names;
mod needs;
mod partition;
mod policy;
mod rows;
mod scope;
pub mod select;
mod show;
mod syntax;
mod types;
mod views;

pub use catalog::{Catalog, ColumnDef, Coverage, LinkDef, ParameterDef, ParameterKind, Pick, TableDef};
pub use checker::parse;
pub use expr::{AggregateFunction, BinaryOp, Expr, Function, UnaryOp};
pub use fold::{first_digits, like};
pub use functions::{FUNCTIONS, Family, FunctionDoc, page as functions_page};
pub use graph::{
    Each, ExprId, Graph, Hop, KeyPart, LinkId, ListTag, Neighbour, NeighbourId, ParameterId, Rel, RelId, RowRef, RowSet, SetId, Step, Test,
    TestId, TestMembers,
};
pub use grouping::{Grouping, Keyed, LINKED_COLUMNS, LinkSpec, RING_COLUMNS};
pub(crate) use lexer::{Token, TokenKind, tokens};
pub use needs::{needs, reads};
pub use partition::{Asked, Fetch, Partition, partitions};
pub use rows::{Node, UNREAD, Walker};
pub use scope::{Scope, Slot};
pub use show::Part;
pub use types::Want;

#[cfg(test)]
mod tests;
