//! Where every frame of a FLAC file lies, also of one that is damaged, torn, or
//! several files joined byte by byte.
//!
//! | what is met | what it is taken for |
//! |---|---|
//! | a header (CRC-8) whose frame closes (CRC-16) | a frame |
//! | a header in its place, or numbered as the next, that does not close | a damaged frame, up to the next start; players decode it, so it is decoded, or the file is refused |
//! | such a one that the file's end cuts off and that does not decode | passed over, as every player does; a mute takes it away |
//! | `fLaC` and STREAMINFO | the next stream |
//! | tags, zeros | what they are |
//! | anything else | foreign, up to the next start |

use super::header::{Header, crc16};
use super::{Metadata, metadata_at};
use crate::codec::flac::FrameDecoder;
use crate::container::scan::Scan;
use crate::container::{Account, Accountant, Belongs, ContainerError, tags};

/// Bytes that may be read in vain, beside a multiple of the file, until a file counts as hostile.
const VAIN_BYTES: u64 = 1 << 26;
const VAIN_TIMES: u64 = 16;
/// Places where a frame may end that are tried, where junk follows it.
const MOST_ENDS: usize = 64;

/// One frame of audio.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub offset: u64,
    pub len: u32,
    /// Bytes of the header without its CRC.
    pub header_len: u32,
    /// The stream it belongs to, and its first sample there.
    pub stream: usize,
    pub start: u64,
    pub samples: u32,
}

/// One `fLaC` with what follows it.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    pub metadata: Metadata,
    /// Samples of its frames.
    pub samples: u64,
    /// No frame is damaged or torn.
    pub is_whole: bool,
}

/// Every frame of a file.
#[derive(Clone, Debug)]
pub struct Index {
    /// At least one.
    pub streams: Vec<Stream>,
    /// At least one.
    pub frames: Vec<Frame>,
    /// The torn last frame that nobody can decode: its offset and length.
    pub torn: Option<(u64, u64)>,
    pub account: Account,
}

/// Finds the frames of `file`.
///
/// # Errors
/// [`ContainerError`] when there is none, when a damaged frame cannot be
/// decoded, or when frames of another format stand in a stream.
pub fn index(file: &[u8]) -> Result<Index, ContainerError> {
    let mut walk = Walk {
        file,
        account: Accountant::default(),
        streams: Vec::new(),
        pending: None,
        frames: Vec::new(),
        decoder: None,
        last: None,
        torn: None,
        in_place: false,
        vain: VAIN_BYTES + VAIN_TIMES * file.len() as u64,
    };
    while walk.at() < file.len() {
        walk.step()?;
    }
    let account = walk.account.finish(file.len() as u64)?;
    match walk.frames.is_empty() {
        true if walk.decoder.is_none() => Err(ContainerError::Damaged("no FLAC stream was found")),
        true if account.foreign > 0 => Err(ContainerError::Damaged("no FLAC frame was found")),
        true => Err(ContainerError::NoAudio),
        false => Ok(Index { streams: walk.streams, frames: walk.frames, torn: walk.torn, account }),
    }
}

struct Walk<'a> {
    file: &'a [u8],
    account: Accountant,
    streams: Vec<Stream>,
    /// A stream of which no frame came yet.
    pending: Option<Metadata>,
    frames: Vec<Frame>,
    decoder: Option<FrameDecoder>,
    /// The stream's last frame.
    last: Option<Header>,
    torn: Option<(u64, u64)>,
    /// Right behind the metadata or a frame.
    in_place: bool,
    /// Bytes that may still be read in vain.
    vain: u64,
}

impl Walk<'_> {
    fn at(&self) -> usize {
        self.account.at() as usize
    }

    fn take(&mut self, to: usize, what: Belongs) {
        self.account.take(to as u64, what);
    }

    /// Names what stands at the walk's place.
    fn step(&mut self) -> Result<(), ContainerError> {
        let at = self.at();
        if let Some(metadata) = stream_at(self.file, at) {
            return self.stream(metadata);
        }
        if let Some(header) = Header::parse(&self.file[at..]) {
            if let Some(len) = self.closes(at, &header)? {
                return self.frame(&header, len, true);
            }
            if self.in_place || self.follows(&header) {
                return self.damaged(&header);
            }
        }
        self.in_place = false;
        let zeros = self.file[at..].iter().take_while(|b| **b == 0).count();
        if zeros > 0 {
            self.take(at + zeros, Belongs::Padding);
        } else if let Some(tag) = tag_len(self.file, at)? {
            self.take(at + tag, Belongs::Metadata);
        } else {
            let next = self.next_start(at + 1)?;
            self.take(next, Belongs::Foreign);
        }
        Ok(())
    }

    fn stream(&mut self, metadata: Metadata) -> Result<(), ContainerError> {
        self.decoder = Some(FrameDecoder::of(&metadata.info)?);
        self.take(metadata.audio_at as usize, Belongs::Header);
        self.pending = Some(metadata);
        (self.last, self.in_place) = (None, true);
        Ok(())
    }

    /// A frame of `len` bytes at the walk's place.
    fn frame(&mut self, header: &Header, len: usize, is_whole: bool) -> Result<(), ContainerError> {
        if let Some(metadata) = self.pending.take() {
            self.streams.push(Stream { metadata, samples: 0, is_whole: true });
        }
        let (at, stream) = (self.at(), self.streams.len().saturating_sub(1));
        let Some(of) = self.streams.last_mut().filter(|s| header.fits(&s.metadata.info)) else {
            return Err(ContainerError::Damaged("a frame does not fit its stream's STREAMINFO, or has none"));
        };
        self.frames.push(Frame {
            offset: at as u64,
            len: u32::try_from(len).map_err(|_| ContainerError::Damaged("a frame is too long"))?,
            header_len: header.len as u32,
            stream,
            start: of.samples,
            samples: header.samples,
        });
        of.samples += u64::from(header.samples);
        of.is_whole &= is_whole;
        self.take(at + len, Belongs::Audio);
        (self.last, self.in_place) = (Some(*header), true);
        Ok(())
    }

    /// A frame that does not close: up to the next start.
    fn damaged(&mut self, header: &Header) -> Result<(), ContainerError> {
        let at = self.at();
        let end = self.next_start(at + header.len + 1)?;
        if self.decodes(at, end) {
            return self.frame(header, end - at, false);
        }
        if end < self.file.len() {
            return Err(ContainerError::Undecodable(format!("the FLAC frame at offset {at} is damaged")));
        }
        if let Some(stream) = self.streams.last_mut() {
            stream.is_whole = false;
        }
        self.torn = Some((at as u64, (end - at) as u64));
        self.take(end, Belongs::Foreign);
        Ok(())
    }

    fn decodes(&mut self, at: usize, end: usize) -> bool {
        let bytes = &self.file[at..end];
        self.decoder.as_mut().is_some_and(|decoder| decoder.decode(bytes).is_ok())
    }

    /// Is it, by its number, a frame of the stream?
    fn follows(&self, header: &Header) -> bool {
        self.decoder.is_some() && header.follows(self.last.as_ref())
    }

    /// Bytes of the frame at `at`, where its CRC-16 fits.
    fn closes(&mut self, at: usize, header: &Header) -> Result<Option<usize>, ContainerError> {
        let file = self.file;
        let body = at + header.len + 1;
        let most = at.saturating_add(header.most_bytes()).min(file.len());
        let mut crc = crc16(0, &file[at..body]);
        // Where runs of nothing begin: the frame's own CRC brings the sum to nothing, and zeros keep it there.
        let mut runs: Vec<usize> = Vec::new();
        let mut zero_before = false;
        for next in body + 1..=most {
            crc = crc16(crc, &file[next - 1..next]);
            let zero = crc == 0 && next > body + 2;
            if zero && !zero_before && runs.len() < MOST_ENDS {
                runs.push(next);
            }
            zero_before = zero;
            if zero && is_border(file, next)? {
                return Ok(Some(self.first_end(at, next, &runs) - at));
            }
        }
        self.spend(most - at)?;
        // Junk follows: it ends where it decodes.
        Ok(runs.into_iter().find(|end| self.decodes(at, *end)).map(|end| end - at))
    }

    /// The end of the frame at `at` that a border at `next` and the runs of
    /// nothing before it leave: sums of whole frames in a row come to nothing too.
    fn first_end(&mut self, at: usize, next: usize, runs: &[usize]) -> usize {
        let Some((last, earlier)) = runs.split_last() else { return next };
        if let Some(end) = earlier.iter().find(|end| self.decodes(at, **end)) {
            return *end;
        }
        // The last byte of a CRC may be nothing itself; more are zeros behind the frame.
        if next <= last + 1 { next } else { *last }
    }

    /// The first place from `from` on at which a stream or a frame begins.
    fn next_start(&mut self, from: usize) -> Result<usize, ContainerError> {
        let mut at = from;
        while let Some(n) = self.file[at.min(self.file.len())..].iter().position(|b| matches!(b, 0xFF | b'f'))
        {
            at += n;
            if stream_at(self.file, at).is_some() {
                return Ok(at);
            }
            if let Some(header) = Header::parse(&self.file[at..])
                && (self.follows(&header) || self.closes(at, &header)?.is_some())
            {
                return Ok(at);
            }
            at += 1;
        }
        Ok(self.file.len())
    }

    fn spend(&mut self, bytes: usize) -> Result<(), ContainerError> {
        let left = self.vain.checked_sub(bytes as u64);
        self.vain = left.ok_or(ContainerError::Damaged("too much of it is damaged"))?;
        Ok(())
    }
}

/// The metadata of a stream that begins at `at`.
fn stream_at(file: &[u8], at: usize) -> Option<Metadata> {
    if !file[at..].starts_with(b"fLaC") {
        return None;
    }
    metadata_at(file, at as u64).ok().filter(|m| m.audio_at <= file.len() as u64)
}

fn tag_len(file: &[u8], at: usize) -> std::io::Result<Option<usize>> {
    // A scan would copy a window; most bytes begin no tag.
    if !matches!(file[at], b'I' | b'T' | b'A' | b'L') {
        return Ok(None);
    }
    Ok(tags::len_at(&mut Scan::new(file), at as u64, file.len() as u64)?.map(|len| len as usize))
}

/// Does something that is known begin at `at`, or the file end?
fn is_border(file: &[u8], at: usize) -> std::io::Result<bool> {
    Ok(at == file.len()
        || Header::parse(&file[at..]).is_some()
        || file[at..].starts_with(b"fLaC")
        || tag_len(file, at)?.is_some())
}

#[cfg(test)]
mod tests {
    use super::super::header::{crc8, crc16};
    use super::*;
    use proptest::prelude::*;

    const BLOCK: usize = 192;

    /// `fLaC` and STREAMINFO of 16-bit mono in blocks of 192.
    fn head(hz: u32) -> Vec<u8> {
        let mut info = vec![0u8, 192, 0, 192, 0, 0, 0, 0, 0, 0];
        info.extend((u64::from(hz) << 44 | 15 << 36).to_be_bytes());
        info.extend([0; 16]);
        [b"fLaC\x80\0\0\x22".as_slice(), &info].concat()
    }

    /// Frame `number` of a stream, its samples as they are.
    fn frame(number: u8) -> Vec<u8> {
        let mut out = vec![0xFF, 0xF8, 0x10, 0x08, number];
        out.push(crc8(&out));
        out.push(2);
        for k in 0..BLOCK {
            out.extend(((k * 97 + usize::from(number) * 31) as i16).to_be_bytes());
        }
        out.extend(crc16(0, &out).to_be_bytes());
        out
    }

    fn stream(hz: u32, frames: u8) -> Vec<u8> {
        (0..frames).fold(head(hz), |file, n| [file, frame(n)].concat())
    }

    /// Offset of frame `n` of a stream.
    fn at(n: usize) -> usize {
        42 + n * frame(0).len()
    }

    /// Samples that are heard, and foreign bytes.
    fn heard(file: &[u8]) -> (u64, u64) {
        let index = index(file).expect("an index");
        (index.streams.iter().map(|s| s.samples).sum(), index.account.foreign)
    }

    #[test]
    fn what_stands_before_between_and_behind_frames_is_named() {
        let whole = stream(8_000, 5);
        assert_eq!(heard(&whole), (5 * 192, 0));
        for (junk, foreign) in [(b"x".to_vec(), 1), (b"some junk".repeat(9_000), 81_000), (vec![0; 700], 0)] {
            for place in [0, at(0), at(2), whole.len()] {
                let file = [&whole[..place], &junk, &whole[place..]].concat();
                assert_eq!(heard(&file), (5 * 192, foreign), "{} bytes at {place}", junk.len());
            }
        }
        let ape =
            [b"APETAGEX".as_slice(), &[0xD0, 7, 0, 0, 36, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xA0], &[0; 44]]
                .concat();
        let index = index(&[whole.clone(), ape, [b"TAG".as_slice(), &[b' '; 125]].concat()].concat());
        assert_eq!(index.expect("tags").account.metadata, 68 + 128);
        let id3 = [b"ID3\x04\0\0\0\0\x02\0".as_slice(), &[7; 256], &whole].concat();
        assert_eq!(heard(&id3), (5 * 192, 0));
    }

    #[test]
    fn a_damaged_frame_is_decoded_as_players_decode_it_or_the_file_is_refused() {
        let whole = stream(8_000, 5);
        let mut flipped = whole.clone();
        flipped[at(2) + 100] ^= 0x55;
        let got = index(&flipped).expect("an index");
        assert_eq!((got.frames.len(), got.streams[0].is_whole), (5, false));
        // The sub-frame's type is reserved: nobody decodes that.
        flipped[at(2) + 6] = 0x7E;
        assert!(matches!(index(&flipped), Err(ContainerError::Undecodable(_))));
        // A header that is hit is no header to anybody.
        let mut headless = whole.clone();
        headless[at(2) + 2] ^= 0xFF;
        assert_eq!(heard(&headless), (4 * 192, frame(0).len() as u64));
    }

    #[test]
    fn a_torn_last_frame_is_heard_where_it_decodes_and_passed_over_where_not() {
        let whole = stream(8_000, 5);
        // Only its sum is lost.
        assert_eq!(heard(&whole[..whole.len() - 1]), (5 * 192, 0));
        let torn = index(&whole[..whole.len() - 50]).expect("an index");
        assert_eq!((torn.frames.len(), torn.torn), (4, Some((at(4) as u64, frame(4).len() as u64 - 50))));
    }

    #[test]
    fn joined_streams_follow_each_other_and_frames_without_a_stream_are_refused() {
        let (first, second) = (stream(8_000, 3), stream(16_000, 4));
        let joined = index(&[first.as_slice(), b"junk", &second].concat()).expect("an index");
        assert_eq!(joined.streams.iter().map(|s| s.samples).collect::<Vec<_>>(), [3 * 192, 4 * 192]);
        let line = joined.timeline().expect("a time line");
        assert_eq!((line.rate().hz(), line.frames()), (16_000, 10 * 192));
        let headless = [&second[42..], &first].concat();
        assert!(matches!(index(&headless), Err(ContainerError::Damaged(_))));
        // A stream that has no frame changes nothing.
        assert_eq!(index(&[head(96_000), first].concat()).expect("an index").streams.len(), 1);
        assert!(matches!(index(&head(8_000)), Err(ContainerError::NoAudio)));
        assert!(matches!(index(b"some text"), Err(ContainerError::Damaged(_))));
    }

    proptest! {
        #[test]
        fn frames_of_any_bytes_are_in_order_inside_the_file_and_every_byte_is_counted(
            hits in prop::collection::vec((0usize..2_100, any::<u8>()), 0..6),
            junk in prop::collection::vec(any::<u8>(), 0..40), place in 0usize..2_000, cut in 0usize..2_200,
        ) {
            let mut file = stream(8_000, 5);
            file.splice(place.min(file.len())..place.min(file.len()), junk);
            hits.iter().for_each(|(at, byte)| if let Some(b) = file.get_mut(*at) { *b = *byte });
            file.truncate(cut);
            if let Ok(index) = index(&file) {
                prop_assert_eq!(index.account.total(), file.len() as u64);
                let ends = index.frames.windows(2).all(|w| w[0].offset + u64::from(w[0].len) <= w[1].offset);
                let last = index.frames[index.frames.len() - 1];
                prop_assert!(ends && last.offset + u64::from(last.len) <= file.len() as u64);
                prop_assert!(index.frames.iter().all(|f| f.stream < index.streams.len()));
            }
        }
    }
}
