//! Microsoft's ADPCM (RFC 2361 tag 2): a prediction from two samples by one of
//! seven pairs of coefficients, four bits for the rest.

use super::adpcm::{Predictor, recode};

const ADAPT: [i32; 16] = [230, 230, 230, 230, 307, 409, 512, 614, 768, 614, 512, 409, 307, 230, 230, 230];
const COEFFICIENTS: [(i32, i32); 7] =
    [(256, 0), (512, -256), (0, 0), (192, 64), (240, 0), (460, -208), (392, -232)];
const LEAST_DELTA: i32 = 16;

/// Samples of a channel in a block of `bytes`.
pub fn samples_in(bytes: usize, channels: usize) -> usize {
    bytes.saturating_sub(7 * channels) * 2 / channels.max(1) + 2
}

/// One channel's decoder.
#[derive(Clone, Copy, Debug)]
struct State {
    pair: (i32, i32),
    delta: i32,
    /// The last sample and the one before.
    last: (i32, i32),
}

impl Predictor for State {
    fn next(&mut self, nibble: u8) -> i16 {
        let signed = i32::from(nibble) - if nibble & 8 != 0 { 16 } else { 0 };
        let predicted = (self.last.0 * self.pair.0 + self.last.1 * self.pair.1) >> 8;
        let sample = (predicted + signed * self.delta).clamp(-32_768, 32_767);
        self.last = (sample, self.last.0);
        self.delta = ((ADAPT[usize::from(nibble & 15)] * self.delta) >> 8).clamp(LEAST_DELTA, i32::MAX / 768);
        sample as i16
    }

    fn step(&self) -> i32 {
        self.delta
    }
}

fn word(block: &[u8], at: usize) -> i32 {
    i32::from(i16::from_le_bytes([block[at], block[at + 1]]))
}

fn state_of(block: &[u8], c: usize, channels: usize) -> State {
    let at = |field: usize| channels + field * 2 * channels + 2 * c;
    let pair = COEFFICIENTS[usize::from(block[c]).min(6)];
    State { pair, delta: word(block, at(0)), last: (word(block, at(1)), word(block, at(2))) }
}

/// Where sample `n` (from 2) of channel `c` lies: high nibbles come first.
fn place(n: usize, c: usize, channels: usize) -> (usize, u32) {
    let nibble = (n - 2) * channels + c;
    (7 * channels + nibble / 2, if nibble.is_multiple_of(2) { 4 } else { 0 })
}

/// The samples of channel `c`.
pub fn decode(block: &[u8], c: usize, channels: usize, out: &mut Vec<i16>) {
    let mut state = state_of(block, c, channels);
    out.extend([state.last.1 as i16, state.last.0 as i16]);
    for n in 2..samples_in(block.len(), channels) {
        let (byte, shift) = place(n, c, channels);
        out.push(state.next(block[byte] >> shift & 15));
    }
}

/// Like [`super::adpcm_ima::mute`].
pub fn mute(block: &mut [u8], c: usize, channels: usize, silent: impl Fn(usize) -> bool) {
    let mut was = Vec::new();
    decode(block, c, channels, &mut was);
    let at = |field: usize| channels + field * 2 * channels + 2 * c;
    for (sample, field) in [(0, 2), (1, 1)] {
        if silent(sample) {
            block[at(field)..at(field) + 2].fill(0);
        }
    }
    let touched = silent(0) || silent(1);
    if touched {
        // The first pair predicts the last sample: from silence, silence.
        block[c] = 0;
        block[at(0)..at(0) + 2].copy_from_slice(&(LEAST_DELTA as i16).to_le_bytes());
    }
    let state = state_of(block, c, channels);
    recode(block, state, &was, 2, touched, silent, |n| place(n, c, channels));
}
