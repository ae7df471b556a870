//! MPEG audio layer III (ISO/IEC 11172-3, 13818-3, and Fraunhofer's 2.5): every
//! frame of a stream, its parts of one rate, and what of it a player leaves out.
//!
//! # The time line
//!
//! Frame 0 is the first sample that ffmpeg plays, and the length is what it
//! plays. All frames lie on the whole line, one behind the other, at the
//! largest rate and number of channels of the file. On it lie cuts: the
//! encoder's delay and padding (see [`tag`]), and frames that ffmpeg drops
//! because foreign bytes stand before them. sox, lame and others play what is
//! cut, so cuts are decoded and listened to, and go silent with what stands
//! beside them ([`crate::timeline::Cuts`]).
//!
//! A tag's frame in the middle (joined files have one each) is a silent frame
//! of the time line, as players have it. A torn last frame counts as a whole one.

pub mod header;
pub mod tag;
mod walk;

pub use header::{Header, Layer};
pub use walk::Region;

use super::{Account, Accountant, Container, ContainerError, Layout, Lengths, ReadAt, scan::Scan};
use crate::audio::{Rate, Span};
use crate::codec::Codec;
use crate::timeline::{Cuts, Part, Timeline};

/// Frames in a row that make a stream, where more foreign bytes than frames lie in a file.
const STREAM: usize = 4;

/// One frame in its file.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub offset: u64,
    pub header: Header,
    /// Bytes that are there: fewer than the header says where the frame is torn.
    pub len: u32,
    /// How many bytes of main data before this frame's its own begins.
    pub reservoir: u32,
    /// Xing's or VBRI's: its main data is no audio's and stays.
    pub is_tag: bool,
    /// Something stands between the frame before and this one.
    pub is_apart: bool,
    /// ffmpeg does not play it.
    pub is_unplayed: bool,
}

impl Frame {
    /// Bytes of main data that this frame carries (not all of them its own).
    pub fn main_len(&self) -> u32 {
        self.len.saturating_sub(self.header.before_main())
    }

    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.len)
    }
}

/// Frames of one rate and number of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first and the one behind the last of [`Index::frames`].
    pub first: usize,
    pub end: usize,
    /// Samples of each frame.
    pub samples: u64,
}

/// Every frame of a stream, and how its samples count.
#[derive(Clone, Debug)]
pub struct Index {
    pub frames: Vec<Frame>,
    pub runs: Vec<Run>,
    /// All frames; the runs are its parts.
    pub line: Timeline,
    pub cuts: Cuts,
    /// The first frame holds a tag that counts, and sound.
    pub is_tag_loud: bool,
    account: Accountant,
}

impl Region {
    /// Where the frames of a file lie that `layout` describes.
    pub fn of(layout: &Layout, source: &(impl ReadAt + ?Sized)) -> Region {
        match layout.container {
            Container::Mp3 => Region { from: 0, to: source.len(), is_file: true },
            _ => Region { from: layout.data_start, to: layout.data_start + layout.data_len, is_file: false },
        }
    }
}

/// The layout of an MP3 file, by all its frames.
///
/// # Errors
/// [`ContainerError`] when there is no frame, or one that cannot be silenced.
pub fn locate(source: &(impl ReadAt + ?Sized)) -> Result<Layout, ContainerError> {
    let index = index(source, Region { from: 0, to: source.len(), is_file: true })?;
    let account = index.account.finish(source.len())?;
    if account.foreign > account.audio && !index.has_stream() {
        return Err(ContainerError::Damaged("it holds no stream of MPEG frames"));
    }
    Ok(index.layout(Container::Mp3, account))
}

/// The layout of the MP3 frames in `region` of another container, which
/// accounts for the bytes outside it. The account is the region's alone.
///
/// # Errors
/// [`ContainerError`] as [`locate`]'s.
pub fn inside(
    source: &(impl ReadAt + ?Sized),
    container: Container,
    region: Region,
) -> Result<Layout, ContainerError> {
    let index = index(source, region)?;
    let mut account = index.account.finish(region.to)?;
    account.header -= region.from;
    if account.foreign > account.audio && !index.has_stream() {
        return Err(ContainerError::Damaged("its data is no stream of MPEG frames"));
    }
    let mut layout = index.layout(container, account);
    (layout.data_start, layout.data_len) = (region.from, region.to - region.from);
    Ok(layout)
}

/// Does `source` begin with frames of layer III, whatever it is called? So
/// many that agree, one behind the other, that no other format has them.
///
/// # Errors
/// When the source cannot be read.
pub fn begins(source: &(impl ReadAt + ?Sized)) -> std::io::Result<bool> {
    let mut scan = Scan::new(source);
    let Some(first) = scan.array::<4>(0)?.and_then(Header::parse) else { return Ok(false) };
    let mut at = 0u64;
    for _ in 0..STREAM {
        match scan.array::<4>(at)? {
            Some(bytes) => match Header::parse(bytes).filter(|h| h.agrees(&first)) {
                Some(header) => at += u64::from(header.len),
                None => return Ok(false),
            },
            None => return Ok(at >= source.len() && at > u64::from(first.len)),
        }
    }
    Ok(true)
}

/// Finds every frame.
///
/// # Errors
/// [`ContainerError`] when there is none.
pub fn index(source: &(impl ReadAt + ?Sized), region: Region) -> Result<Index, ContainerError> {
    let walk = walk::walk(source, region)?;
    let runs = runs(&walk.frames);
    let part = |run: &Run| {
        let header = walk.frames[run.first].header;
        let frames = (run.end - run.first) as u64 * run.samples;
        Rate::new(header.rate_hz).map(|rate| Part { rate, channels: header.channels, frames })
    };
    let parts: Vec<Part> = runs.iter().filter_map(part).collect();
    let line = Timeline::of(&parts).ok_or(ContainerError::NoMpeg)?;
    let cuts = Cuts::of(&cuts(&walk, &runs, &line), line.frames());
    let walk::Walk { account, frames, is_tag_loud, .. } = walk;
    Ok(Index { account, frames, runs, line, cuts, is_tag_loud })
}

fn runs(frames: &[Frame]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (n, frame) in frames.iter().enumerate() {
        let kind = |f: &Frame| (f.header.rate_hz, f.header.channels);
        match runs.last_mut() {
            Some(run) if kind(&frames[run.first]) == kind(frame) => run.end = n + 1,
            _ => runs.push(Run { first: n, end: n + 1, samples: u64::from(frame.header.samples) }),
        }
    }
    runs
}

/// What ffmpeg does not play, on the whole line.
fn cuts(walk: &walk::Walk, runs: &[Run], line: &Timeline) -> Vec<Span> {
    let mut cuts = Vec::new();
    for (r, run) in runs.iter().enumerate() {
        let place = |n: usize| line.place(r, (n - run.first) as u64 * run.samples);
        let unplayed = (run.first..run.end).filter(|n| walk.frames[*n].is_unplayed);
        cuts.extend(unplayed.map(|n| Span::new(place(n), place(n + 1))));
    }
    // What is cut is counted from the first frame that is played, in its rate.
    let first = walk.frames.iter().position(|f| !f.is_unplayed).unwrap_or(0);
    let run = runs.partition_point(|r| r.end <= first);
    let Some(played) = runs.get(run) else { return cuts };
    let begin = (first - played.first) as u64 * played.samples;
    for cut in walk.tag.iter().flat_map(tag::Tag::cuts) {
        cuts.push(Span::new(line.place(run, begin + cut.start), line.place(run, begin + cut.end)));
    }
    cuts
}

impl Index {
    fn has_stream(&self) -> bool {
        let kept = |w: &[Frame]| w.iter().skip(1).all(|f| !f.is_apart && f.header.agrees(&w[0].header));
        self.frames.windows(STREAM).any(kept)
    }

    fn layout(&self, container: Container, account: Account) -> Layout {
        let first = self.frames.first().map_or(0, |f| f.offset);
        Layout {
            container,
            codec: Codec::Mp3,
            rate: self.line.rate(),
            slowest: self.line.slowest(),
            channels: self.line.channels(),
            data_start: first,
            data_len: self.frames.last().map_or(0, Frame::end) - first,
            lengths: Lengths::Right,
            counted: Some(self.cuts.heard_frames()),
            account,
        }
    }
}
