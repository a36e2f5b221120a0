//! `rule`: see ARCHITECTURE.md.
