//! A frame's header (RFC 9639, 9.1) and the two sums that guard a frame.

use super::StreamInfo;

/// Frames that may be missing between two that belong together.
const MOST_MISSING: u64 = 1_000;

/// A header whose CRC-8 fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes without the CRC.
    pub len: usize,
    pub samples: u32,
    channels: u8,
    /// `None`: as the stream info says.
    bits: Option<u8>,
    rate_hz: Option<u32>,
    /// Blocks differ in size, and the number counts samples, not frames.
    variable: bool,
    number: u64,
}

impl Header {
    /// Reads the header that `b` begins with.
    pub fn parse(b: &[u8]) -> Option<Header> {
        if b.len() < 6 || b[0] != 0xFF || b[1] & 0xFE != 0xF8 || b[3] & 1 != 0 {
            return None;
        }
        let (number, mut at) = number(b)?;
        let word = |at: usize| Some(u32::from(u16::from_be_bytes([*b.get(at)?, *b.get(at + 1)?])));
        let samples = match b[2] >> 4 {
            1 => 192,
            code @ 2..=5 => 576 << (code - 2),
            6 => u32::from(*b.get(at)?) + 1,
            7 => word(at)? + 1,
            code @ 8.. => 256 << (code - 8),
            0 => return None,
        };
        at += usize::from(b[2] >> 4 == 6) + 2 * usize::from(b[2] >> 4 == 7);
        const RATES: [u32; 11] =
            [88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];
        let rate_hz = match b[2] & 15 {
            0 => None,
            code @ 1..=11 => Some(RATES[usize::from(code) - 1]),
            12 => Some(u32::from(*b.get(at)?) * 1_000),
            13 => Some(word(at)?),
            14 => Some(word(at)? * 10),
            _ => return None,
        };
        at += usize::from(b[2] & 15 == 12) + 2 * usize::from(matches!(b[2] & 15, 13 | 14));
        let channels = match b[3] >> 4 {
            n @ 0..=7 => n + 1,
            8..=10 => 2,
            _ => return None,
        };
        let bits = match b[3] >> 1 & 7 {
            0 => None,
            3 => return None,
            code => Some([0, 8, 12, 0, 16, 20, 24, 32][usize::from(code)]),
        };
        let variable = b[1] & 1 != 0;
        (*b.get(at)? == crc8(&b[..at])).then_some(Header {
            len: at,
            samples,
            channels,
            bits,
            rate_hz,
            variable,
            number,
        })
    }

    /// Is it a frame of the stream that `info` describes?
    pub fn fits(&self, info: &StreamInfo) -> bool {
        self.channels == info.channels
            && self.bits.is_none_or(|bits| bits == info.bits)
            && self.rate_hz.is_none_or(|hz| hz == info.rate_hz)
    }

    /// Is its number what a frame not far behind `last` has? By chance that is rare.
    pub fn follows(&self, last: Option<&Header>) -> bool {
        let Some(last) = last else { return self.number == 0 };
        let unit = if self.variable { u64::from(u16::MAX) } else { 1 };
        self.variable == last.variable
            && self.number > last.number
            && self.number - last.number <= MOST_MISSING * unit
    }

    /// More bytes than a frame with this header has: twice what the bare samples take.
    pub fn most_bytes(&self) -> usize {
        let bare = usize::from(self.channels) * (self.samples as usize * 33 / 8 + 16);
        2 * bare + 64
    }
}

/// The frame's or sample's number, coded as UTF-8 codes characters, and where it ends.
fn number(b: &[u8]) -> Option<(u64, usize)> {
    let more = match b[4].leading_ones() {
        0 => return Some((u64::from(b[4]), 5)),
        n @ 2..=7 => n as usize - 1,
        _ => return None,
    };
    let first = u64::from(b[4]) & ((1 << (6 - more)) - 1);
    let rest = b.get(5..5 + more)?;
    let value = rest.iter().try_fold(first, |n, b| (b >> 6 == 2).then_some(n << 6 | u64::from(b & 0x3F)))?;
    Some((value, 5 + more))
}

/// CRC-8 of a frame header, polynomial 0x07.
pub fn crc8(bytes: &[u8]) -> u8 {
    bytes
        .iter()
        .fold(0, |crc, b| (0..8).fold(crc ^ b, |c, _| if c & 0x80 != 0 { c << 1 ^ 0x07 } else { c << 1 }))
}

/// CRC-16 of a frame, polynomial 0x8005.
pub fn crc16(from: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(from, |crc, b| crc << 8 ^ CRC16_TABLE[usize::from((crc >> 8) as u8 ^ b)])
}

const CRC16_TABLE: [u16; 256] = {
    let mut table = [0u16; 256];
    let mut n = 0;
    while n < 256 {
        let mut r = (n as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            r = if r & 0x8000 != 0 { r << 1 ^ 0x8005 } else { r << 1 };
            bit += 1;
        }
        table[n] = r;
        n += 1;
    }
    table
};
