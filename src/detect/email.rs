//! E-mail addresses: `john@example.com`, and `j o h n at example dot com`.

use super::Detection;
use super::lexicon::Lexicon;
use crate::call::{Reason, Word};

/// Words between "at" and the domain's last "dot".
const MAX_DOMAIN_WORDS: usize = 8;
/// Words of a local part at most: letters spelled one by one.
const MAX_LOCAL_WORDS: usize = 40;
/// A pause that parts the address from what was said before it.
const MAX_PAUSE_S: f64 = 4.0;

pub fn find(words: &[Word], plain: &[String], lexicon: &Lexicon) -> Vec<Detection> {
    let mut found: Vec<Detection> = Vec::new();
    for at in 0..plain.len() {
        let whole = plain[at].len() > 3 && plain[at].contains('@') && plain[at].contains('.');
        let last = if whole { Some(at) } else { domain_end(plain, at, lexicon) };
        if let Some(last) = last {
            let first = if whole { at } else { local_start(words, plain, at, lexicon) };
            found.push(Detection { first, last, reason: Reason::Email });
        }
    }
    found
}

/// Where the domain after an "at" ends: at `example.com`, or at a top-level
/// name after a "dot".
fn domain_end(plain: &[String], at: usize, lexicon: &Lexicon) -> Option<usize> {
    let words = &lexicon.words;
    if !words.at.contains(&plain[at]) {
        return None;
    }
    let mut end = None;
    for i in at + 1..plain.len().min(at + 1 + MAX_DOMAIN_WORDS) {
        let written = plain[i].rsplit_once('.').is_some_and(|(_, tld)| words.domains.contains(tld));
        let spoken = i > at + 2 && words.dot.contains(&plain[i - 1]) && words.domains.contains(&plain[i]);
        if written || spoken {
            end = Some(i);
        } else if end.is_some() && !words.dot.contains(&plain[i]) {
            break;
        }
    }
    end
}

/// Back from the "at" over spelled letters, numbers and joints; a plain word
/// beside a joint or beside the "at" belongs to it.
fn local_start(words: &[Word], plain: &[String], at: usize, lexicon: &Lexicon) -> usize {
    let mut first = at;
    let mut plain_words = 0;
    while first > 0 && at - first < MAX_LOCAL_WORDS {
        let before = first - 1;
        let word = plain[before].as_str();
        let pause = words[first].start_s - words[before].end_s > MAX_PAUSE_S;
        let letter = word.chars().count() == 1 && word != "a" || word.chars().all(|c| c.is_ascii_digit());
        let joint = lexicon.words.mail_parts.contains(word) || lexicon.numbers.units.contains(word);
        if pause || lexicon.words.links.contains(word) && !joint {
            break;
        }
        if !letter && !joint {
            plain_words += 1;
            let after_joint = first < at && lexicon.words.mail_parts.contains(&plain[first]);
            if !after_joint && (plain_words > 1 || first < at) {
                break;
            }
        }
        first = before;
    }
    first
}
