//! `check`: see ARCHITECTURE.md.
