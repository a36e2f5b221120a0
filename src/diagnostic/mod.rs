//! `diagnostic`: see ARCHITECTURE.md.
