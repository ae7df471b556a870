//! Formats whose packets differ in size: MP3, FLAC and Vorbis by symphonia's
//! decoders, Opus by ruopus. The packets are found by our own indexes,
//! so that a packet's samples are known to be its own.

use crate::codec::{Codec, opus};
use crate::container::{ContainerError, Layout, ReadAt, flac, mpeg, ogg};
use symphonia::core::codecs::audio::well_known::{CODEC_ID_FLAC, CODEC_ID_MP3, CODEC_ID_VORBIS};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};

/// A reader of packets.
pub struct Packets<'a, S: ReadAt + ?Sized> {
    source: &'a S,
    index: Index,
    decoder: Decoder,
    channels: usize,
    next: usize,
    /// Decoded frames that are still to be dropped, and those still to be given.
    skip: u64,
    left: u64,
}

enum Index {
    Mpeg(Vec<mpeg::Frame>),
    Flac(Vec<flac::Frame>),
    Ogg(ogg::Index),
}

enum Decoder {
    Symphonia(Box<dyn AudioDecoder>),
    Opus { decoder: Box<ruopus::OpusDecoder>, gain: f32 },
}

fn undecodable(error: impl std::fmt::Display) -> ContainerError {
    ContainerError::Undecodable(error.to_string())
}

impl<'a, S: ReadAt + ?Sized> Packets<'a, S> {
    pub fn open(source: &'a S, layout: &Layout) -> Result<Packets<'a, S>, ContainerError> {
        let mut params = AudioCodecParameters::new();
        params.with_sample_rate(layout.rate.hz());
        let (index, decoder, first, skip) = match layout.codec {
            Codec::Mp3 => {
                let index = mpeg::index(source)?;
                params.for_codec(CODEC_ID_MP3);
                (Index::Mpeg(index.frames), symphonia_of(&params)?, 0, index.skip)
            }
            Codec::Flac => {
                let metadata = flac::metadata(source)?;
                let frames = flac::frames(&flac::all(source)?, &metadata)?;
                params.for_codec(CODEC_ID_FLAC).with_extra_data(Box::new(metadata.info.bytes));
                (Index::Flac(frames), symphonia_of(&params)?, 0, 0)
            }
            Codec::Vorbis => {
                let index = ogg::index(source)?;
                let mut headers = ogg::header_packet(source, &index, 0)?;
                headers.extend(ogg::header_packet(source, &index, 2)?);
                params.for_codec(CODEC_ID_VORBIS).with_extra_data(headers.into_boxed_slice());
                (Index::Ogg(index), symphonia_of(&params)?, 3, 0)
            }
            _ => {
                let index = ogg::index(source)?;
                let head = opus::Head::parse(&ogg::header_packet(source, &index, 0)?);
                let head = head.ok_or(ContainerError::Damaged("its Opus header is not whole"))?;
                (Index::Ogg(index), opus_of(&head)?, 2, u64::from(head.pre_skip))
            }
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
            if self.decoder.decode(&packet, planes).is_err() {
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
            Index::Mpeg(frames) => match frames.get(n) {
                Some(f) => Some((read(f.offset, f.header.len)?, f.header.samples as usize)),
                None => None,
            },
            Index::Flac(frames) => match frames.get(n) {
                Some(f) => Some((read(f.offset, f.len)?, f.samples as usize)),
                None => None,
            },
            Index::Ogg(index) if n < index.packet_count() => {
                let bytes = index.read(self.source, n)?;
                let frames = opus::Toc::parse(&bytes).map_or(0, |t| t.samples() as usize);
                let frames = if matches!(self.decoder, Decoder::Opus { .. }) { frames } else { 0 };
                Some((bytes, frames))
            }
            Index::Ogg(_) => None,
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

fn symphonia_of(params: &AudioCodecParameters) -> Result<Decoder, ContainerError> {
    let decoder =
        symphonia::default::get_codecs().make_audio_decoder(params, &AudioDecoderOptions::default());
    Ok(Decoder::Symphonia(decoder.map_err(undecodable)?))
}

fn opus_of(head: &opus::Head) -> Result<Decoder, ContainerError> {
    if head.mapping != 0 || head.channels > 2 {
        return Err(ContainerError::Damaged("only mono and stereo Opus is understood"));
    }
    let decoder = ruopus::OpusDecoder::new(usize::from(head.channels));
    let gain = 10f32.powf(f32::from(head.gain) / 256.0 / 20.0);
    Ok(Decoder::Opus { decoder: Box::new(decoder), gain })
}

impl Decoder {
    fn decode(&mut self, packet: &[u8], planes: &mut Vec<Vec<f32>>) -> Result<(), ContainerError> {
        match self {
            Decoder::Symphonia(decoder) => {
                let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, packet);
                let audio = decoder.decode_ref(&packet).map_err(undecodable)?;
                if audio.num_planes() != planes.len() {
                    return Err(ContainerError::Damaged("a packet has another number of channels"));
                }
                audio.copy_to_vecs_planar(planes);
            }
            Decoder::Opus { decoder, gain } => {
                let pcm = decoder.decode_packet(packet).map_err(undecodable)?;
                let channels = planes.len();
                for (c, plane) in planes.iter_mut().enumerate() {
                    plane.extend(pcm.iter().skip(c).step_by(channels).map(|x| x * *gain));
                }
            }
        }
        Ok(())
    }
}
