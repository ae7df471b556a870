//! Opus and Vorbis, whatever carries them: tracks side by side, groups one
//! behind the other. Vorbis by symphonia's decoder, Opus by ruopus.

use super::conform::Conform;
use crate::container::streams::{Coding, Group, Stream, Streams};
use crate::container::{ContainerError, ReadAt};
use symphonia::core::codecs::audio::well_known::CODEC_ID_VORBIS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};

/// Silent frames that are given at once.
const STRETCH: u64 = 4_096;

/// A reader of streams.
pub struct StreamReader<'a, S: ReadAt + ?Sized> {
    source: &'a S,
    streams: Streams,
    group: usize,
    open: Option<Open>,
}

/// A group that is being read.
struct Open {
    lead: u64,
    tracks: Vec<Track>,
    conform: Conform,
}

/// A track that is being read.
struct Track {
    decoder: Decoder,
    channels: usize,
    next: usize,
    /// Decoded frames that are still to be dropped, and those still to be given.
    skip: u64,
    left: u64,
    ready: Vec<Vec<f32>>,
}

enum Decoder {
    Vorbis(Box<dyn AudioDecoder>),
    Opus { decoder: Box<ruopus::OpusDecoder>, gain: f32 },
}

fn undecodable(error: impl std::fmt::Display) -> ContainerError {
    ContainerError::Undecodable(error.to_string())
}

impl<'a, S: ReadAt + ?Sized> StreamReader<'a, S> {
    pub fn open(source: &'a S, streams: Streams) -> StreamReader<'a, S> {
        StreamReader { source, streams, group: 0, open: None }
    }

    /// Fills `planes` with the next stretch; false when there is none.
    pub fn next(&mut self, planes: &mut Vec<Vec<f32>>) -> Result<bool, ContainerError> {
        loop {
            let Some(group) = self.streams.groups.get(self.group) else { return Ok(false) };
            let open = match &mut self.open {
                Some(open) => open,
                None => {
                    let conform = self.streams.line.conform(self.group).ok_or(ContainerError::NoAudio)?;
                    self.open.insert(Open::of(group, conform)?)
                }
            };
            let more = open.next(self.source, group, planes)?;
            open.conform.turn(planes, !more);
            if !more {
                (self.open, self.group) = (None, self.group + 1);
            }
            if planes.first().is_some_and(|p| !p.is_empty()) {
                return Ok(true);
            }
        }
    }
}

impl Open {
    fn of(group: &Group, conform: Conform) -> Result<Open, ContainerError> {
        let tracks = group.streams.iter().map(Track::open).collect::<Result<_, _>>()?;
        Ok(Open { lead: group.lead, tracks, conform })
    }

    /// The next stretch of all tracks, a track's planes beside the other's; false when all have ended.
    fn next(
        &mut self,
        source: &(impl ReadAt + ?Sized),
        group: &Group,
        planes: &mut Vec<Vec<f32>>,
    ) -> Result<bool, ContainerError> {
        planes.resize_with(usize::from(group.channels()), Vec::new);
        planes.iter_mut().for_each(Vec::clear);
        for (track, stream) in self.tracks.iter_mut().zip(&group.streams) {
            if self.lead == 0 {
                track.fill(source, stream)?;
            }
        }
        // As much as every track has that has not ended.
        let ready = self.tracks.iter().map(|t| t.ready[0].len() as u64).filter(|n| *n > 0).min();
        let frames = if self.lead > 0 { self.lead.min(STRETCH) } else { ready.unwrap_or(0) };
        let mut plane = planes.iter_mut();
        for track in &mut self.tracks {
            track.give(if self.lead > 0 { 0 } else { frames as usize }, &mut plane);
        }
        planes.iter_mut().for_each(|p| p.resize(frames as usize, 0.0));
        self.lead -= if self.lead > 0 { frames } else { 0 };
        Ok(frames > 0)
    }
}

impl Track {
    fn open(stream: &Stream) -> Result<Track, ContainerError> {
        let channels = usize::from(stream.coding.channels());
        Ok(Track {
            decoder: Decoder::of(&stream.coding)?,
            channels,
            next: 0,
            skip: stream.skip,
            left: stream.frames(),
            ready: vec![Vec::new(); channels],
        })
    }

    /// Decodes packets until there is something to give, or the track has ended.
    fn fill(&mut self, source: &(impl ReadAt + ?Sized), stream: &Stream) -> Result<(), ContainerError> {
        while self.ready[0].is_empty() && self.left > 0 && self.next < stream.packets.len() {
            let frames = stream.packets.frames(self.next);
            let packet = stream.packets.read(source, self.next)?;
            self.next += 1;
            if self.decoder.decode(&packet, &mut self.ready).is_err() {
                self.ready.iter_mut().for_each(Vec::clear);
            }
            // A damaged packet is silence of its length, as every player has it.
            self.ready.iter_mut().for_each(|p| p.resize(frames as usize, 0.0));
            let drop = self.skip.min(frames);
            self.skip -= drop;
            let keep = (frames - drop).min(self.left);
            self.left -= keep;
            for plane in &mut self.ready {
                plane.drain(..drop as usize);
                plane.truncate(keep as usize);
            }
        }
        Ok(())
    }

    /// Moves up to `frames` to the next of `planes`, one a channel.
    fn give<'p>(&mut self, frames: usize, planes: &mut impl Iterator<Item = &'p mut Vec<f32>>) {
        for (plane, ready) in planes.take(self.channels).zip(&mut self.ready) {
            plane.extend(ready.drain(..frames.min(ready.len())));
        }
    }
}

impl Decoder {
    fn of(coding: &Coding) -> Result<Decoder, ContainerError> {
        match coding {
            Coding::Opus(head) => Ok(Decoder::Opus {
                decoder: Box::new(ruopus::OpusDecoder::new(usize::from(head.channels))),
                gain: 10f32.powf(f32::from(head.gain) / 256.0 / 20.0),
            }),
            Coding::Vorbis(setup) => {
                let mut params = AudioCodecParameters::new();
                params.with_sample_rate(setup.ident.rate_hz).for_codec(CODEC_ID_VORBIS);
                params.with_extra_data(setup.headers.clone().into_boxed_slice());
                let decoder = symphonia::default::get_codecs()
                    .make_audio_decoder(&params, &AudioDecoderOptions::default());
                Ok(Decoder::Vorbis(decoder.map_err(undecodable)?))
            }
        }
    }

    fn decode(&mut self, packet: &[u8], planes: &mut Vec<Vec<f32>>) -> Result<(), ContainerError> {
        let channels = planes.len();
        match self {
            Decoder::Vorbis(decoder) => {
                let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, packet);
                let audio = decoder.decode_ref(&packet).map_err(undecodable)?;
                if audio.num_planes() != channels {
                    return Err(ContainerError::Damaged("a packet has another number of channels"));
                }
                audio.copy_to_vecs_planar(planes);
            }
            Decoder::Opus { decoder, gain } => {
                let pcm = decoder.decode_packet(packet).map_err(undecodable)?;
                for (c, plane) in planes.iter_mut().enumerate() {
                    plane.extend(pcm.iter().skip(c).step_by(channels).map(|x| x * *gain));
                }
            }
        }
        Ok(())
    }
}
