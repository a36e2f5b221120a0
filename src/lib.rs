//! `recount` audits a social-assistance programme: tables in, cases worth a visit out.
//!
//! The modules stand in the order of the data's way; each may use only what stands before it
//! (a tidy test enforces it). `ARCHITECTURE.md` tells what each one holds.

pub mod diagnostic;
pub mod schema;
pub mod linkage;
pub mod stats;
pub mod grouping;
pub mod project;
pub mod source;
pub mod table;
pub mod plan;
pub mod check;
pub mod exec;
pub mod finding;
pub mod rule;
pub mod engine;
pub mod case;
pub mod run;
pub mod report;
pub mod link;
pub mod canonical;
pub mod synth;
pub mod cli;
