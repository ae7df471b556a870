//! Coded audio to samples in ±1, a stretch at a time.

mod blocks;
pub mod conform;
mod flac;
mod mpeg;
mod streams;

use crate::audio::Samples;
use crate::codec::Codec;
use crate::container::{Container, ContainerError, Layout, ReadAt, ogg, webm};
use crate::timeline::Cuts;

/// Decodes a recording from its start to its end in stretches of some thousand
/// frames, so that the memory it takes does not grow with the recording.
pub struct Reader<'a, S: ReadAt + ?Sized> {
    inner: Inner<'a, S>,
}

enum Inner<'a, S: ReadAt + ?Sized> {
    Blocks(Box<blocks::Blocks<'a, S>>),
    Mpeg(Box<mpeg::Mpeg<'a, S>>),
    Flac(Box<flac::Frames<'a, S>>),
    Streams(Box<streams::StreamReader<'a, S>>),
}

impl<'a, S: ReadAt + ?Sized> Reader<'a, S> {
    /// A reader of `source`, which [`crate::container::locate`] described as `layout`.
    ///
    /// # Errors
    /// When the headers that a decoder needs are damaged.
    pub fn open(source: &'a S, layout: &Layout) -> Result<Reader<'a, S>, ContainerError> {
        let inner = match layout.codec {
            Codec::Mp3 => Inner::Mpeg(Box::new(mpeg::Mpeg::open(source, layout, Hear::Tagged)?)),
            Codec::Flac => Inner::Flac(Box::new(flac::Frames::open(source)?)),
            Codec::Vorbis | Codec::Opus => {
                let streams = match layout.container {
                    Container::Webm => webm::index(source)?.streams,
                    _ => ogg::index(source)?.streams,
                };
                Inner::Streams(Box::new(streams::StreamReader::open(source, streams)))
            }
            _ => Inner::Blocks(Box::new(blocks::Blocks::open(source, layout))),
        };
        Ok(Reader { inner })
    }

    /// Fills `planes` (one a channel, all of one length, what they held is
    /// dropped) with the next stretch; false when there is none.
    ///
    /// # Errors
    /// When the source cannot be read or its audio not be decoded.
    pub fn next(&mut self, planes: &mut Vec<Vec<f32>>) -> Result<bool, ContainerError> {
        match &mut self.inner {
            Inner::Blocks(blocks) => blocks.next(planes),
            Inner::Mpeg(mpeg) => mpeg.next(planes),
            Inner::Flac(frames) => frames.next(planes),
            Inner::Streams(streams) => streams.next(planes),
        }
    }
}

/// Decodes the whole of `file`, which `layout` describes.
///
/// # Errors
/// When the layout leaves the file, or its audio cannot be decoded.
pub fn decode<S: ReadAt + ?Sized>(file: &S, layout: &Layout) -> Result<Samples, ContainerError> {
    let mut reader = Reader::open(file, layout)?;
    let mut planes: Vec<Vec<f32>> = vec![Vec::new(); usize::from(layout.channels)];
    let mut part = Vec::new();
    while reader.next(&mut part)? {
        planes.iter_mut().zip(&part).for_each(|(whole, part)| whole.extend_from_slice(part));
    }
    Ok(Samples { rate: layout.rate, planes })
}

/// A recording with what its tags say is not to be heard.
#[derive(Clone, Debug)]
pub struct Whole {
    pub samples: Samples,
    /// What of it [`decode`] leaves out.
    pub cuts: Cuts,
}

impl Whole {
    /// Drops what is cut: these are [`decode`]'s samples.
    pub fn heard(mut self) -> Samples {
        self.cuts.drop_from(0, &mut self.samples.planes);
        self.samples
    }
}

/// Decodes the whole of `file` with what its tags cut off, for a player that
/// does not follow them plays it.
///
/// # Errors
/// As [`decode`]'s.
pub fn decode_whole<S: ReadAt + ?Sized>(file: &S, layout: &Layout) -> Result<Whole, ContainerError> {
    if layout.codec != Codec::Mp3 {
        let samples = decode(file, layout)?;
        let cuts = Cuts::of(&[], samples.frames() as u64);
        return Ok(Whole { samples, cuts });
    }
    let mut reader = mpeg::Mpeg::open(file, layout, Hear::All)?;
    let mut planes: Vec<Vec<f32>> = vec![Vec::new(); usize::from(layout.channels)];
    let mut part = Vec::new();
    while reader.next(&mut part)? {
        planes.iter_mut().zip(&part).for_each(|(whole, part)| whole.extend_from_slice(part));
    }
    Ok(Whole { samples: Samples { rate: layout.rate, planes }, cuts: reader.cuts().clone() })
}

/// What is wanted of a recording that a tag trims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hear {
    /// What a player gives that follows the tags.
    Tagged,
    All,
}

/// A 16-bit sample in ±1.
fn unit(sample: i16) -> f32 {
    f32::from(sample) / 32_768.0
}
