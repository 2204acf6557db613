//! The Perses dialect: its documents and its words.

pub mod wire;
