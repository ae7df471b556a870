//! What is sealed: originals, to public keys whose private halves are elsewhere.

pub mod originals;
