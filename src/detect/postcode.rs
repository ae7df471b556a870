//! Postcodes of letters and digits, as they are spelled: "S W one A two A A",
//! "M for mother one four B T", "K one A oh B one".

use super::cues::{Cue, Marks};
use super::lexicon::{Numeral, class};
use super::text::{Text, Written};
use std::ops::RangeInclusive;

/// Letters and digits of the longest: "SW1A2AA".
const MOST_CHARS: usize = 7;
/// Words between the keyword and its postcode.
const REACH: usize = 14;
/// Letters and digits that are a postcode where one was asked for.
const LEAST_ASKED: usize = 4;

/// A British postcode (BS 7666): a district and a unit of a digit and two letters.
fn is_british(code: &[u8]) -> bool {
    let Some((district, unit)) = code.len().checked_sub(3).map(|at| code.split_at(at)) else { return false };
    let area = district.iter().take_while(|c| c.is_ascii_alphabetic() && **c != b'O').count().min(2);
    let rest = &district[area..];
    (1..=2).contains(&area)
        && (1..=2).contains(&rest.len())
        && is_digit(rest[0])
        && rest[1..].iter().all(u8::is_ascii_alphanumeric)
        && is_digit(unit[0])
        && unit[1..].iter().all(u8::is_ascii_alphabetic)
}

/// A Canadian postal code: letters and digits by turns.
fn is_canadian(code: &[u8]) -> bool {
    let by_turns = |(at, c): (usize, &u8)| if at % 2 == 0 { c.is_ascii_alphabetic() } else { is_digit(*c) };
    code.len() == 6 && code.iter().enumerate().all(by_turns)
}

/// "oh" is heard for a zero.
fn is_digit(c: u8) -> bool {
    c.is_ascii_digit() || c == b'O'
}

pub(super) struct Postcodes<'a> {
    pub text: &'a Text<'a>,
    pub marks: &'a Marks,
}

impl Postcodes<'_> {
    /// The last word of the postcode that begins at `at`.
    pub fn ends(&self, at: usize) -> Option<usize> {
        let mut code = Vec::new();
        let mut end = None;
        let first = self.text.tokens.get(at)?;
        if !(first.letter || first.written == Some(Written::Mixed)) {
            return None;
        }
        for i in at..self.text.len() {
            let token = &self.text.tokens[i];
            if token.turn != first.turn {
                break;
            }
            if token.nato {
                end = end.map(|_| i);
                continue;
            }
            if !self.chars(i, &mut code) {
                if token.is_filler() && code.len() < MOST_CHARS {
                    continue;
                }
                break;
            }
            if code.len() > MOST_CHARS {
                break;
            }
            if is_british(&code) || is_canadian(&code) {
                end = Some(i);
            }
        }
        end
    }

    /// What was asked for with `cue`: a postcode by its shape, or letters and
    /// digits in a row where it was the postcode that was asked for.
    pub fn after(&self, cue: &Cue) -> Option<RangeInclusive<usize>> {
        let tokens = &self.text.tokens;
        let reach = cue.last + 1..tokens.len().min(cue.last + 1 + REACH);
        if let Some(found) = reach.clone().find_map(|i| Some(i..=self.ends(i)?)) {
            return Some(found);
        }
        if !(cue.first..=cue.last).any(|i| tokens[i].is(class::POST_CODE)) {
            return None;
        }
        let first = reach.clone().find(|i| self.begins(*i))?;
        let mut code = Vec::new();
        let mut last = first;
        for (i, token) in tokens.iter().enumerate().skip(first).take(REACH) {
            let aside = token.nato || token.is_filler() || self.marks.infill[i];
            if self.chars(i, &mut code) || token.nato {
                last = i;
            } else if !aside {
                break;
            }
        }
        let mixed = code.iter().any(u8::is_ascii_digit) && code.iter().any(u8::is_ascii_alphabetic);
        (mixed && code.len() >= LEAST_ASKED).then_some(first..=last)
    }

    /// A letter or a number, and another beside it.
    fn begins(&self, at: usize) -> bool {
        let mut code = Vec::new();
        self.chars(at, &mut code)
            && (code.len() > 1
                || self.text.tokens.get(at + 1).is_some_and(|t| t.nato)
                || at + 1 < self.text.len() && self.chars(at + 1, &mut code))
    }

    /// The letters and digits of a word, where it says nothing else.
    fn chars(&self, at: usize, code: &mut Vec<u8>) -> bool {
        let token = &self.text.tokens[at];
        let plain = self.text.plain(at);
        if token.letter || matches!(token.written, Some(Written::Digits | Written::Mixed)) {
            let own =
                if token.letter { &plain[..plain.chars().next().map_or(0, char::len_utf8)] } else { &plain };
            code.extend(own.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_uppercase()));
            return true;
        }
        match token.numeral {
            Some(Numeral::Unit(n) | Numeral::Teen(n) | Numeral::Ten(n)) => {
                code.extend(n.to_string().bytes());
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postcodes_are_known_by_their_shape() {
        for code in ["SW1A2AA", "M14BT", "LS169JQ", "EC1Y8SY", "NW16XE", "BXXDD"] {
            assert_eq!(is_british(code.as_bytes()), code != "BXXDD", "{code}");
        }
        assert!(is_canadian(b"K1AOB1") && is_canadian(b"M5V3L9") && !is_canadian(b"M5V3L"));
        assert!(!is_british(b"AB12CDE") && !is_british(b""));
    }
}
