//! The sample codecs of telephony recordings.

mod adpcm;
pub mod adpcm_ima;
pub mod adpcm_ms;
pub mod flac;
pub mod g711;
pub mod g722;
pub mod gsm610;
pub mod opus;
pub mod pcm;
pub mod sampled;
pub mod vorbis;

/// How samples are coded. A block is the smallest unit that decodes alone in
/// time: one frame for PCM and G.711, two for G.722, 160 for GSM, 320 for WAV49.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Unsigned, 0x80 is silence.
    Pcm8,
    Pcm16,
    Pcm24,
    Pcm32,
    /// 24 bits in the low three of four bytes.
    Pcm24In4,
    Float32,
    Float64,
    /// Two's complement, 0 is silence.
    Pcm8Signed,
    /// The most significant byte first, as Sun's .au and RIFX have it.
    Pcm16Be,
    Pcm24Be,
    Pcm32Be,
    Float32Be,
    Float64Be,
    /// ITU-T G.711 µ-law.
    Ulaw,
    /// ITU-T G.711 A-law.
    Alaw,
    /// GSM 06.10 full rate, 33 bytes a 20 ms frame.
    Gsm,
    /// GSM 06.10 in Microsoft's packing, 65 bytes for two frames.
    Wav49,
    /// IMA ADPCM in blocks of so many bytes over all channels.
    ImaAdpcm {
        block: u16,
        channels: u8,
    },
    /// Microsoft's ADPCM in blocks of so many bytes over all channels.
    MsAdpcm {
        block: u16,
        channels: u8,
    },
    /// ITU-T G.722 at 64 kbit/s, a byte for two samples.
    G722,
    Mp3,
    Flac,
    Vorbis,
    Opus,
}

impl Codec {
    /// The name that `probe` and the API give.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Pcm8 => "pcm_u8",
            Codec::Pcm16 => "pcm_s16le",
            Codec::Pcm24 => "pcm_s24le",
            Codec::Pcm32 => "pcm_s32le",
            Codec::Pcm24In4 => "pcm_s24le_in_4_bytes",
            Codec::Float32 => "pcm_f32le",
            Codec::Float64 => "pcm_f64le",
            Codec::Pcm8Signed => "pcm_s8",
            Codec::Pcm16Be => "pcm_s16be",
            Codec::Pcm24Be => "pcm_s24be",
            Codec::Pcm32Be => "pcm_s32be",
            Codec::Float32Be => "pcm_f32be",
            Codec::Float64Be => "pcm_f64be",
            Codec::Ulaw => "ulaw",
            Codec::Alaw => "alaw",
            Codec::Gsm => "gsm",
            Codec::Wav49 => "wav49",
            Codec::ImaAdpcm { .. } => "adpcm_ima",
            Codec::MsAdpcm { .. } => "adpcm_ms",
            Codec::G722 => "g722",
            Codec::Mp3 => "mp3",
            Codec::Flac => "flac",
            Codec::Vorbis => "vorbis",
            Codec::Opus => "opus",
        }
    }

    /// Is every sample coded by itself (PCM, float, G.711)?
    pub fn is_sampled(self) -> bool {
        use Codec::{Alaw, Float32, Float64, Pcm8, Pcm8Signed, Pcm16, Pcm24, Pcm24In4, Pcm32, Ulaw};
        matches!(
            self.little_endian(),
            Pcm8 | Pcm8Signed | Pcm16 | Pcm24 | Pcm24In4 | Pcm32 | Float32 | Float64 | Ulaw | Alaw
        )
    }

    /// The codec whose samples are these with their bytes turned round; itself where none are.
    pub fn little_endian(self) -> Codec {
        match self {
            Codec::Pcm16Be => Codec::Pcm16,
            Codec::Pcm24Be => Codec::Pcm24,
            Codec::Pcm32Be => Codec::Pcm32,
            Codec::Float32Be => Codec::Float32,
            Codec::Float64Be => Codec::Float64,
            other => other,
        }
    }

    /// The codec whose samples are these with the most significant byte first.
    pub fn big_endian(self) -> Codec {
        match self {
            Codec::Pcm16 => Codec::Pcm16Be,
            Codec::Pcm24 => Codec::Pcm24Be,
            Codec::Pcm32 => Codec::Pcm32Be,
            Codec::Float32 => Codec::Float32Be,
            Codec::Float64 => Codec::Float64Be,
            other => other,
        }
    }

    /// Bytes of one block over `channels`; 0 for codecs whose packets differ in size.
    pub fn block_bytes(self, channels: u16) -> u64 {
        let one = match self {
            Codec::Pcm8 | Codec::Pcm8Signed | Codec::Ulaw | Codec::Alaw => 1,
            Codec::Pcm16 | Codec::Pcm16Be => 2,
            Codec::Pcm24 | Codec::Pcm24Be => 3,
            Codec::Pcm32 | Codec::Pcm32Be | Codec::Pcm24In4 | Codec::Float32 | Codec::Float32Be => 4,
            Codec::Float64 | Codec::Float64Be => 8,
            Codec::Gsm => return gsm610::FRAME_BYTES as u64,
            Codec::Wav49 => return gsm610::WAV49_BYTES as u64,
            Codec::ImaAdpcm { block, .. } | Codec::MsAdpcm { block, .. } => return u64::from(block),
            Codec::G722 => 1,
            Codec::Mp3 | Codec::Flac | Codec::Vorbis | Codec::Opus => 0,
        };
        one * u64::from(channels)
    }

    /// Frames in one block.
    pub fn frames_per_block(self) -> u64 {
        match self {
            Codec::Gsm => gsm610::FRAME_SAMPLES as u64,
            Codec::Wav49 => 2 * gsm610::FRAME_SAMPLES as u64,
            Codec::ImaAdpcm { block, channels } => {
                adpcm_ima::samples_in(usize::from(block), usize::from(channels)) as u64
            }
            Codec::MsAdpcm { block, channels } => {
                adpcm_ms::samples_in(usize::from(block), usize::from(channels)) as u64
            }
            Codec::G722 => 2,
            _ => 1,
        }
    }

    /// Frames in `bytes` of coded audio. The torn last block of an ADPCM plays
    /// as far as it goes, in every player; that of any other codec does not.
    pub fn frames_in(self, bytes: u64, channels: u16) -> u64 {
        let block = self.block_bytes(channels).max(1);
        bytes / block * self.frames_per_block() + self.frames_in_torn((bytes % block) as usize)
    }

    /// Frames of a last block of which `bytes` are there.
    fn frames_in_torn(self, bytes: usize) -> u64 {
        let samples = match self {
            Codec::ImaAdpcm { channels, .. } if bytes >= 4 * usize::from(channels) => {
                adpcm_ima::samples_in(bytes, usize::from(channels))
            }
            Codec::MsAdpcm { channels, .. } if bytes >= 7 * usize::from(channels) => {
                adpcm_ms::samples_in(bytes, usize::from(channels))
            }
            _ => 0,
        };
        samples as u64
    }

    /// Of the `rest` bytes of a torn last block, those that no player plays.
    pub fn unplayed_of_torn(self, rest: u64) -> u64 {
        if self.frames_in_torn(rest as usize) > 0 { 0 } else { rest }
    }
}
