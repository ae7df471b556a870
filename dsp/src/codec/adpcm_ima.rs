//! IMA/DVI ADPCM as WAV files hold it (Interactive Multimedia Association
//! 1992): blocks that begin with a sample and a step for each channel, then
//! four bits a sample, eight samples of a channel at a time.

use super::adpcm::{Predictor, recode};

const STEPS: [i32; 89] = [
    7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88,
    97, 107, 118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658,
    724, 796, 876, 963, 1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660,
    4026, 4428, 4871, 5358, 5894, 6484, 7132, 7845, 8630, 9493, 10442, 11487, 12635, 13899, 15289, 16818,
    18500, 20350, 22385, 24623, 27086, 29794, 32767,
];
const INDEX_CHANGE: [i32; 8] = [-1, -1, -1, -1, 2, 4, 6, 8];

/// Samples of a channel in a block of `bytes`.
pub fn samples_in(bytes: usize, channels: usize) -> usize {
    bytes.saturating_sub(4 * channels) * 2 / channels.max(1) / 8 * 8 + 1
}

/// One channel's decoder.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    sample: i32,
    index: i32,
}

impl Predictor for State {
    fn next(&mut self, nibble: u8) -> i16 {
        let step = STEPS[self.index as usize];
        let mut change = step >> 3;
        change += if nibble & 4 != 0 { step } else { 0 };
        change += if nibble & 2 != 0 { step >> 1 } else { 0 };
        change += if nibble & 1 != 0 { step >> 2 } else { 0 };
        self.sample += if nibble & 8 != 0 { -change } else { change };
        self.sample = self.sample.clamp(-32_768, 32_767);
        self.index = (self.index + INDEX_CHANGE[usize::from(nibble & 7)]).clamp(0, 88);
        self.sample as i16
    }

    fn step(&self) -> i32 {
        self.index
    }
}

/// Where sample `n` (from 1) of channel `c` lies: the byte, and how far to shift its nibble.
fn place(n: usize, c: usize, channels: usize) -> (usize, u32) {
    let (group, within) = ((n - 1) / 8, (n - 1) % 8);
    (4 * channels + group * 4 * channels + c * 4 + within / 2, if within.is_multiple_of(2) { 0 } else { 4 })
}

fn state_of(block: &[u8], c: usize) -> State {
    let sample = i32::from(i16::from_le_bytes([block[4 * c], block[4 * c + 1]]));
    State { sample, index: i32::from(block[4 * c + 2]).min(88) }
}

/// The samples of channel `c`. `block` holds a header for each channel and whole groups.
pub fn decode(block: &[u8], c: usize, channels: usize, out: &mut Vec<i16>) {
    let mut state = state_of(block, c);
    out.push(state.sample as i16);
    for n in 1..samples_in(block.len(), channels) {
        let (byte, shift) = place(n, c, channels);
        out.push(state.next(block[byte] >> shift & 15));
    }
}

/// Codes channel `c` of `block` again so that the samples where `silent` says
/// so are silent, and those after them what they were as nearly as four bits
/// allow; samples before the first silent one keep their bits.
pub fn mute(block: &mut [u8], c: usize, channels: usize, silent: impl Fn(usize) -> bool) {
    let mut was = Vec::new();
    decode(block, c, channels, &mut was);
    let mut state = state_of(block, c);
    let touched = silent(0);
    if touched {
        state = State::default();
        block[4 * c..4 * c + 3].fill(0);
    }
    recode(block, state, &was, 1, touched, silent, |n| place(n, c, channels));
}
