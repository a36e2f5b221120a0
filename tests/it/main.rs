//! Tests of the whole program and of the source tree. One binary: each further one would link the engine again.

mod audit;
mod checks;
mod bad_input;
mod cli;
mod link;
mod linkage;
mod load;
mod real_data;
mod rule_page;
mod rules;
mod rules_index;
mod synth;
mod tidy;
