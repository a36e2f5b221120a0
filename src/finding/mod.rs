//! `finding`: see ARCHITECTURE.md.
