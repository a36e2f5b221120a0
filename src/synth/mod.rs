//! `synth`: see ARCHITECTURE.md.
