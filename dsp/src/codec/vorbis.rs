//! As much of Vorbis I (xiph.org) as a mute needs: block sizes, modes, and
//! what of a packet must stay so that it decodes to silence of the same length.

/// The identification header.
#[derive(Clone, Copy, Debug)]
pub struct Ident {
    pub rate_hz: u32,
    pub channels: u8,
    /// Samples of a short and of a long block.
    pub blocks: [u32; 2],
}

impl Ident {
    pub fn parse(b: &[u8]) -> Option<Ident> {
        if b.len() < 29 || &b[..7] != b"\x01vorbis" {
            return None;
        }
        let blocks = [1u32 << (b[28] & 15), 1u32 << (b[28] >> 4)];
        let fits = b[11] > 0 && blocks[0] >= 64 && blocks[0] <= blocks[1] && blocks[1] <= 8_192;
        let rate_hz = u32::from_le_bytes([b[12], b[13], b[14], b[15]]);
        fits.then_some(Ident { rate_hz, channels: b[11], blocks })
    }

    /// Samples that a packet gives: a quarter of its block and of the one before.
    pub fn lapped(&self, was_long: bool, is_long: bool) -> u32 {
        (self.blocks[usize::from(was_long)] + self.blocks[usize::from(is_long)]) / 4
    }
}

/// Which mode has long blocks.
#[derive(Clone, Debug)]
pub struct Modes {
    is_long: Vec<bool>,
}

/// What a stream's headers say, and the headers themselves.
#[derive(Clone, Debug)]
pub struct Setup {
    pub ident: Ident,
    pub modes: Modes,
    /// The identification and the setup header, as decoders take them.
    pub headers: Vec<u8>,
}

impl Setup {
    /// Reads the first and the third header packet.
    pub fn parse(ident: &[u8], setup: &[u8]) -> Option<Setup> {
        if !setup.starts_with(b"\x05vorbis") {
            return None;
        }
        let headers = [ident, setup].concat();
        Some(Setup { ident: Ident::parse(ident)?, modes: Modes::parse(setup)?, headers })
    }
}

/// Bits of a mode at the end of the setup header: block flag, window type, transform type, mapping.
const MODE_BITS: usize = 41;

impl Modes {
    /// Reads the modes from the end of the setup header, where they lie before
    /// the framing bit: all the rest would have to be parsed to come to them
    /// from the front.
    pub fn parse(setup: &[u8]) -> Option<Modes> {
        let bit = |n: usize| setup.get(n / 8).map(|b| b >> (n % 8) & 1);
        let field =
            |at: usize, bits: usize| (0..bits).try_fold(0u32, |v, k| Some(v | u32::from(bit(at + k)?) << k));
        let framing = (0..setup.len() * 8).rev().find(|n| bit(*n) == Some(1))?;
        let mut modes = None;
        // The count (six bits, less one) stands before the first mode.
        for count in 1..=64usize {
            let first = framing.checked_sub(count * MODE_BITS)?;
            let is_mode =
                field(first + 1, 16)? == 0 && field(first + 17, 16)? == 0 && field(first + 33, 8)? < 64;
            if !is_mode {
                break;
            }
            if first >= 6 && field(first - 6, 6)? as usize + 1 == count {
                let is_long = (0..count).map(|m| bit(first + m * MODE_BITS) == Some(1)).collect();
                modes = Some(Modes { is_long });
            }
        }
        modes
    }

    /// Bits that number a mode.
    fn mode_bits(&self) -> u32 {
        usize::BITS - (self.is_long.len() - 1).leading_zeros()
    }

    /// Is the packet that begins with `first` a long block? `None` when it holds no audio.
    pub fn is_long(&self, first: u8) -> Option<bool> {
        if first & 1 != 0 {
            return None;
        }
        let mode = usize::from(first >> 1) & ((1 << self.mode_bits()) - 1);
        self.is_long.get(mode).copied()
    }

    /// Bits at the front that a silent packet keeps: type, mode, and a long
    /// block's two window flags. All zero bits after them say for every
    /// channel that its floor is unused (Vorbis I, 4.3.2).
    pub fn kept_bits(&self, first: u8) -> Option<u32> {
        Some(1 + self.mode_bits() + if self.is_long(first)? { 2 } else { 0 })
    }
}
