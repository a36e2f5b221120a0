//! `schema`: see ARCHITECTURE.md.
