//! E-mail addresses: `john@example.com`, "j o h n dot smith at gmail dot com",
//! and what people leave out when they spell one.

use super::cues::{Marks, What};
use super::lexicon::{Lexicon, class};
use super::text::Text;
use crate::call::Reason;
use std::ops::RangeInclusive;

/// Words between "at" and the domain's last "dot".
const MAX_DOMAIN_WORDS: usize = 28;
/// Names among them; letters count for none.
const MAX_DOMAIN_PARTS: usize = 8;
/// Words of a local part at most: letters spelled one by one.
const MAX_LOCAL_WORDS: usize = 40;
/// Plain words of a local part, where no joint holds them together.
const MAX_PLAIN_WORDS: usize = 3;
/// A pause that parts the address from what was said before it.
const MAX_PAUSE_S: f64 = 4.0;

/// Words after "email" in which a domain may end in anything: "dot farm".
const ASKED_WORDS: u32 = 30;
/// Turns over which one person spells an address.
const SPELLING_TURNS: u32 = 4;
/// Words of "with a y" behind its "with".
const ASIDE_WORDS: usize = 2;
/// Letters of a top-level name that is spelled.
const MOST_DOMAIN_LETTERS: usize = 4;
/// The shortest word that may be a whole address: "aatgmaildotcom".
const SHORTEST_SQUASHED: usize = 10;

/// Every address, in order.
pub fn find(text: &Text, marks: &Marks, lexicon: &Lexicon) -> Vec<RangeInclusive<usize>> {
    let infill = &marks.infill;
    let mut found: Vec<RangeInclusive<usize>> = Vec::new();
    let mut asked: Option<u32> = None;
    let mut cues =
        marks.cues.iter().filter(|c| matches!(c.what, What::Secret { reason: Reason::Email, .. })).peekable();
    for at in 0..text.len() {
        while let Some(cue) = cues.next_if(|c| c.last < at) {
            asked = Some(text.tokens[cue.last].counted);
        }
        let open = asked.is_some_and(|a| text.tokens[at].counted - a <= ASKED_WORDS);
        if is_squashed(&text.plain(at), lexicon) {
            found.push(at..=at);
            continue;
        }
        let whole = text.words[at].text.contains('@') && text.words[at].text.trim().len() > 3;
        if !whole && !text.tokens[at].is(class::AT) {
            continue;
        }
        let written = whole && text.words[at].text.contains('.');
        let last = if written { Some(at) } else { domain_end(text, at, infill, open, lexicon) };
        let Some(last) = last else { continue };
        let first = if whole { Some(at) } else { local_start(text, at, marks) };
        if let Some(first) = first {
            found.push(first..=last);
        }
    }
    found
}

/// Where the domain after an "at" ends: at `example.com`, at a top-level name
/// after a "dot", or at a provider whose "dot com" goes without saying.
fn domain_end(text: &Text, at: usize, infill: &[bool], open: bool, lexicon: &Lexicon) -> Option<usize> {
    let mut end = None;
    let mut parts = 0;
    let turn = text.tokens[at].turn;
    for (i, listens) in infill.iter().enumerate().take(at + 1 + MAX_DOMAIN_WORDS).skip(at + 1) {
        let token = &text.tokens[i];
        let plain = text.plain(i);
        let written = plain
            .rsplit_once('.')
            .is_some_and(|(host, top)| host.len() > 1 && top.chars().any(char::is_alphabetic));
        let joined = text.tokens[i - 1].is(class::DOT);
        let article =
            i == at + 1 && token.is(class::ADDRESS_STOP) && token.is(class::LEAD) && !token.is(class::COPULA);
        // "dot farm", where an address was asked for.
        let ends = text
            .tokens
            .get(i + 1)
            .is_none_or(|t| t.turn != token.turn || t.is(class::MAIL_STOP | class::CLOSE) && !t.letter);
        let any_domain = open
            && joined
            && (ends || token.ends_sentence)
            && !token.is(class::MAIL_STOP)
            && token.numeral.is_none();
        if parts > 0
            && joined
            && let Some(last) = spelled_domain(text, i, lexicon)
        {
            return Some(last);
        }
        if token.is(class::AT) && parts == 0 || article {
            // Said again by whoever writes it down.
        } else if token.is(class::AT) && end.is_none() && token.turn == turn && !joined {
            // "we're at hello at juniper dot com": the address begins later.
            return None;
        } else if any_domain
            || written
            || joined && token.is(class::DOMAIN)
            || token.is(class::PROVIDER) && parts == 0
        {
            end = Some(i);
            parts += 1;
        } else if token.is(class::DOT) || joined {
            // "dot" between the parts, or a part that is no top-level name.
            parts += usize::from(!token.is(class::DOT));
        } else if (end.is_some() || token.is(class::MAIL_STOP) && !token.letter && !listens)
            // "proton mail dot com"
            && !text.tokens.get(i + 1).is_some_and(|t| t.is(class::DOT))
            || parts > MAX_DOMAIN_PARTS
            || token.turn != turn && !listens && parts == 0 && !goes_on(text, at, i)
        {
            break;
        } else {
            parts += usize::from(!token.letter);
        }
        if token.ends_sentence && end.is_some() {
            break;
        }
    }
    end
}

/// Whoever said the "at" goes on with `i` behind a listener's turn.
fn goes_on(text: &Text, at: usize, i: usize) -> bool {
    let (sign, word) = (&text.tokens[at], &text.tokens[i]);
    sign.speaker == word.speaker && word.turn == sign.turn + 2
}

/// "c h", "c o m": a top-level name that is spelled from `at` on, and is not gone on with.
fn spelled_domain(text: &Text, at: usize, lexicon: &Lexicon) -> Option<usize> {
    let turn = text.tokens[at].turn;
    let own = |i: &usize| text.tokens[*i].letter && text.tokens[*i].turn == turn;
    let letters = (at..text.len()).take(MOST_DOMAIN_LETTERS).take_while(own);
    let mut name = String::new();
    let mut end = None;
    for i in letters {
        name.extend(text.plain(i).chars().take(1));
        let known = lexicon.entry_of(&name).is_some_and(|e| e.classes & class::DOMAIN != 0);
        end = if known && name.len() > 1 { Some(i) } else { end };
    }
    end.filter(|i| !text.tokens.get(i + 1).is_some_and(|t| t.is(class::DOT)))
}

/// Back from the "at" over spelled letters, numbers and joints; plain words
/// beside a joint or before the "at" belong to it. `None` when nothing is there.
fn local_start(text: &Text, at: usize, marks: &Marks) -> Option<usize> {
    let infill = &marks.infill;
    let mut first = at;
    let mut plain_words = 0;
    let mut i = at;
    let turn = text.tokens[at].turn;
    while i > 0 && at - i < MAX_LOCAL_WORDS {
        let before = i - 1;
        let token = &text.tokens[before];
        if text.pause_s(i) > MAX_PAUSE_S || token.ends_sentence && !token.letter {
            break;
        }
        let joint = token.is(class::MAIL_JOINT) && before > 0;
        let listener = infill[before] && (token.turn != turn || token.is_filler());
        let spelled = token.letter && before > 0 && text.tokens[before - 1].letter;
        // "tina at gmail, no sorry, dana at …": another address.
        if marks.correction[before] && !token.letter && !token.nato {
            break;
        }
        // "reach me at anna dot k at …": the first "at" is none of it.
        if token.is(class::AT) && first < at && !text.tokens[i].is(class::MAIL_STOP) {
            break;
        }
        // "capital d", "first initial j": said of what is spelled.
        let describes = token.is(class::MAIL_WORD) && first < at;
        if token.nato
            || token.spells
            || describes
            || joint
            || spelled
            || is_code(text, before, at)
                && !(token.is(class::MAIL_STOP)
                    && !text.tokens[i.min(at)].letter
                    && text.tokens[i].numeral.is_none())
        {
            first = before;
        } else if token.is(class::MAIL_STOP) && token.is(class::MAIL_WORD) && first == at {
            // "todo junto, arroba": said of what came before.
        } else if let Some(aside) = aside_before(text, before, at) {
            // "louis avec un s, soixante arobase"
            (first, i) = (aside, aside);
            continue;
        } else if listener {
            // "mm-hmm" between two letters; it belongs to the address when a letter comes before.
        } else if token.turn + SPELLING_TURNS < turn
            || token.speaker != text.tokens[at].speaker
            || token.is(class::MAIL_STOP) && !keeps(text, before, i)
        {
            break;
        } else {
            let after_joint = text.tokens[i].is(class::MAIL_JOINT);
            plain_words += 1;
            if !after_joint && (plain_words > MAX_PLAIN_WORDS || i < at && text.tokens[i].letter) {
                break;
            }
            first = before;
        }
        i = before;
    }
    (first < at).then_some(first)
}

/// Where "with a y" begins that ends at `word`, and has a name before it.
fn aside_before(text: &Text, word: usize, at: usize) -> Option<usize> {
    let own = |i: &usize| text.tokens[*i].turn == text.tokens[at].turn;
    let near = (word.saturating_sub(ASIDE_WORDS)..=word).rev().take_while(own);
    let aside = near.into_iter().find(|i| text.tokens[*i].is(class::MAIL_ASIDE))?;
    let letter = |i: usize| text.tokens.get(i).is_some_and(|t| t.letter);
    let spells = if word == aside {
        letter(aside + 1) || letter(aside + 2)
    } else {
        (aside + 1..=word).all(|i| spells_of(text, i, word))
    };
    let named = aside > 0 && own(&(aside - 1)) && !text.tokens[aside - 1].is(class::MAIL_STOP);
    (spells && named).then_some(aside)
}

/// "a y", "ese": a letter, its name, and the article before it.
fn spells_of(text: &Text, at: usize, last: usize) -> bool {
    let t = &text.tokens[at];
    t.letter || t.is(class::ARTICLE | class::SPELLING) || at == last && t.is(class::PRONOUN_BEFORE)
}

/// A letter or a number before the "at" at `at`; a letter that is a word too only
/// beside others.
fn is_code(text: &Text, word: usize, at: usize) -> bool {
    let token = &text.tokens[word];
    let letter = |i: usize| text.tokens[i].letter;
    let spelled_before = word > 0 && (letter(word - 1) || text.tokens[word - 1].is(class::MAIL_JOINT));
    let between = word + 1 < at && letter(word + 1) && spelled_before;
    // "a l e x": an article is not followed by letters; "ochenta y ocho" is a number.
    let begins = word + 2 < at && letter(word + 1) && letter(word + 2);
    token.spells
        || token.letter && (!token.is(class::LETTER_WORD) || token.is(class::AND) || between || begins)
        || token.nato
        || token.written.is_some()
        || token.numeral.is_some()
}

/// "one" before a joint, anything before an underscore, is part of the name.
fn keeps(text: &Text, word: usize, next: usize) -> bool {
    // "tiret du six": the key it stands on.
    if word > 0
        && text.tokens[word - 1].is(class::MAIL_JOINT)
        && next > word
        && !text.tokens[next].is(class::MAIL_STOP)
    {
        return true;
    }
    let joint = text.tokens[next].is(class::MAIL_JOINT);
    joint && (text.tokens[word].numeral.is_some() || !text.tokens[next].is(class::DOT))
}

/// "danaatgmaildotcom", "pepearrobagmailpuntocom": a whole address heard as one word.
fn is_squashed(plain: &str, lexicon: &Lexicon) -> bool {
    let is = |word: &str, class: u64| lexicon.entry_of(word).is_some_and(|e| e.classes & class != 0);
    if plain.len() < SHORTEST_SQUASHED || !plain.is_ascii() || plain.contains('@') {
        return false;
    }
    // Its end: a "dot" and a domain, or a dot that is written.
    let ends = |from: usize| (from + 2..=from + 6).filter(|to| *to + 2 <= plain.len());
    let dot = (3..plain.len() - 1).find_map(|at| {
        if plain.as_bytes()[at] == b'.' {
            return is(&plain[at + 1..], class::DOMAIN).then_some((at, true));
        }
        let spoken = ends(at).any(|to| is(&plain[at..to], class::DOT) && is(&plain[to..], class::DOMAIN));
        spoken.then_some((at, false))
    });
    let Some((end, written)) = dot else { return false };
    // Its "at": before a provider, or anywhere where a spoken "dot" makes it sure.
    (1..end.saturating_sub(3)).any(|at| {
        (at + 2..=(at + 8).min(end - 2)).any(|to| {
            is(&plain[at..to], class::AT)
                && (is(&plain[to..end], class::PROVIDER) || !written && end - to >= 3)
        })
    })
}
