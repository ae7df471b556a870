//! What else numbers are said for: an order's number, a price, a time.

use super::Context;
use crate::detect::cues::{Cue, What};
use crate::detect::dictation;
use crate::detect::numbers::{Chunk, Kind};

/// The same for what is harmless: "order number is …" counts only close by.
const HARMLESS_COST: f32 = 0.28;
const HARMLESS: f32 = 2.0;
/// Words between "tracking number" and its number, and between two pieces of it.
const NUMBERED_WORDS: u32 = 7;
const NUMBERED_GAP: u32 = 3;
/// Words between a card and what it was used for.
const CHARGED_WORDS: usize = 3;

impl Context<'_> {
    /// A long number that was announced as an order's or a parcel's, and what goes on from it.
    pub(super) fn is_numbered(&self, chunk: &Chunk, next: usize) -> bool {
        if dictation::is_card(&chunk.digits) || chunk.kind != Kind::Number {
            return false;
        }
        let last = self.marks.cues[..next].last();
        let announced = last.is_some_and(|cue| {
            let distance = self.distance(cue, chunk.first);
            let answer = self.text.tokens[chunk.first].turn - self.text.tokens[cue.last].turn;
            cue.names_number && distance <= NUMBERED_WORDS && answer <= u32::from(cue.asks)
        });
        announced
            || self.stays.is_some_and(|from| {
                last.is_none_or(|c| c.first <= from)
                    && self.text.words_between(from, chunk.first) <= NUMBERED_GAP
            })
    }

    pub(super) fn harmless(&self, cue: &Cue, chunk: &Chunk, distance: u32) -> Option<f32> {
        let apart = self.text.tokens[cue.last].turn != self.text.tokens[chunk.first].turn && !cue.asks;
        let ended =
            (cue.last..chunk.first).any(|i| self.text.tokens[i].ends_sentence && !self.text.tokens[i].asks);
        // "hold it up to the light, one second": what was said meanwhile is another thing.
        let meanwhile = !cue.names_number && self.held[chunk.first] > self.held[cue.last + 1];
        if apart || ended || meanwhile || distance > 5 {
            return None;
        }
        Some(HARMLESS - HARMLESS_COST * distance as f32)
    }

    /// "your card was charged …": a weak keyword, and then what the turn is about.
    pub(super) fn is_about_else(&self, i: usize) -> bool {
        let turn = |c: &Cue| self.text.tokens[c.last].turn;
        let cue = &self.marks.cues[i];
        let next = self.marks.cues.get(i + 1);
        self.text.speakers > 1
            && next.is_some_and(|c| {
                c.what == What::Harmless && turn(c) == turn(cue) && c.first - cue.last <= CHARGED_WORDS
            })
    }
}
