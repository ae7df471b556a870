//! What was found once is found wherever it is said again: the agent's
//! read-back, the caller's repetition.

use super::Detection;
use super::lexicon::class;
use super::numbers::{Chunk, Kind};
use super::text::Text;
use crate::call::Reason;
use std::collections::{HashMap, HashSet};

/// Fewer digits may be anything.
const LEAST_DIGITS: usize = 3;
/// Words between a value and its spelling.
const SPELLED_WORDS: usize = 14;
/// Words before a value that is said anew, and its digits.
const ANEW_WORDS: usize = 10;
const MOST_DIGITS: usize = 19;
/// A word of a password or a street that is said again.
const LEAST_LETTERS: usize = 4;

/// Chunks and words outside `found` that repeat a part of what was found.
pub fn find(text: &Text, chunks: &[Chunk], found: &[Detection]) -> Vec<Detection> {
    let covered = covered(text.len(), found);
    let mut out = numbers(chunks, found, &covered);
    out.extend(words(text, found, &covered));
    out.extend(spelled(text, chunks, found, &covered));
    out
}

fn covered(len: usize, found: &[Detection]) -> Vec<bool> {
    let mut covered = vec![false; len];
    for d in found {
        covered[d.first..=d.last].fill(true);
    }
    covered
}

fn numbers(chunks: &[Chunk], found: &[Detection], covered: &[bool]) -> Vec<Detection> {
    let digital = |r: Reason| !matches!(r, Reason::Email | Reason::Address | Reason::Name);
    // Digits of all found values of a reason in a row, so that a group said across two chunks is known.
    let mut said: Vec<(Reason, String)> = Vec::new();
    let mut dates: Vec<(Reason, &Chunk)> = Vec::new();
    let mut pieces: HashMap<String, Reason> = HashMap::new();
    let hidden = |c: &&Chunk| covered[c.first];
    for chunk in chunks.iter().filter(hidden) {
        let near = found.get(found.partition_point(|d| d.last < chunk.first));
        let reason = near.filter(|d| d.first <= chunk.first).map(|d| d.reason);
        let Some(reason) = reason.filter(|r| digital(*r)) else { continue };
        if chunk.month.is_some() {
            dates.push((reason, chunk));
        }
        match said.last_mut() {
            Some((last, digits)) if *last == reason => digits.push_str(&chunk.digits),
            _ => said.push((reason, chunk.digits.clone())),
        }
    }
    for (reason, digits) in &said {
        // Every window of three digits: a chunk repeats a value when all of its windows are known.
        for at in 0..digits.len().saturating_sub(LEAST_DIGITS - 1) {
            pieces.entry(digits[at..at + LEAST_DIGITS].to_owned()).or_insert(*reason);
        }
    }
    // "eight one one", "wait", "eight one one four oh seven": what broke off is said anew.
    let longer = |chunk: &Chunk| {
        let before = found.partition_point(|d| d.last < chunk.first).checked_sub(1).map(|n| &found[n])?;
        let said = chunks.iter().rev().find(|c| c.last <= before.last && c.first >= before.first)?;
        let begins = said.len() >= LEAST_DIGITS
            && chunk.len() > said.len()
            && chunk.len() <= MOST_DIGITS
            && chunk.digits.starts_with(said.digits.as_str())
            && chunk.kind == Kind::Number;
        (begins && digital(before.reason) && chunk.first - before.last <= ANEW_WORDS).then_some(before.reason)
    };
    let mut out = Vec::new();
    for chunk in chunks.iter().filter(|c| !covered[c.first]) {
        let dated = dates.iter().find(|(_, said)| is_same_date(said, chunk)).map(|(reason, _)| *reason);
        let repeats = longer(chunk).or_else(|| {
            (chunk.len() >= LEAST_DIGITS && !matches!(chunk.kind, Kind::Price | Kind::Time))
                .then(|| {
                    let mut windows = (0..=chunk.len() - LEAST_DIGITS)
                        .map(|k| pieces.get(&chunk.digits[k..k + LEAST_DIGITS]));
                    let first = windows.next().flatten()?;
                    windows.all(|w| w.is_some()).then_some(*first)
                })
                .flatten()
        });
        if let Some(reason) = repeats.or(dated) {
            out.push(Detection::new(chunk.first, chunk.last, reason, "read back"));
        }
    }
    out
}

/// Of the same month, and of no other day and year: "March" again, or "March ninth" for "March ninth 84".
fn is_same_date(said: &Chunk, again: &Chunk) -> bool {
    let (said_digits, digits) = (said.digits.as_str(), again.digits.as_str());
    let alike = said_digits.contains(digits) || digits.contains(said_digits);
    let years = |of: &str| of.len().checked_sub(2).and_then(|at| of.get(at..)).map(str::to_owned);
    let same_year = said_digits.len() > 2 && digits.len() > 2 && years(said_digits) == years(digits);
    said.month.is_some() && said.month == again.month && (alike || same_year)
}

/// Letters that are spelled soon after a value that is words: "can you spell that?"
fn spelled(text: &Text, chunks: &[Chunk], found: &[Detection], covered: &[bool]) -> Vec<Detection> {
    let letters = chunks.iter().filter(|c| c.letters >= LEAST_DIGITS && !covered[c.first]);
    letters
        .filter_map(|chunk| {
            let before = found.partition_point(|d| d.last < chunk.first).checked_sub(1)?;
            let near = &found[before];
            let words = matches!(near.reason, Reason::Password | Reason::Email | Reason::Name);
            let close = chunk.first - near.last <= SPELLED_WORDS;
            // "o b r i e n": a first letter that is a word elsewhere.
            let first = (near.last + 1..chunk.first).rev().take_while(|i| text.tokens[*i].letter).last();
            let first = first.unwrap_or(chunk.first);
            let turn = text.tokens[chunk.last].turn;
            let letter = |i: &usize| text.tokens[*i].letter && text.tokens[*i].turn == turn;
            let last = (chunk.last + 1..text.len()).take_while(letter).last().unwrap_or(chunk.last);
            (words && close).then(|| Detection::new(first, last, near.reason, "spelled"))
        })
        .collect()
}

/// Words of a password, an e-mail address or a street that are said once more.
fn words(text: &Text, found: &[Detection], covered: &[bool]) -> Vec<Detection> {
    let mut secret: HashMap<String, Reason> = HashMap::new();
    let mut spelled: HashSet<String> = HashSet::new();
    for d in found {
        if !matches!(d.reason, Reason::Password | Reason::Email | Reason::Address | Reason::Name) {
            continue;
        }
        for i in d.first..=d.last {
            let token = &text.tokens[i];
            let known = token.classes & !(class::STARTS_PHRASE | class::SPELLING) != 0
                || token.written.is_some()
                || token.numeral.is_some();
            let name = !known;
            let plain = text.plain(i);
            if name && plain.chars().count() >= LEAST_LETTERS {
                secret.insert(plain.into_owned(), d.reason);
            }
        }
        let letters: Vec<String> = (d.first..=d.last)
            .filter(|i| text.tokens[*i].letter)
            .map(|i| text.plain(i).into_owned())
            .collect();
        spelled.extend(letters.windows(3).map(<[String]>::concat));
    }
    let mut out: Vec<Detection> = spelled_words(text, found, covered);
    out.extend(hyphenated(text, found, covered));
    for i in 0..text.len() {
        if covered[i] {
            continue;
        }
        if !secret.is_empty()
            && let Some(reason) = secret.get(text.plain(i).as_ref())
        {
            out.push(Detection::new(i, i, *reason, "read back"));
        }
        if !spelled.is_empty()
            && i + 2 < text.len()
            && (i..i + 3).all(|k| text.tokens[k].letter && !covered[k])
        {
            let three: String = (i..i + 3).map(|k| text.plain(k).into_owned()).collect();
            if spelled.contains(&three) {
                out.push(Detection::new(i, i + 2, Reason::Email, "read back"));
            }
        }
    }
    out
}

/// "john, that's j o h n": the word whose letters are spelled close by.
fn spelled_words(text: &Text, found: &[Detection], covered: &[bool]) -> Vec<Detection> {
    let mut out = Vec::new();
    for d in found.iter().filter(|d| matches!(d.reason, Reason::Password | Reason::Email | Reason::Name)) {
        let letters: String = (d.first..=d.last)
            .filter(|i| text.tokens[*i].letter && !names_letter_before(text, *i))
            .map(|i| text.plain(i).chars().take(1).collect::<String>())
            .collect();
        if letters.len() < LEAST_DIGITS {
            continue;
        }
        let near = d.first.saturating_sub(SPELLED_WORDS)..text.len().min(d.last + SPELLED_WORDS + 1);
        for i in near.filter(|i| !covered[*i]) {
            // "Winter#88": its letters.
            let plain: String = text.plain(i).chars().filter(|c| c.is_alphabetic()).collect();
            if plain.chars().count() >= LEAST_DIGITS && letters.contains(&plain) {
                out.push(Detection::new(i, i, d.reason, "spelled"));
            }
        }
    }
    out
}

/// "s sierra": the word that spells the letter before it once more.
fn names_letter_before(text: &Text, at: usize) -> bool {
    let Some(before) = at.checked_sub(1).filter(|_| text.tokens[at].is(class::SPELLING)) else {
        return false;
    };
    let (letter, word) = (text.plain(before), text.plain(at));
    letter.chars().count() == 1 && word.starts_with(letter.as_ref())
}

/// "H-A-L-E": a word of letters with hyphens, soon after a value that is words.
fn hyphenated(text: &Text, found: &[Detection], covered: &[bool]) -> Vec<Detection> {
    let mut out = Vec::new();
    for i in (0..text.len()).filter(|i| !covered[*i]) {
        let plain = text.plain(i);
        let letter = |part: &str| part.chars().count() == 1 && part.chars().all(char::is_alphabetic);
        if !(plain.contains('-') && plain.split('-').all(letter) && plain.split('-').count() >= LEAST_DIGITS)
        {
            continue;
        }
        let before = found.partition_point(|d| d.last < i).checked_sub(1).map(|n| &found[n]);
        let near = before.filter(|d| i - d.last <= SPELLED_WORDS);
        let words = |d: &&Detection| matches!(d.reason, Reason::Password | Reason::Email | Reason::Name);
        out.extend(near.filter(words).map(|d| Detection::new(i, i, d.reason, "spelled")));
    }
    out
}
