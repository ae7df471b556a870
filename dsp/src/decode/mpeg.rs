//! MP3 by symphonia's decoder: each run of frames of one rate by a decoder of
//! its own, all of them on one time line.

use super::Hear;
use super::conform::Conform;
use crate::container::mpeg::{Frame, Index, Region, index};
use crate::container::{ContainerError, Layout, ReadAt};
use crate::timeline::Cuts;
use symphonia::core::codecs::audio::well_known::CODEC_ID_MP3;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};

/// A reader of MPEG frames.
pub struct Mpeg<'a, S: ReadAt + ?Sized> {
    source: &'a S,
    index: Index,
    hear: Hear,
    /// The next frame, and the run that it lies in.
    next: usize,
    run: usize,
    decoder: Box<dyn AudioDecoder>,
    conform: Conform,
    /// The next frame of the whole line.
    at: u64,
}

impl<'a, S: ReadAt + ?Sized> Mpeg<'a, S> {
    pub fn open(source: &'a S, layout: &Layout, hear: Hear) -> Result<Mpeg<'a, S>, ContainerError> {
        let index = index(source, Region::of(layout, source))?;
        let conform = index.line.conform(0).ok_or(ContainerError::NoMpeg)?;
        Ok(Mpeg { source, index, hear, next: 0, run: 0, decoder: decoder()?, conform, at: 0 })
    }

    /// What a player that follows the tags leaves out.
    pub fn cuts(&self) -> &Cuts {
        &self.index.cuts
    }

    pub fn next(&mut self, planes: &mut Vec<Vec<f32>>) -> Result<bool, ContainerError> {
        planes.iter_mut().for_each(Vec::clear);
        while planes.first().is_none_or(Vec::is_empty) {
            let Some(frame) = self.index.frames.get(self.next).copied() else { return Ok(false) };
            if self.next == self.index.runs[self.run].end {
                self.run += 1;
                self.decoder = decoder()?;
                self.conform = self.index.line.conform(self.run).ok_or(ContainerError::NoMpeg)?;
            }
            self.next += 1;
            self.samples(&frame, planes)?;
            self.conform.turn(planes, self.next == self.index.runs[self.run].end);
            let frames = planes.first().map_or(0, Vec::len) as u64;
            if self.hear == Hear::Tagged {
                self.index.cuts.drop_from(self.at, planes);
            }
            self.at += frames;
        }
        Ok(true)
    }

    /// Decodes one frame to its own number of samples; a damaged one is
    /// silence of its length, as every player has it.
    fn samples(&mut self, frame: &Frame, planes: &mut Vec<Vec<f32>>) -> Result<(), ContainerError> {
        let (samples, channels) = (frame.header.samples as usize, usize::from(frame.header.channels));
        let mut bytes = vec![0u8; frame.header.len as usize];
        // What is torn off is zeros, as players have it.
        self.source.read_at(frame.offset, &mut bytes[..frame.len as usize])?;
        planes.resize_with(channels, Vec::new);
        let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, &bytes);
        match self.decoder.decode_ref(&packet) {
            Ok(audio) if audio.num_planes() == channels => audio.copy_to_vecs_planar(planes),
            _ => planes.iter_mut().for_each(Vec::clear),
        }
        planes.iter_mut().for_each(|plane| plane.resize(samples, 0.0));
        Ok(())
    }
}

fn decoder() -> Result<Box<dyn AudioDecoder>, ContainerError> {
    let mut params = AudioCodecParameters::new();
    params.for_codec(CODEC_ID_MP3);
    symphonia::default::get_codecs()
        .make_audio_decoder(&params, &AudioDecoderOptions::default())
        .map_err(|error| ContainerError::Undecodable(error.to_string()))
}
