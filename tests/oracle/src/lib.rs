//! The ear of the end-to-end tests. A call is composed from human voices, so
//! that it is known to a hundredth of a second where each digit sounds
//! ([`compose`]); a speech engine's words are made from that truth and bent as
//! engines bend them ([`engine`]); and after the redaction a classifier that
//! reads spoken digits ([`reader`]) listens to every place where one was said.
//!
//! It is no detector: in conversation it takes three words of four for digits.
//! Asked which digit sounds *here*, it is right 19 times of 20, and that is
//! what a test needs.

pub mod compose;
pub mod engine;
pub mod mel;
pub mod reader;
