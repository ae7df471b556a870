//! What the learned reader sees of a word: a handful of numbers, never the word itself.

use crate::call::Word;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Features of one word.
pub const COUNT: usize = 7;

/// Characters of a word's shape at most.
const SHAPE: usize = 24;
/// Equal letters in a row that a shape shows at most.
const RUN: usize = 2;
/// Digits that are told apart at most.
const MOST_DIGITS: usize = 20;
/// What may stand around a word.
const AROUND: &[char] = &['.', ',', '?', '!', ';', ':', '"', '\'', '(', ')', '-', '…', '¿', '¡'];

/// What is seen of a word.
pub struct Seen {
    /// Rows of the embedding.
    pub rows: [u32; COUNT],
    /// By which hash the word's vector is found.
    pub vector: u32,
}

/// What is seen of each word; all rows are below `rows`. `rules` says
/// which reason the rules see in each word, numbered from 1, or 0.
pub fn of(words: &[Word], rules: &[usize], rows: u32) -> Vec<Seen> {
    let mut before: Option<(&Word, usize)> = None;
    let mut out = Vec::with_capacity(words.len());
    for (word, rule) in words.iter().zip(rules) {
        out.push(one(word, *rule, before, rows));
        before = Some((word, *rule));
    }
    out
}

fn one(word: &Word, rule: usize, before: Option<(&Word, usize)>, rows: u32) -> Seen {
    let raw = word.text.trim();
    let folded: String = raw.to_lowercase().nfkd().filter(|c| !is_combining_mark(*c)).collect();
    let trimmed = folded.trim_matches(AROUND);
    let core = if trimmed.is_empty() { folded.as_str() } else { trimmed };
    let core: String = core.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let letters = core.chars().count();
    let digits = raw.chars().filter(char::is_ascii_digit).count().min(MOST_DIGITS);
    let begins = rule > 0 && before.is_none_or(|(_, before)| before != rule);
    let row = |kind: char, value: &str| hash(kind, value) % rows;
    let rows = [
        row('w', &core),
        row('s', &shape(raw)),
        row('p', &core.chars().take(3).collect::<String>()),
        row('e', &core.chars().skip(letters.saturating_sub(3)).collect::<String>()),
        row('t', &turn(word, before.map(|(word, _)| word), &folded)),
        row('r', &format!("{rule}{}", if begins { "b" } else { "" })),
        row('n', &format!("{digits}{}", if letters == 1 { "L" } else { "" })),
    ];
    Seen { rows, vector: hash('v', &core) }
}

/// Who speaks, as far as it is known, and how the word ends a sentence.
fn turn(word: &Word, before: Option<&Word>, folded: &str) -> String {
    let speaker = match (&word.speaker, before) {
        (None, _) => 'n',
        (now, Some(before)) if *now != before.speaker => 'c',
        _ => 's',
    };
    let end = folded.chars().last().filter(|c| matches!(c, '.' | '?' | '!' | ',')).unwrap_or('-');
    format!("{speaker}{end}")
}

/// "Xx,dd": letters and digits by their kinds, the rest as it is.
fn shape(raw: &str) -> String {
    let mut out: Vec<char> = Vec::new();
    for c in raw.chars() {
        let kind = match c {
            _ if c.is_ascii_digit() => 'd',
            _ if c.is_uppercase() => 'A',
            _ if c.is_alphabetic() => 'a',
            _ => c,
        };
        let run = out.iter().rev().take_while(|k| **k == kind).count();
        if !(matches!(kind, 'a' | 'A') && run >= RUN) {
            out.push(kind);
        }
    }
    out.truncate(SHAPE);
    out.into_iter().collect()
}

/// FNV-1a of 32 bits, its high bits folded in.
fn hash(kind: char, value: &str) -> u32 {
    let bytes = std::iter::once(kind as u8).chain(value.bytes());
    let sum = bytes.fold(2_166_136_261_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(16_777_619));
    sum ^ (sum >> 15)
}
