//! What the two ADPCMs share: coding a block again around a mute.

/// One channel's decoder: four bits to a sample.
pub(super) trait Predictor: Copy {
    /// The next sample.
    fn next(&mut self, nibble: u8) -> i16;

    /// The step that the next nibble will scale.
    fn step(&self) -> i32;

    /// The nibble that brings the sample nearest to `target`, and the smallest step of those as near.
    fn toward(&mut self, target: i16) -> u8 {
        let distance = |n: &u8| {
            let mut state = *self;
            ((i32::from(state.next(*n)) - i32::from(target)).abs(), state.step())
        };
        let best = (0..16u8).min_by_key(distance).unwrap_or(0);
        self.next(best);
        best
    }
}

/// From sample `first` on: silent where `silent` says so, and after that what
/// the samples `was` as nearly as four bits allow. Before the first change,
/// which `touched` says has been, every nibble stays. `place` tells a sample's
/// byte and how far its nibble is shifted.
pub(super) fn recode(
    block: &mut [u8],
    mut state: impl Predictor,
    was: &[i16],
    first: usize,
    mut touched: bool,
    silent: impl Fn(usize) -> bool,
    place: impl Fn(usize) -> (usize, u32),
) {
    for (n, was) in was.iter().enumerate().skip(first) {
        let (byte, shift) = place(n);
        touched |= silent(n);
        if !touched {
            state.next(block[byte] >> shift & 15);
            continue;
        }
        let nibble = state.toward(if silent(n) { 0 } else { *was });
        block[byte] = block[byte] & !(15 << shift) | nibble << shift;
    }
}
