//! A code that a rule names as one that nobody may choose: "it can't be 1234",
//! "nothing like 1111". It is nobody's.

use super::cues::Marks;
use super::numbers::Chunk;
use super::text::Text;

/// Words between what forbids it and the code.
const REACH_WORDS: usize = 10;
/// The shortest code that a rule names.
const LEAST_DIGITS: usize = 3;

/// Does a rule name this number as one that may not be chosen?
pub fn is_example(text: &Text, marks: &Marks, chunk: &Chunk) -> bool {
    is_plain(&chunk.digits) && forbidden(text, marks, chunk.first)
}

/// All digits alike, or each one more, or one less, than the one before.
fn is_plain(digits: &str) -> bool {
    let digits = digits.as_bytes();
    let steps = |step: i16| digits.windows(2).all(|w| i16::from(w[1]) - i16::from(w[0]) == step);
    digits.len() >= LEAST_DIGITS && (-1..=1).any(steps)
}

/// Said in the same turn, not long before.
fn forbidden(text: &Text, marks: &Marks, at: usize) -> bool {
    let turn = text.tokens[at].turn;
    let before = (at.saturating_sub(REACH_WORDS)..at).rev();
    before.take_while(|i| text.tokens[*i].turn == turn).any(|i| marks.forbids[i])
}
