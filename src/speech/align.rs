//! A sentence's text against its words. Tools drop from the words what they
//! cannot align (numerals, mails, names) and leave it in the text: whatever
//! stands there alone becomes a word without a time.

use super::reading::{Sentence, Time, Token};
use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::collections::HashSet;

/// The words of a sentence, all of them, in the order of its text.
pub fn complete(sentence: &Sentence) -> Vec<Token> {
    let text = words_of(&sentence.text, sentence.speaker.as_ref());
    if sentence.words.is_empty() {
        return text;
    }
    merged(text, sentence.words.clone())
}

/// Every word of a text, without a time.
pub fn words_of(text: &str, speaker: Option<&String>) -> Vec<Token> {
    text.split_whitespace().map(|t| Token::new(t, Time::NONE, speaker.cloned())).collect()
}

/// Does the text hold a number or a mail more often than the words do?
pub fn lacks(tokens: &[Token], text: &str) -> bool {
    let telling = |t: &str| t.contains(|c: char| c.is_ascii_digit() || c == '@');
    let digits = |t: &str| t.chars().filter(|c| c.is_ascii_digit() || *c == '@').count();
    let in_words: usize = tokens.iter().map(|t| digits(&t.text)).sum();
    let in_text: usize = text.split_whitespace().filter(|t| telling(t)).map(digits).sum();
    in_text > in_words
}

/// Puts words that stand beside the sentences into them.
pub fn distribute(sentences: Vec<Vec<Token>>, beside: Vec<Token>) -> Vec<Vec<Token>> {
    let mut out = vec![Vec::new(); sentences.len().max(1)];
    let known =
        |(n, tokens): (usize, Vec<Token>)| tokens.into_iter().map(move |t| Token { sentence: Some(n), ..t });
    let text: Vec<Token> = sentences.into_iter().enumerate().flat_map(known).collect();
    let mut at = 0;
    for token in merged(text, beside) {
        // Words that no text has belong to the sentence behind which they stand.
        at = token.sentence.unwrap_or(at).max(at);
        out[at].push(token);
    }
    out
}

/// Both read as one: words with their times, and what the text has besides.
pub fn merged(text: Vec<Token>, words: Vec<Token>) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::with_capacity(text.len().max(words.len()));
    let mut open: Vec<bool> = Vec::with_capacity(out.capacity());
    for hunk in hunks(&text, &words) {
        if hunk.same {
            let pairs = text[hunk.text].iter().zip(&words[hunk.words]);
            out.extend(pairs.map(|(text, word)| told(text, word)));
            open.resize(out.len(), false);
            continue;
        }
        let settled = settle(&text[hunk.text], &words[hunk.words]);
        open.extend(settled.iter().map(|t| t.time == Time::NONE && t.place.is_none()));
        out.extend(settled);
    }
    forget_what_may_be_either(&mut out, &mut open);
    out
}

/// "5" before and behind "5 0 1 9": which of two equal words the engine placed nobody knows.
/// `open` marks the words that the text alone has. A placed word beside a run of them may be
/// any word of the run that says the same: it loses its time, and the run grows by it.
fn forget_what_may_be_either(tokens: &mut [Token], open: &mut [bool]) {
    let said: Vec<String> = tokens.iter().map(|t| plain(&t.text)).collect();
    let mut grew = true;
    while grew {
        grew = false;
        let mut at = 0;
        while let Some(from) = (at..open.len()).find(|i| open[*i]) {
            let to = (from..open.len()).find(|i| !open[*i]).unwrap_or(open.len());
            let wider = widened(&said, from..to);
            grew |= wider != (from..to);
            open[wider.clone()].fill(true);
            at = wider.end;
        }
    }
    for (token, _) in tokens.iter_mut().zip(open).filter(|(_, open)| **open) {
        (token.time, token.place) = (Time::NONE, None);
    }
}

/// The run with every neighbour that says what one of its words says.
fn widened(said: &[String], run: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let words: HashSet<&String> = said[run.clone()].iter().collect();
    let before = said[..run.start].iter().rev().take_while(|s| words.contains(s)).count();
    let behind = said[run.end..].iter().take_while(|s| words.contains(s)).count();
    run.start - before..run.end + behind
}

/// A stretch of the text beside a stretch of the words.
struct Hunk {
    text: std::ops::Range<usize>,
    words: std::ops::Range<usize>,
    same: bool,
}

fn hunks(text: &[Token], words: &[Token]) -> Vec<Hunk> {
    let key = |tokens: &[Token]| tokens.iter().map(|t| plain(&t.text)).collect::<Vec<String>>();
    let (a, b) = (key(text), key(words));
    let ops = capture_diff_slices(Algorithm::Patience, &a, &b);
    let mut out: Vec<Hunk> = Vec::new();
    for op in ops {
        let same = matches!(op, DiffOp::Equal { .. });
        let (text, words) = (op.old_range(), op.new_range());
        match out.last_mut() {
            // What is deleted and what is inserted at one place is one difference.
            Some(last) if !same && !last.same => {
                (last.text.end, last.words.end) = (text.end, words.end);
            }
            _ => out.push(Hunk { text, words, same }),
        }
    }
    out
}

/// Letters and digits alone, in lower case; marks alone stay themselves.
fn plain(text: &str) -> String {
    let letters = text.chars().filter(|c| c.is_alphanumeric() || *c == '@');
    let plain: String = letters.flat_map(char::to_lowercase).collect();
    if plain.is_empty() { text.trim().to_owned() } else { plain }
}

/// The word with the sentence's marks on it, which tell a question and a
/// sentence's end; never with signs that change what it says.
fn told(text: &Token, word: &Token) -> Token {
    let bare = |t: &str| t.trim_matches(['.', ',', '?', '!', ';', ':', '"']).to_lowercase();
    let same = bare(&text.text) == bare(&word.text) && text.text.len() > word.text.len();
    let text_said = if same { &text.text } else { &word.text };
    with(word, text_said.clone(), text)
}

/// A word as the text has it besides: its speaker, its sentence.
fn with(word: &Token, said: String, text: &Token) -> Token {
    let time = if word.time == Time::NONE { text.time } else { word.time };
    let speaker = word.speaker.clone().or_else(|| text.speaker.clone());
    Token { text: said, time, speaker, sentence: word.sentence.or(text.sentence), place: word.place }
}

/// What is kept of a place where text and words differ.
fn settle(text: &[Token], words: &[Token]) -> Vec<Token> {
    let say = |tokens: &[Token]| tokens.iter().map(|t| plain(&t.text)).collect::<String>();
    let sentence = text.first().and_then(|t| t.sentence);
    let kept = |w: &Token| Token { sentence: w.sentence.or(sentence), ..w.clone() };
    let words_alone = || words.iter().map(kept).collect::<Vec<Token>>();
    // Marks that stand alone in the text say nothing.
    let said = |t: &Token| t.text.chars().any(|c| c.is_alphanumeric() || c == '@');
    let text_alone = || text.iter().filter(|t| said(t)).cloned().collect::<Vec<Token>>();
    if words.is_empty() {
        return text_alone();
    }
    let (in_text, in_words) = (say(text), say(words));
    if in_text == in_words {
        return joined(text, words).unwrap_or_else(words_alone);
    }
    let digits = |say: &str| say.chars().filter(char::is_ascii_digit).collect::<String>();
    let (text_digits, word_digits) = (digits(&in_text), digits(&in_words));
    if !text_digits.is_empty() {
        if is_within(&text_digits, &word_digits) || word_digits.is_empty() && spell(&text_digits, words) {
            return words_alone();
        }
        if is_within(&word_digits, &text_digits) {
            return text_alone();
        }
        return words_alone().into_iter().chain(text_alone()).collect();
    }
    let says_as_much = in_words.chars().count() * 2 >= in_text.chars().count();
    match (says_as_much, word_digits.is_empty()) {
        (true, _) => words_alone(),
        (false, true) => text_alone(),
        (false, false) => words_alone().into_iter().chain(text_alone()).collect(),
    }
}

/// Are the digits of one, in order, among those of the other?
fn is_within(few: &str, many: &str) -> bool {
    let mut rest = many.chars();
    few.chars().all(|d| rest.any(|m| m == d))
}

/// Enough words to say the digits: "forty five thirty two" says four in four, "two thousand" in two.
fn spell(digits: &str, words: &[Token]) -> bool {
    let heavy = digits.trim_end_matches('0').len().max(1);
    let words = words.iter().flat_map(|w| w.text.split('-')).filter(|w| w.chars().any(char::is_alphabetic));
    words.count() >= heavy.div_ceil(2) + usize::from(heavy > 2)
}

/// Pieces ("4532", "-0151") as the text writes them ("4532-0151"). `None` where the
/// text's signs would make something else of them.
fn joined(text: &[Token], words: &[Token]) -> Option<Vec<Token>> {
    let money = |t: &Token| t.text.contains(['$', '€', '£', '%']);
    if text.len() >= words.len() || text.iter().any(money) {
        return None;
    }
    let mut pieces = words.iter();
    let mut out = Vec::with_capacity(text.len());
    for token in text {
        let wanted = plain(&token.text).chars().count();
        let first = pieces.next()?;
        let (mut time, mut place) = (first.time, first.place);
        let mut have = plain(&first.text).chars().count();
        while have < wanted {
            let piece = pieces.next()?;
            time = time.hull(piece.time);
            place = place.zip(piece.place).map(|(a, b)| a.hull(b));
            have += plain(&piece.text).chars().count();
        }
        if have > wanted {
            return None;
        }
        let whole = Token { time, place, ..first.clone() };
        out.push(with(&whole, token.text.clone(), token));
    }
    pieces.next().is_none().then_some(out)
}
