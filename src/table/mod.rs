//! `table`: see ARCHITECTURE.md.
