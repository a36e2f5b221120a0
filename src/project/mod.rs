//! `project`: see ARCHITECTURE.md.
