//! Why something was found, in words that hold nothing of it.

use super::Detection;
use crate::call::Word;

/// The shape of a value: `d` for a digit, `n` for a number word, `a` for a
/// word, `@` and punctuation as they are.
pub fn shape(words: &[Word], detection: &Detection) -> String {
    let one = |w: &Word| -> String {
        let text = w.text.trim();
        if !text.chars().any(|c| c.is_ascii_digit()) {
            return if text.contains('@') { "a@a".to_owned() } else { "a".to_owned() };
        }
        text.chars()
            .map(|c| {
                if c.is_ascii_digit() {
                    'd'
                } else if c.is_alphabetic() {
                    'a'
                } else {
                    c
                }
            })
            .collect()
    };
    words[detection.first..=detection.last].iter().map(one).collect::<Vec<_>>().join(" ")
}
