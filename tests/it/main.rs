//! Tests of the whole program and of the source tree. One binary: each further one would link the engine again.

mod aside;
mod audit;
mod checks;
mod delivery;
mod bad_input;
mod cli;
mod interrupt;
mod link;
mod linkage;
mod load;
mod night;
mod pages;
mod real_data;
mod report;
mod rule_page;
mod rules;
mod rules_index;
mod scale;
mod synth;
mod sql;
mod statistics;
mod tidy;
