//! Which languages a call is held in. What a transcript says of itself is
//! advice: recognisers name Welsh, Latin or English whatever was said. The
//! words decide.

use super::lexicon::{Lexicon, class, normalise};
use super::ruleset::Ruleset;
use crate::call::{Word, language_code};

/// Words that are looked at together.
const WINDOW: usize = 12;
/// Words of a language among them, more than of the main one, that tell it.
const LEAST: usize = 3;
/// Words in a row that the main language does not know, nearly all of which another does:
/// digits in one's mother tongue.
const ROW: usize = 4;
/// Words whose votes are counted together.
const STRETCH: usize = 8;
/// Stretches in a row that are weighed together: a question in another language is short.
const TOGETHER: usize = 2;
/// Votes of a language among them that tell it.
const LEAST_VOTES: usize = 3;

/// The lexicons to read `words` with: the one declared, by the transcript or
/// the settings, unless the call is plainly in another, and every other that a
/// stretch of the call is in.
pub fn spoken<'a>(words: &[Word], declared: Option<&str>, rules: &'a Ruleset) -> Vec<&'a Lexicon> {
    let known = |name: Option<&str>| position(&language_code(name?), &rules.lexicons);
    let own = known(declared).or_else(|| known(rules.language.as_deref()));
    let told = told(words, &rules.lexicons);
    let all = |l: usize| told[l].iter().sum::<usize>();
    let most = (0..told.len()).rev().max_by_key(|l| all(*l)).unwrap_or(0);
    let first = own.filter(|own| all(most) <= 2 * all(*own) + LEAST).unwrap_or(most);
    let votes = votes(words, &rules.lexicons);
    let in_part = |l: usize| {
        tells(&votes[l], &votes[first])
            || windows(&told[l]).zip(windows(&told[first])).any(|(here, main)| here >= main + LEAST)
            || told[l].windows(ROW).zip(told[first].windows(ROW)).any(|(here, main)| {
                here.iter().filter(|t| **t > 0).count() >= LEAST && main.iter().all(|t| *t == 0)
            })
    };
    let others = (0..rules.lexicons.len()).filter(|l| *l != first && (in_part(*l) || Some(*l) == own));
    std::iter::once(first).chain(others).filter_map(|l| rules.lexicons.get(l)).collect()
}

fn position(code: &str, lexicons: &[Lexicon]) -> Option<usize> {
    lexicons.iter().position(|l| *l.language == *code)
}

/// How many of every [`WINDOW`] words in a row.
fn windows(told: &[usize]) -> impl Iterator<Item = usize> + '_ {
    let width = WINDOW.min(told.len()).max(1);
    told.windows(width).map(|w| w.iter().sum())
}

/// For each language, how much every word tells that it is the language of the
/// call: twice where it is one of its common words, once where it is one that
/// some language does not know.
fn told(words: &[Word], lexicons: &[Lexicon]) -> Vec<Vec<usize>> {
    let mut told = vec![vec![0; words.len()]; lexicons.len()];
    if lexicons.len() < 2 {
        return told;
    }
    for (i, word) in words.iter().enumerate() {
        let plain = normalise(word.text.trim());
        let known: Vec<_> = lexicons.iter().map(|l| l.entry_of(&plain)).collect();
        // What every language knows ("no", "visa", "44") tells none.
        if known.iter().all(Option::is_some) {
            continue;
        }
        for (told, entry) in told.iter_mut().zip(&known) {
            told[i] = entry.map_or(0, |e| 1 + usize::from(e.classes & class::VOTE != 0));
        }
    }
    told
}

/// Does any stretch vote for a language rather than for the main one?
fn tells(here: &[Votes], main: &[Votes]) -> bool {
    let sum = |v: &[Votes], of: fn(&Votes) -> usize| v.iter().map(of).sum::<usize>();
    here.windows(TOGETHER).zip(main.windows(TOGETHER)).any(|(here, main)| {
        let here = sum(here, |v| v.own);
        here >= LEAST_VOTES && here > 2 * sum(main, |v| v.common)
    })
}

/// What the words of one stretch say for a language.
#[derive(Clone, Copy, Default)]
struct Votes {
    /// Its commonest words.
    common: usize,
    /// Those, and words that begin a phrase of it and are known in no other language.
    own: usize,
}

/// The votes for each language in every stretch; a stretch more than there are words for.
fn votes(words: &[Word], lexicons: &[Lexicon]) -> Vec<Vec<Votes>> {
    let mut votes = vec![vec![Votes::default(); words.len() / STRETCH + TOGETHER]; lexicons.len()];
    if lexicons.len() < 2 {
        return votes;
    }
    let mut known = vec![0; lexicons.len()];
    for (i, word) in words.iter().enumerate() {
        let plain = normalise(word.text.trim());
        for (l, lexicon) in lexicons.iter().enumerate() {
            known[l] = lexicon.entry_of(&plain).map_or(0, |e| e.classes | class::KNOWN);
        }
        let alone = known.iter().filter(|k| **k != 0).count() == 1;
        for (l, classes) in known.iter().enumerate() {
            let common = classes & class::VOTE != 0;
            let stretch = &mut votes[l][i / STRETCH];
            stretch.common += usize::from(common);
            stretch.own += usize::from(common || alone && classes & class::STARTS_PHRASE != 0);
        }
    }
    votes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::detect;
    use std::sync::LazyLock;

    static RULES: LazyLock<Ruleset> = LazyLock::new(|| Ruleset::alone().expect("the lexicons"));

    /// Codes and names that recognisers write, right and wrong.
    const TOLD: [Option<&str>; 14] = [
        None,
        Some(""),
        Some("en"),
        Some("en-US"),
        Some("English"),
        Some("es"),
        Some("castilian"),
        Some("fr"),
        Some("FRENCH"),
        Some("cy"),
        Some("nn"),
        Some("la"),
        Some("pt"),
        Some("eng"),
    ];

    fn words(text: &str) -> Vec<Word> {
        let word = |(n, text): (usize, &str)| Word {
            text: text.to_owned(),
            start_s: n as f64 * 0.4,
            end_s: n as f64 * 0.4 + 0.3,
            speaker: None,
        };
        text.split_whitespace().enumerate().map(word).collect()
    }

    #[track_caller]
    fn holds(text: &str, secret: &str) {
        let plain: Vec<&str> = text.split_whitespace().collect();
        let value: Vec<&str> = secret.split_whitespace().collect();
        let at = plain.windows(value.len()).position(|w| *w == *value).expect("the value is in the text");
        for told in TOLD {
            let found = detect(&words(text), told, &RULES);
            let whole = found.iter().any(|d| d.first <= at && d.last + 1 >= at + value.len());
            assert!(whole, "called {told:?}: {text}");
        }
    }

    #[test]
    fn a_short_call_is_understood_whatever_its_transcript_calls_it() {
        holds(
            "y me dice el código de seguridad? sí, es siete cero nueve, muchas gracias",
            "siete cero nueve,",
        );
        holds(
            "me da el número de su tarjeta por favor? cinco cinco cinco cinco cuatro uno dos tres gracias",
            "cinco cinco cinco cinco cuatro uno dos tres",
        );
        holds(
            "et le cryptogramme au dos de la carte? oui c'est huit zéro six merci beaucoup",
            "huit zéro six",
        );
        holds(
            "quelle est votre date de naissance s'il vous plaît? le deux mai mille neuf cent soixante merci",
            "deux mai mille neuf cent soixante",
        );
        holds("and what is the security code on the back? seven oh nine thank you", "seven oh nine");
    }

    #[test]
    fn a_call_that_changes_its_language_is_understood_in_both() {
        let english =
            "thanks for calling what is the security code on your card please it is seven oh nine okay";
        let spanish =
            "un momento le paso con mi compañera dígame su código de seguridad es cuatro cinco tres gracias";
        holds(&format!("{english} {spanish}"), "seven oh nine");
        holds(&format!("{english} {spanish}"), "cuatro cinco tres");
        holds(&format!("{spanish} {english}"), "seven oh nine");
    }

    #[test]
    fn an_english_call_is_read_in_english_alone() {
        let text =
            "hi this is the front desk how can i help you i would like to book a table for two at eight";
        let read = spoken(&words(text), Some("en"), &RULES);
        assert_eq!(read.len(), 1);
        assert_eq!(&*read[0].language, "en");
    }
}
