//! `source`: see ARCHITECTURE.md.
