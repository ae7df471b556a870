//! The four bytes that every MPEG audio frame begins with.

const BITRATES_1_I: [u32; 15] = [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448];
const BITRATES_1_II: [u32; 15] = [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
const BITRATES_1_III: [u32; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const BITRATES_2_I: [u32; 15] = [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256];
const BITRATES_2: [u32; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

/// ISO/IEC 11172-3's layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    I,
    II,
    III,
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub layer: Layer,
    pub rate_hz: u32,
    pub channels: u16,
    /// Samples of one frame; of layer III 1152, or 576 for MPEG 2 and 2.5.
    pub samples: u32,
    /// Bytes of the frame with its header; 0 where the header does not say (free format).
    pub len: u32,
    /// Two bytes of CRC follow the header.
    pub has_crc: bool,
    /// Bytes of layer III's side information.
    pub side: u32,
    /// MPEG 1, whose side information begins with nine bits of reservoir, not eight.
    pub is_one: bool,
    /// What ffmpeg wants to be alike in the first two frames that it plays: version,
    /// layer, rate, mode, copyright, original and emphasis (libavformat, `MP3_MASK`).
    pub kind: u32,
}

impl Header {
    /// Reads four bytes; `None` when they are no header, or one of free format.
    pub fn parse(b: [u8; 4]) -> Option<Header> {
        Header::parse_any(b).filter(|h| h.len > 0)
    }

    /// The header of a frame of free format, whose length only the next one tells.
    pub fn parse_free(b: [u8; 4]) -> Option<Header> {
        Header::parse_any(b).filter(|h| h.len == 0)
    }

    fn parse_any(b: [u8; 4]) -> Option<Header> {
        let version = b[1] >> 3 & 3;
        let (bitrate, rate) = (usize::from(b[2] >> 4), usize::from(b[2] >> 2 & 3));
        if b[0] != 0xFF || b[1] >> 5 != 7 || version == 1 || bitrate == 15 || rate == 3 {
            return None;
        }
        let layer = match b[1] >> 1 & 3 {
            1 => Layer::III,
            2 => Layer::II,
            3 => Layer::I,
            _ => return None,
        };
        let is_one = version == 3;
        let rate_hz = [44_100, 48_000, 32_000][rate] >> [2, 0, 1, 0][usize::from(version)];
        let mono = b[3] >> 6 == 3;
        let kbps = match (is_one, layer) {
            (true, Layer::I) => BITRATES_1_I,
            (true, Layer::II) => BITRATES_1_II,
            (true, Layer::III) => BITRATES_1_III,
            (false, Layer::I) => BITRATES_2_I,
            (false, _) => BITRATES_2,
        }[bitrate];
        let samples = match (layer, is_one) {
            (Layer::I, _) => 384,
            (Layer::III, false) => 576,
            _ => 1_152,
        };
        // Layer I counts in slots of four bytes.
        let slot = if layer == Layer::I { 4 } else { 1 };
        let slots = samples / 8 / slot * kbps * 1_000 / rate_hz + u32::from(b[2] >> 1 & 1);
        Some(Header {
            layer,
            rate_hz,
            channels: if mono { 1 } else { 2 },
            samples,
            len: if bitrate == 0 { 0 } else { slots * slot },
            has_crc: b[1] & 1 == 0,
            side: match (is_one, mono) {
                (true, true) | (false, false) => 17,
                (true, false) => 32,
                (false, true) => 9,
            },
            is_one,
            kind: u32::from_be_bytes(b) & 0xFFFE_0CCF,
        })
    }

    /// Bytes before the main data: header, CRC, side information.
    pub fn before_main(&self) -> u32 {
        self.side_at() + self.side
    }

    /// Offset of the side information in the frame.
    pub fn side_at(&self) -> u32 {
        4 + if self.has_crc { 2 } else { 0 }
    }

    /// Bits at the start of the side information that are no granule's: the
    /// reservoir's pointer and the private bits.
    pub fn side_head_bits(&self) -> usize {
        match (self.is_one, self.channels) {
            (true, 1) => 14,
            (true, _) => 12,
            (false, 1) => 9,
            (false, _) => 10,
        }
    }

    /// The same version, layer and rate.
    pub fn agrees(&self, other: &Header) -> bool {
        (self.layer, self.rate_hz, self.is_one) == (other.layer, other.rate_hz, other.is_one)
    }
}

/// CRC-16 over the last two bytes of the header and the side information (ISO/IEC 11172-3, 2.4.3.1).
pub fn crc(header: &[u8], side: &[u8]) -> u16 {
    header.iter().chain(side).fold(0xFFFF, |crc: u16, byte| {
        (0..8)
            .fold(crc ^ u16::from(*byte) << 8, |c, _| if c & 0x8000 != 0 { c << 1 ^ 0x8005 } else { c << 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_layer_s_frames_have_their_length() {
        let of = |b| Header::parse(b).map(|h| (h.layer, h.rate_hz, h.channels, h.samples, h.len));
        assert_eq!(of([0xFF, 0xFB, 0x90, 0xC0]), Some((Layer::III, 44_100, 1, 1_152, 417)));
        assert_eq!(of([0xFF, 0xE3, 0x28, 0xC0]), Some((Layer::III, 8_000, 1, 576, 144)));
        assert_eq!(of([0xFF, 0xFD, 0x84, 0x00]), Some((Layer::II, 48_000, 2, 1_152, 384)));
        assert_eq!(of([0xFF, 0xFF, 0x84, 0x00]), Some((Layer::I, 48_000, 2, 384, 256)));
        assert_eq!(of([0xFF; 4]), None);
        assert_eq!(of([0xFF, 0xFB, 0x00, 0xC0]), None);
        assert!(Header::parse_free([0xFF, 0xFB, 0x00, 0xC0]).is_some());
    }
}
