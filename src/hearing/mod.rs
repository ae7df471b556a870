//! What the sound itself tells of the words that an engine heard in it. Pure:
//! words and levels in, seconds out.
//!
//! An engine's times are evidence, not truth. `pace` knows how long it takes to
//! say something, `claims` which sound belongs to a word that stays and which
//! to the value beside it.

pub mod claims;
pub mod pace;
