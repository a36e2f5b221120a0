//! `case`: see ARCHITECTURE.md.
