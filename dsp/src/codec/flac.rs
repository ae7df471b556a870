//! FLAC frames to the integers that were coded, by symphonia's decoder.

use crate::container::ContainerError;
use crate::container::flac::StreamInfo;
use symphonia::core::audio::{Audio, GenericAudioBufferRef};
use symphonia::core::codecs::audio::well_known::CODEC_ID_FLAC;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};

/// A decoder of one stream's frames. Frames stand alone: it remembers nothing.
pub struct FrameDecoder {
    decoder: Box<dyn AudioDecoder>,
    bits: u32,
    channels: usize,
}

impl FrameDecoder {
    /// # Errors
    /// When the stream info is not possible.
    pub fn of(info: &StreamInfo) -> Result<FrameDecoder, ContainerError> {
        // Frames of any size are decoded, also where the stream info is wrong about them.
        let mut bytes = info.bytes;
        bytes[..4].copy_from_slice(&[0, 16, 0xFF, 0xFF]);
        let mut params = AudioCodecParameters::new();
        params.for_codec(CODEC_ID_FLAC).with_extra_data(Box::new(bytes));
        let decoder =
            symphonia::default::get_codecs().make_audio_decoder(&params, &AudioDecoderOptions::default());
        let decoder = decoder.map_err(|e| ContainerError::Undecodable(e.to_string()))?;
        Ok(FrameDecoder { decoder, bits: u32::from(info.bits), channels: usize::from(info.channels) })
    }

    /// A frame's samples; what stands behind the frame is passed over.
    ///
    /// # Errors
    /// When the bytes do not decode to one frame of the stream.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Vec<Vec<i32>>, ContainerError> {
        let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, bytes);
        let audio =
            self.decoder.decode_ref(&packet).map_err(|e| ContainerError::Undecodable(e.to_string()))?;
        let GenericAudioBufferRef::S32(audio) = audio else {
            return Err(ContainerError::Undecodable("its samples are not integers".to_owned()));
        };
        // The decoder gives 32 bits with the sample on top.
        let shift = 32 - self.bits;
        let plane = |c: usize| audio.plane(c).map(|p| p.iter().map(|s| s >> shift).collect::<Vec<i32>>());
        let planes: Option<Vec<Vec<i32>>> = (0..self.channels).map(plane).collect();
        planes.ok_or(ContainerError::Damaged("a frame has another number of channels"))
    }

    /// The same in ±1.
    ///
    /// # Errors
    /// As [`FrameDecoder::decode`]'s.
    pub fn decode_unit(&mut self, bytes: &[u8]) -> Result<Vec<Vec<f32>>, ContainerError> {
        let whole = (1u64 << (self.bits - 1)) as f64;
        let unit = |plane: Vec<i32>| plane.into_iter().map(|s| (f64::from(s) / whole) as f32).collect();
        Ok(self.decode(bytes)?.into_iter().map(unit).collect())
    }
}
