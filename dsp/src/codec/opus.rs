//! As much of Opus (RFC 6716, 7845) as a mute needs: how long a packet is, and
//! a silent one of the same length in time and in bytes.

/// The rate that granule positions count in.
pub const RATE_HZ: u32 = 48_000;
/// A CELT frame whose first symbol says silence (RFC 6716, 4.3).
const SILENT_FRAME: [u8; 2] = [0xFF, 0xFE];

/// The identification header (RFC 7845, 5.1).
#[derive(Clone, Copy, Debug)]
pub struct Head {
    pub channels: u8,
    /// Samples at 48 kHz to drop at the start.
    pub pre_skip: u16,
    /// In 1/256 dB.
    pub gain: i16,
    /// One mono or stereo stream, not several in each packet.
    pub is_one_stream: bool,
}

impl Head {
    pub fn parse(b: &[u8]) -> Option<Head> {
        if b.len() < 19 || &b[..8] != b"OpusHead" || b[8] >> 4 != 0 || b[9] == 0 {
            return None;
        }
        let (channels, mapping) = (b[9], b[18]);
        // Other families count their streams and list their channels (RFC 7845, 5.1.1).
        let listed = mapping == 1
            && b.get(19..21) == Some(&[1, channels - 1])
            && b.get(21..21 + usize::from(channels)).is_some_and(|m| m == &[0, 1][..m.len().min(2)]);
        Some(Head {
            channels,
            pre_skip: u16::from_le_bytes([b[10], b[11]]),
            gain: i16::from_le_bytes([b[16], b[17]]),
            is_one_stream: channels <= 2 && (mapping == 0 || listed),
        })
    }
}

/// What a packet's first bytes say (RFC 6716, 3.1 and 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Toc {
    config: u8,
    stereo: bool,
    frames: u32,
}

impl Toc {
    pub fn parse(packet: &[u8]) -> Option<Toc> {
        let toc = *packet.first()?;
        let frames = match toc & 3 {
            0 => 1,
            1 | 2 => 2,
            _ => u32::from(packet.get(1)? & 0x3F),
        };
        let toc = Toc { config: toc >> 3, stereo: toc & 4 != 0, frames };
        (frames > 0 && toc.samples() <= 5_760).then_some(toc)
    }

    /// Samples of one frame at 48 kHz.
    fn frame(&self) -> u32 {
        match self.config {
            0..=11 => [480, 960, 1_920, 2_880][usize::from(self.config & 3)],
            12..=15 => [480, 960][usize::from(self.config & 1)],
            _ => [120, 240, 480, 960][usize::from(self.config & 3)],
        }
    }

    /// Samples of the packet at 48 kHz.
    pub fn samples(&self) -> u32 {
        self.frame() * self.frames
    }

    /// CELT alone has no memory beyond its overlap and post-filter.
    pub fn is_celt(&self) -> bool {
        self.config >= 16
    }

    /// Does the packet carry a second, coarse copy of the one before (in-band
    /// FEC, RFC 6716 4.2.4)? `data` is its first frame's first byte.
    pub fn has_copy_of_the_last(&self, data: u8) -> bool {
        if self.is_celt() {
            return false;
        }
        let silk_frames = (self.frame() / 960).max(1);
        let mid = data >> (7 - silk_frames) & 1;
        let side = if self.stereo && 2 * silk_frames < 7 { data >> (6 - 2 * silk_frames) & 1 } else { 0 };
        mid | side != 0
    }
}

/// Offset of the first frame's data in a packet.
pub fn first_frame_at(packet: &[u8]) -> Option<usize> {
    let long = |at: usize| packet.get(at).map(|b| if *b >= 252 { 2 } else { 1 });
    match packet.first()? & 3 {
        0 | 1 => Some(1),
        2 => Some(1 + long(1)?),
        _ => {
            let count = *packet.get(1)?;
            let mut at = 2;
            if count & 0x40 != 0 {
                while *packet.get(at)? == 255 {
                    at += 1;
                }
                at += 1;
            }
            if count & 0x80 != 0 {
                for _ in 1..count & 0x3F {
                    at += long(at)?;
                }
            }
            Some(at)
        }
    }
}

/// Silent frames that stand for a packet's: their configuration and their number.
fn silent_frames(toc: Toc) -> (u8, u32) {
    match toc.frame() {
        120 => (28, toc.frames),
        240 => (29, toc.frames),
        480 => (30, toc.frames),
        long => (31, toc.frames * (long / 960)),
    }
}

/// Can a packet of `len` bytes hold silence? A shorter one is concealed: it
/// sounds like what was before it.
pub fn has_room(toc: Toc, len: usize) -> bool {
    match silent_frames(toc).1 as usize {
        1 => len >= 3,
        2 => len >= 5,
        count => len >= 2 + 2 * count,
    }
}

/// A packet of `len` bytes that is as long in time as `packet` and silent.
///
/// Frames of SILK or hybrid become CELT frames of the same length, two of
/// 20 ms for one of 40; what is left of the bytes is padding (RFC 6716, 3.2.5).
/// A packet that has no room for silent frames holds frames of no bytes: a
/// decoder conceals them from the silence before.
pub fn silent(toc: Toc, len: usize) -> Vec<u8> {
    let (config, count) = silent_frames(toc);
    let first = (config << 3) | if toc.stereo { 4 } else { 0 };
    let body: Vec<u8> = SILENT_FRAME.repeat(count as usize);
    if count == 1 && len == 1 + body.len() {
        return [&[first][..], &body].concat();
    }
    if count == 2 && len == 1 + body.len() {
        return [&[first | 1][..], &body].concat();
    }
    let head = [first | 3, count as u8];
    if len == head.len() + body.len() {
        return [&head[..], &body].concat();
    }
    let body = if len > head.len() + body.len() { body } else { Vec::new() };
    match len {
        0 => Vec::new(),
        // Too short to say anything else: one frame, concealed.
        1 => vec![first | if count == 2 { 1 } else { 0 }],
        2 => head.to_vec(),
        _ => padded(head, &body, len),
    }
}

/// `head`, `body`, and as much padding as makes `len` bytes.
fn padded(head: [u8; 2], body: &[u8], len: usize) -> Vec<u8> {
    let spare = len - head.len() - body.len();
    let mut out = vec![head[0], head[1] | 0x40];
    // Each length byte of 255 stands for 254 bytes of padding and goes on.
    let mut rest = spare;
    while rest > 255 {
        out.push(255);
        rest -= 255;
    }
    out.push((rest - 1) as u8);
    out.extend_from_slice(body);
    out.resize(len, 0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_silent_packet_is_as_long_in_bytes_and_in_time(toc in any::<u8>(), count in 1u8..7, len in 2usize..1_400) {
            let Some(toc) = Toc::parse(&[toc, count]) else { return Ok(()) };
            let packet = silent(toc, len);
            prop_assert_eq!(packet.len(), len);
            if has_room(toc, len) {
                let got = Toc::parse(&packet).expect("a packet");
                prop_assert_eq!(got.samples(), toc.samples());
                let at = first_frame_at(&packet).expect("a frame");
                prop_assert_eq!(&packet[at..at + 2], &SILENT_FRAME);
                let pcm = ruopus::OpusDecoder::new(2).decode_packet(&packet).expect("samples");
                prop_assert_eq!(pcm.len(), 2 * toc.samples() as usize);
                prop_assert!(pcm.iter().all(|x| x.abs() < 1e-4));
            }
        }

        #[test]
        fn any_bytes_are_a_packet_or_none(packet in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = (Toc::parse(&packet), first_frame_at(&packet));
        }
    }
}
