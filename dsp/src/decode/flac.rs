//! FLAC, frame by frame, one stream behind the other on one time line.

use super::conform::{Conform, Timeline};
use crate::codec::flac::FrameDecoder;
use crate::container::{ContainerError, ReadAt, flac};

/// A reader of frames.
pub struct Frames<'a, S: ReadAt + ?Sized> {
    source: &'a S,
    index: flac::Index,
    timeline: Timeline,
    next: usize,
    stream: Option<Open>,
}

/// The stream that is being read.
struct Open {
    number: usize,
    decoder: FrameDecoder,
    conform: Conform,
}

impl<'a, S: ReadAt + ?Sized> Frames<'a, S> {
    pub fn open(source: &'a S) -> Result<Frames<'a, S>, ContainerError> {
        let index = flac::index(&flac::all(source)?)?;
        let timeline = index.timeline()?;
        Ok(Frames { source, index, timeline, next: 0, stream: None })
    }

    pub fn next(&mut self, planes: &mut Vec<Vec<f32>>) -> Result<bool, ContainerError> {
        let Some(frame) = self.index.frames.get(self.next).copied() else { return Ok(false) };
        self.next += 1;
        let last = self.index.frames.get(self.next).is_none_or(|f| f.stream != frame.stream);
        let open = match self.stream.take().filter(|open| open.number == frame.stream) {
            Some(open) => open,
            None => self.begin(frame.stream)?,
        };
        let open = self.stream.insert(open);
        let mut bytes = vec![0u8; frame.len as usize];
        self.source.read_at(frame.offset, &mut bytes)?;
        *planes = open.decoder.decode_unit(&bytes)?;
        open.conform.turn(planes, last);
        Ok(true)
    }

    fn begin(&self, number: usize) -> Result<Open, ContainerError> {
        let decoder = FrameDecoder::of(&self.index.streams[number].metadata.info)?;
        let conform = self.timeline.conform(number).ok_or(ContainerError::NoAudio)?;
        Ok(Open { number, decoder, conform })
    }
}
