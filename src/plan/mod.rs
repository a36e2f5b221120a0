//! The logical plan: typed expressions ([`Expr`]) over relations ([`Rel`]), hash-consed in one [`Graph`] for all rules.
//!
//! Free of Polars types and of rules: the same graph can be rendered for another engine. Nodes are referred to by
//! small ids; equal nodes get equal ids, which is how the work of many rules merges.

mod catalog;
mod expr;
mod graph;
mod scope;

pub use catalog::{Catalog, ColumnDef, Coverage, LinkDef, ParameterDef, ParameterKind, Pick, TableDef};
pub use expr::{AggregateFunction, BinaryOp, Expr, Function, UnaryOp};
pub use graph::{Each, ExprId, Graph, Hop, KeyPart, LinkId, Neighbour, NeighbourId, ParameterId, Rel, RelId, RowRef, RowSet, SetId, Step};
pub use scope::{Scope, Slot};
