//! The sample codecs of telephony recordings.

mod adpcm;
pub mod adpcm_ima;
pub mod adpcm_ms;
pub mod g711;
pub mod g722;
pub mod gsm610;
pub mod opus;
pub mod pcm;
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
    Float32,
    Float64,
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
            Codec::Float32 => "pcm_f32le",
            Codec::Float64 => "pcm_f64le",
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
        use Codec::{Alaw, Float32, Float64, Pcm8, Pcm16, Pcm24, Pcm32, Ulaw};
        matches!(self, Pcm8 | Pcm16 | Pcm24 | Pcm32 | Float32 | Float64 | Ulaw | Alaw)
    }

    /// Bytes of one block over `channels`; 0 for codecs whose packets differ in size.
    pub fn block_bytes(self, channels: u16) -> u64 {
        let one = match self {
            Codec::Pcm8 | Codec::Ulaw | Codec::Alaw => 1,
            Codec::Pcm16 => 2,
            Codec::Pcm24 => 3,
            Codec::Pcm32 | Codec::Float32 => 4,
            Codec::Float64 => 8,
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
}
