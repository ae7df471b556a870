//! FLAC, whose frames differ in size, by symphonia's decoder. The
//! frames are found by our own indexes, so that a frame's samples are known to
//! be its own.

use crate::container::{ContainerError, Layout, ReadAt, flac};
use symphonia::core::codecs::audio::well_known::CODEC_ID_FLAC;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};

/// A reader of packets.
pub struct Packets<'a, S: ReadAt + ?Sized> {
    source: &'a S,
    index: Index,
    decoder: Box<dyn AudioDecoder>,
    channels: usize,
    next: usize,
    /// Decoded frames that are still to be dropped, and those still to be given.
    skip: u64,
    left: u64,
}

enum Index {
    Flac(Vec<flac::Frame>),
}

fn undecodable(error: impl std::fmt::Display) -> ContainerError {
    ContainerError::Undecodable(error.to_string())
}

impl<'a, S: ReadAt + ?Sized> Packets<'a, S> {
    pub fn open(source: &'a S, layout: &Layout) -> Result<Packets<'a, S>, ContainerError> {
        let mut params = AudioCodecParameters::new();
        params.with_sample_rate(layout.rate.hz());
        let (index, decoder, first, skip) = {
            let metadata = flac::metadata(source)?;
            let frames = flac::frames(&flac::all(source)?, &metadata)?;
            params.for_codec(CODEC_ID_FLAC).with_extra_data(Box::new(metadata.info.bytes));
            (Index::Flac(frames), symphonia_of(&params)?, 0, 0)
        };
        let channels = usize::from(layout.channels);
        Ok(Packets { source, index, decoder, channels, next: first, skip, left: layout.frames() })
    }

    pub fn next(&mut self, planes: &mut Vec<Vec<f32>>) -> Result<bool, ContainerError> {
        planes.resize_with(self.channels, Vec::new);
        planes.iter_mut().for_each(Vec::clear);
        while planes[0].is_empty() {
            let Some((packet, frames)) = self.packet(self.next)? else { return Ok(false) };
            self.next += 1;
            if self.left == 0 {
                return Ok(false);
            }
            if decode(self.decoder.as_mut(), &packet, planes).is_err() {
                // A damaged packet is silence of its length, as every player has it.
                planes.iter_mut().for_each(|plane| {
                    plane.clear();
                    plane.resize(frames, 0.0);
                });
            }
            self.trim(planes);
        }
        Ok(true)
    }

    /// Packet `n` and the frames it should decode to, where that is known beforehand.
    fn packet(&self, n: usize) -> Result<Option<(Vec<u8>, usize)>, ContainerError> {
        let read = |offset: u64, len: u32| {
            let mut bytes = vec![0u8; len as usize];
            self.source.read_at(offset, &mut bytes).map(|()| bytes)
        };
        Ok(match &self.index {
            Index::Flac(frames) => match frames.get(n) {
                Some(f) => Some((read(f.offset, f.len)?, f.samples as usize)),
                None => None,
            },
        })
    }

    /// Drops what the container says is not to be heard.
    fn trim(&mut self, planes: &mut [Vec<f32>]) {
        let frames = planes[0].len() as u64;
        let drop = self.skip.min(frames);
        self.skip -= drop;
        let keep = (frames - drop).min(self.left);
        self.left -= keep;
        for plane in planes {
            plane.drain(..drop as usize);
            plane.truncate(keep as usize);
        }
    }
}

fn symphonia_of(params: &AudioCodecParameters) -> Result<Box<dyn AudioDecoder>, ContainerError> {
    let decoder =
        symphonia::default::get_codecs().make_audio_decoder(params, &AudioDecoderOptions::default());
    decoder.map_err(undecodable)
}

fn decode(
    decoder: &mut dyn AudioDecoder,
    packet: &[u8],
    planes: &mut Vec<Vec<f32>>,
) -> Result<(), ContainerError> {
    let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, packet);
    let audio = decoder.decode_ref(&packet).map_err(undecodable)?;
    if audio.num_planes() != planes.len() {
        return Err(ContainerError::Damaged("a packet has another number of channels"));
    }
    audio.copy_to_vecs_planar(planes);
    Ok(())
}
