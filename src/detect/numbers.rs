//! Numbers as people say them and as engines write them: runs of digits and
//! number words, with the fillers and breaths in between.

use super::lexicon::Lexicon;
use crate::call::Word;

/// A run of number words, `first..=last`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub first: usize,
    pub last: usize,
    /// How many digits it carries, as far as its words tell.
    pub digits: usize,
    /// A price, a time or a count by the word after it or its sign.
    pub counted: bool,
    /// The digits' grouping where one word writes it (`123-45-6789` → 3, 2, 4).
    pub groups: Vec<usize>,
    /// It holds a month's name: a date.
    pub month: bool,
    /// It is a single word such as "one" or "second" that is seldom a number.
    pub pronoun: bool,
}

/// Fillers that a run may hold between two numbers.
const MAX_FILLERS: usize = 3;
/// A pause after which a new value begins, where nothing else parts them.
const MAX_PAUSE_S: f64 = 8.0;

/// How many digits a word carries; `None` when it is no number.
fn digits_in(plain: &str, lexicon: &Lexicon) -> Option<usize> {
    let numbers = &lexicon.numbers;
    let digits = plain.chars().filter(char::is_ascii_digit).count();
    if digits > 0 {
        let stripped = ["st", "nd", "rd", "th"].iter().find_map(|s| plain.strip_suffix(s)).unwrap_or(plain);
        let numeric = |c: char| c.is_ascii_digit() || "-./,:()+$#*x".contains(c);
        return stripped.chars().all(numeric).then_some(digits);
    }
    if numbers.units.contains(plain) || numbers.repeats.contains(plain) {
        return Some(1);
    }
    if numbers.teens.contains(plain)
        || numbers.tens.contains(plain)
        || numbers.scales.contains(plain)
        || numbers.ordinals.contains(plain)
    {
        return Some(2);
    }
    // "forty-five", "twenty-first".
    let (a, b) = plain.split_once('-')?;
    let known = |w: &str| {
        numbers.units.contains(w)
            || numbers.ordinals.contains(w)
            || numbers.teens.contains(w)
            || numbers.tens.contains(w)
    };
    ((numbers.tens.contains(a) || known(a)) && known(b)).then_some(2)
}

/// A word that says a number or, in a date, a month.
fn part_of_run(plain: &str, lexicon: &Lexicon) -> Option<usize> {
    let month = lexicon.words.months.contains(plain) && plain != "may" && plain != "march";
    if month { Some(0) } else { digits_in(plain, lexicon) }
}

/// "may" and "march" are months next to a number alone.
fn is_month(plain: &[String], at: usize, lexicon: &Lexicon) -> bool {
    let beside =
        |i: Option<usize>| i.and_then(|i| plain.get(i)).is_some_and(|w| digits_in(w, lexicon).is_some());
    lexicon.words.months.contains(&plain[at])
        && (!matches!(plain[at].as_str(), "may" | "march")
            || beside(at.checked_sub(1))
            || beside(Some(at + 1)))
}

/// Every run of numbers in order.
pub fn runs(words: &[Word], plain: &[String], lexicon: &Lexicon) -> Vec<Run> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < plain.len() {
        if part_of_run(&plain[at], lexicon).is_some() || is_month(plain, at, lexicon) {
            let run = run_from(words, plain, at, lexicon);
            at = run.last + 1;
            out.push(run);
        } else {
            at += 1;
        }
    }
    // A month's name alone is no value.
    out.retain(|r| r.digits > 0);
    out
}

fn run_from(words: &[Word], plain: &[String], first: usize, lexicon: &Lexicon) -> Run {
    let mut run = Run {
        first,
        last: first,
        digits: 0,
        counted: false,
        groups: Vec::new(),
        month: false,
        pronoun: false,
    };
    let mut at = first;
    let mut fillers = 0;
    while at < plain.len() {
        if at > first && words[at].start_s - words[run.last].end_s > MAX_PAUSE_S {
            break;
        }
        if is_month(plain, at, lexicon) {
            run.month = true;
            run.last = at;
            fillers = 0;
        } else if at > first && is_listener(words, plain, run.last, at, lexicon) {
            break;
        } else if let Some(digits) = digits_in(&plain[at], lexicon) {
            run.digits += digits;
            run.last = at;
            run.groups.extend(groups_of(&plain[at]));
            fillers = 0;
        } else if lexicon.numbers.homophones.contains(&plain[at])
            && plain.get(at + 1).is_some_and(|w| digits_in(w, lexicon) == Some(1))
            && digits_in(&plain[at - 1], lexicon) == Some(1)
            && run.digits >= 2
        {
            run.digits += 1;
            run.last = at;
        } else if (lexicon.is_filler(&plain[at]) || run.month && plain[at] == "of") && fillers < MAX_FILLERS {
            fillers += 1;
        } else {
            break;
        }
        at += 1;
    }
    run.counted = is_counted(plain, &run, lexicon);
    run.pronoun = run.first == run.last && lexicon.numbers.pronouns.contains(&plain[first]);
    run
}

/// "One moment, please": whoever listens says a word that is seldom a number, and no number after it.
fn is_listener(words: &[Word], plain: &[String], before: usize, at: usize, lexicon: &Lexicon) -> bool {
    lexicon.numbers.pronouns.contains(&plain[at])
        && words[at].speaker != words[before].speaker
        && plain.get(at + 1).is_some_and(|w| part_of_run(w, lexicon).is_none() && !lexicon.is_filler(w))
}

/// `123-45-6789` → 3, 2, 4; `4532` → 4.
fn groups_of(plain: &str) -> Vec<usize> {
    plain.split(|c: char| !c.is_ascii_digit()).map(str::len).filter(|n| *n > 0).collect()
}

fn is_counted(plain: &[String], run: &Run, lexicon: &Lexicon) -> bool {
    let after = plain.get(run.last + 1).is_some_and(|w| lexicon.numbers.units_after.contains(w));
    let sign = plain[run.first..=run.last].iter().any(|w| w.contains('$') || w.contains(':'));
    run.digits <= 7 && (after || sign)
}
