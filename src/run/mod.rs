//! `run`: see ARCHITECTURE.md.
