//! The `fmt ` chunk of RIFF and of Wave64 (Microsoft `WAVEFORMATEX`, RFC 2361
//! tags, `WAVEFORMATEXTENSIBLE`): which codec, at which rate, in how many channels.
//!
//! Writers get the block size wrong, and some the bits of µ-law; players go by
//! tag, rate, channels and bits, and so do we. What ffmpeg and sox read in two
//! ways is refused, unless the bytes themselves say which way is right.

use super::{ContainerError, ReadAt, scan::Scan};
use crate::audio::Rate;
use crate::codec::Codec;

const TAG_PCM: u16 = 0x0001;
const TAG_MS_ADPCM: u16 = 0x0002;
const TAG_FLOAT: u16 = 0x0003;
const TAG_ALAW: u16 = 0x0006;
const TAG_ULAW: u16 = 0x0007;
const TAG_IMA_ADPCM: u16 = 0x0011;
const TAG_MPEG: u16 = 0x0050;
/// MPEG layer III, whose frames say more than the chunk does.
pub const TAG_MP3: u16 = 0x0055;
const TAG_GSM610: u16 = 0x0031;
const TAG_EXTENSIBLE: u16 = 0xFFFE;
/// Channels of PCM at most.
const MOST_CHANNELS: u16 = 64;

/// Which end of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(self, b: &[u8], at: usize) -> u16 {
        let two = [b[at], b[at + 1]];
        if self == Order::Little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) }
    }

    /// Four bytes of `b` at `at`.
    pub fn u32(self, b: &[u8], at: usize) -> u32 {
        let four = [b[at], b[at + 1], b[at + 2], b[at + 3]];
        if self == Order::Little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) }
    }
}

/// What a `fmt ` chunk says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaveFormat {
    /// The plain tag, also of an EXTENSIBLE one.
    pub tag: u16,
    pub channels: u16,
    pub rate: Rate,
    /// `wBlockAlign`, which may be wrong.
    pub block: u16,
    /// Bits of a sample as it is stored.
    pub bits: u16,
    /// Bits of a sample that count, where EXTENSIBLE tells them.
    valid_bits: Option<u16>,
    /// The first WAVEFORMAT, of 14 bytes, does not.
    tells_bits: bool,
    order: Order,
}

impl WaveFormat {
    /// Reads the chunk's `size` bytes at `at`.
    ///
    /// # Errors
    /// When the chunk is not whole or its numbers are not possible.
    pub fn read(
        source: &(impl ReadAt + ?Sized),
        at: u64,
        size: u64,
        order: Order,
    ) -> Result<WaveFormat, ContainerError> {
        if size < 14 || size == 15 {
            return Err(ContainerError::Damaged("the fmt chunk is too short"));
        }
        if size > source.len() || at > source.len() - size {
            return Err(ContainerError::Damaged("the file ends inside its fmt chunk"));
        }
        let mut f = [0u8; 40];
        let take = size.min(40) as usize;
        source.read_at(at, &mut f[..take])?;
        let (tag, block) = (order.u16(&f, 0), order.u16(&f, 12));
        let bits = if take == 14 { 8 } else { order.u16(&f, 14) };
        let extensible = tag == TAG_EXTENSIBLE;
        if extensible && take < 40 {
            return Err(ContainerError::Damaged("its EXTENSIBLE fmt is too short"));
        }
        let rate = Rate::new(order.u32(&f, 4));
        Ok(WaveFormat {
            // The sub-format GUID's first two bytes are the plain tag.
            tag: if extensible { order.u16(&f, 24) } else { tag },
            channels: order.u16(&f, 2),
            rate: rate.ok_or(ContainerError::Damaged("its sample rate is not possible"))?,
            block,
            bits,
            tells_bits: take > 14,
            valid_bits: Some(order.u16(&f, 18)).filter(|v| extensible && *v > 0),
            order,
        })
    }

    /// The codec of `len` bytes of audio at `at`.
    ///
    /// # Errors
    /// When the codec is not supported, or players read the format in two ways.
    pub fn codec(&self, source: &(impl ReadAt + ?Sized), at: u64, len: u64) -> Result<Codec, ContainerError> {
        let unknown = || ContainerError::UnknownCodec { tag: self.tag, bits: self.bits };
        let codec = match self.tag {
            TAG_PCM => self.pcm(source, at, len)?,
            TAG_FLOAT if self.bits == 32 => Codec::Float32,
            TAG_FLOAT if self.bits == 64 => Codec::Float64,
            TAG_ULAW => Codec::Ulaw,
            TAG_ALAW => Codec::Alaw,
            // Nobody packs GSM in other blocks, and players that read 0 or 1 here take these.
            TAG_GSM610 if matches!(self.block, 0 | 1 | 65) => Codec::Wav49,
            TAG_IMA_ADPCM | TAG_MS_ADPCM => self.adpcm().ok_or_else(unknown)?,
            TAG_MPEG => return Err(ContainerError::NotMuted("MPEG audio layer I or II")),
            _ => return Err(unknown()),
        };
        let most = if codec == Codec::Wav49 { 1 } else { MOST_CHANNELS };
        if !(1..=most).contains(&self.channels) {
            return Err(ContainerError::Damaged("its number of channels is not possible"));
        }
        match self.order {
            Order::Little => Ok(codec),
            Order::Big if codec.is_sampled() => Ok(codec.big_endian()),
            Order::Big => Err(unknown()),
        }
    }

    fn adpcm(&self) -> Option<Codec> {
        let channels = u8::try_from(self.channels).ok().filter(|c| (1..=2).contains(c))?;
        let block = self.block;
        if block < 8 * u16::from(channels) {
            return None;
        }
        match self.tag {
            // A block holds whole groups of eight samples.
            TAG_IMA_ADPCM if self.bits == 4 && block.is_multiple_of(4 * u16::from(channels)) => {
                Some(Codec::ImaAdpcm { block, channels })
            }
            TAG_MS_ADPCM if self.bits == 4 => Some(Codec::MsAdpcm { block, channels }),
            _ => None,
        }
    }

    /// Linear PCM: 12 bits lie in two bytes, 20 in three.
    fn pcm(&self, source: &(impl ReadAt + ?Sized), at: u64, len: u64) -> Result<Codec, ContainerError> {
        let unclear = || ContainerError::Damaged("how its samples lie in their bytes is told in two ways");
        let stored = self.bits.div_ceil(8);
        let valid = self.valid_bits.unwrap_or(self.bits);
        // 24 bits that stand on top of four bytes, as EXTENSIBLE prescribes, are 32 bits.
        let on_top = stored == 4 && valid.div_ceil(8) == 3;
        if valid > self.bits || valid.div_ceil(8) != stored && !on_top {
            return Err(unclear());
        }
        let block_of = |bytes: u16| self.channels.checked_mul(bytes) == Some(self.block);
        match stored {
            // The first WAVEFORMAT tells no bits: players take eight, the block may say other.
            1 if !self.tells_bits && !block_of(1) => Err(unclear()),
            1 => Ok(Codec::Pcm8),
            2 => Ok(Codec::Pcm16),
            3 if block_of(4) => in_four_bytes(source, at, len, valid),
            3 => Ok(Codec::Pcm24),
            4 => Ok(Codec::Pcm32),
            _ => Err(ContainerError::UnknownCodec { tag: self.tag, bits: self.bits }),
        }
    }
}

/// 24 bits in blocks of four bytes: on top of them, or below a sign byte, as
/// all of the audio says; ffmpeg takes a third form, floats up to 2^23.
fn in_four_bytes(
    source: &(impl ReadAt + ?Sized),
    at: u64,
    len: u64,
    valid: u16,
) -> Result<Codec, ContainerError> {
    let (mut on_top, mut below) = (true, valid == 24);
    let mut scan = Scan::new(source);
    let mut place = at;
    while place + 4 <= at + len && (on_top || below) {
        let Some([a, _, c, d]) = scan.array::<4>(place)? else { break };
        on_top &= a == 0;
        below &= d == if c & 0x80 != 0 { 0xFF } else { 0 };
        place += 4;
    }
    match (on_top, below) {
        (true, _) => Ok(Codec::Pcm32),
        (false, true) => Ok(Codec::Pcm24In4),
        _ => Err(ContainerError::Damaged(
            "its samples of 24 bits lie in four bytes, but neither above nor below",
        )),
    }
}
