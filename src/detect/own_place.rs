//! Where a firm is, as it tells everybody: "our office is at 400 Main Street",
//! "we're at 400 Main Street, come in", "… are you open till six?". It is no secret, unless somebody was
//! asked for an address or told where to deliver.

use super::cues::{Cue, Marks, What};
use super::lexicon::class::WE;
use super::text::Text;
use crate::call::Reason;
use std::ops::RangeInclusive;

/// Words between the address and what says whose it is.
const NEAR_WORDS: usize = 8;
/// Words between the address and what is said of a firm's hours.
const HOURS_WORDS: usize = 25;
/// Words in which a question for an address is open.
const ASKED_WORDS: u32 = 30;

/// Does who says it tell where their firm is?
pub fn is_public(text: &Text, marks: &Marks, address: &RangeInclusive<usize>) -> bool {
    let turn = text.tokens[*address.start()].turn;
    let own = |i: &usize| text.tokens[*i].turn == turn;
    let before = (address.start().saturating_sub(NEAR_WORDS)..*address.start()).rev().take_while(own);
    let after = (address.end() + 1..text.len()).take(NEAR_WORDS).take_while(own);
    let ours = before.clone().any(|i| marks.ours[i])
        || address.clone().chain(after).any(|i| marks.ours[i] || marks.invites[i]);
    let we = before.clone().any(|i| text.tokens[i].is(WE));
    let opens = we && (address.end() + 1..text.len()).take(HOURS_WORDS).any(|i| marks.hours[i]);
    (ours || opens) && !is_asked(text, marks, *address.start())
}

/// An address was asked for, or a delivery is told of, not long before.
fn is_asked(text: &Text, marks: &Marks, at: usize) -> bool {
    let counted = text.tokens[at].counted;
    let before = &marks.cues[..marks.cues.partition_point(|c| c.first < at)];
    let near = before.iter().rev().take_while(|c| text.tokens[c.last].counted + ASKED_WORDS >= counted);
    let asks = |c: &Cue| {
        matches!(c.what, What::Secret { reason: Reason::Address, strong: true, .. })
            && !(places(text, c) && text.tokens[c.last].turn == text.tokens[at].turn)
    };
    near.into_iter().any(asks)
}

/// "we're at", "located at": says where something is, and asks for nothing.
fn places(text: &Text, cue: &Cue) -> bool {
    text.tokens[cue.last].is(super::lexicon::class::AT | super::lexicon::class::PLACE_IN)
}
