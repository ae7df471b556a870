//! FLAC: frames that a span touches are written anew: constant zeros where a
//! frame is wholly silent, the samples as they are where it is not. All other
//! frames keep their bytes. Frames change their length, so the file does;
//! stream info (frame sizes, MD5) and the seek table are brought up to date. The MD5
//! of a stream with a damaged frame never fitted: it becomes "not known".

use super::Splice;
use crate::audio::Span;
use crate::codec::flac::FrameDecoder;
use crate::container::flac::{self, Frame, Metadata, Stream, StreamInfo};
use crate::container::{ContainerError, ReadAt};
use md5::{Digest, Md5};

/// The stretches of the file to replace for the merged `spans` of its time line, in order.
pub fn splices(source: &(impl ReadAt + ?Sized), spans: &[Span]) -> Result<Vec<Splice>, ContainerError> {
    let file = flac::all(source)?;
    let index = flac::index(&file)?;
    let timeline = index.timeline()?;
    let mut native = vec![Vec::new(); index.streams.len()];
    for (stream, span) in spans.iter().flat_map(|span| timeline.inside(*span)) {
        native[stream].push(span);
    }
    let mut out = Vec::new();
    for (number, spans) in native.iter().enumerate().filter(|(_, spans)| !spans.is_empty()) {
        let frames: Vec<Frame> = index.frames.iter().filter(|f| f.stream == number).copied().collect();
        out.extend(stream_splices(&file, &index.streams[number], &frames, spans)?);
    }
    if let Some((offset, removed)) = index.torn.filter(|_| !spans.is_empty()) {
        // No player plays it, and nobody heard what is in it.
        out.push(Splice { offset, removed, bytes: Vec::new() });
    }
    Ok(out)
}

/// The same for one stream, in its own frames.
fn stream_splices(
    file: &[u8],
    stream: &Stream,
    frames: &[Frame],
    spans: &[Span],
) -> Result<Vec<Splice>, ContainerError> {
    let info = &stream.metadata.info;
    let mut out = Vec::new();
    let mut digest = if stream.is_whole { Digested::of(info) } else { None };
    let mut decoder = FrameDecoder::of(info)?;
    for frame in frames {
        let touched =
            spans.iter().any(|s| s.start < frame.start + u64::from(frame.samples) && frame.start < s.end);
        if !touched && digest.is_none() {
            continue;
        }
        let bytes = &file[frame.offset as usize..(frame.offset + u64::from(frame.len)) as usize];
        let mut planes = decoder.decode(bytes)?;
        silence(&mut planes, frame.start, spans);
        if let Some(digest) = &mut digest {
            digest.add(&planes);
        }
        if touched {
            let bytes = written(bytes, frame, &planes, info.bits)?;
            out.push(Splice { offset: frame.offset, removed: u64::from(frame.len), bytes });
        }
    }
    // The sum of a stream with damaged frames fits nothing any more: it says "not known".
    let md5 = digest.map_or([0; 16], Digested::finish);
    let mut heads = heads(file, &stream.metadata, frames, &out, md5);
    heads.append(&mut out);
    Ok(heads)
}

fn silence(planes: &mut [Vec<i32>], start: u64, spans: &[Span]) {
    for s in spans {
        for plane in planes.iter_mut() {
            let len = plane.len() as u64;
            let (a, b) = (s.start.saturating_sub(start).min(len), s.end.saturating_sub(start).min(len));
            plane[a as usize..b.max(a) as usize].fill(0);
        }
    }
}

/// The frame with its header but for the channel assignment (independent), and its samples.
fn written(was: &[u8], frame: &Frame, planes: &[Vec<i32>], bits: u8) -> Result<Vec<u8>, ContainerError> {
    let mut out = was[..frame.header_len as usize].to_vec();
    // Size code 0 means the bits of the stream info, which hold for every channel now.
    out[3] = (planes.len() as u8 - 1) << 4 | out[3] & 0x0F;
    out.push(flac::crc8(&out));
    let mut bits_out = Bits { bytes: out, free: 0 };
    for plane in planes {
        bits_out.subframe(plane, bits);
    }
    let mut out = bits_out.bytes;
    let crc = flac::crc16(0, &out);
    out.extend(crc.to_be_bytes());
    if out.len() > 1 << 24 {
        return Err(ContainerError::Damaged("a frame would be too long"));
    }
    Ok(out)
}

/// Bits from the most significant on.
struct Bits {
    bytes: Vec<u8>,
    /// Bits of the last byte that are still free.
    free: u32,
}

impl Bits {
    fn put(&mut self, value: u32, bits: u32) {
        for b in (0..bits).rev() {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            self.free -= 1;
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> b & 1) as u8) << self.free;
            }
        }
    }

    /// A constant subframe where all samples are equal, else a verbatim one (9.2.3, 9.2.4).
    fn subframe(&mut self, plane: &[i32], bits: u8) {
        let first = plane.first().copied().unwrap_or(0);
        if plane.iter().all(|s| *s == first) {
            self.put(0, 8);
            self.put(first as u32, u32::from(bits));
        } else {
            self.put(0b0000_0010, 8);
            plane.iter().for_each(|s| self.put(*s as u32, u32::from(bits)));
        }
    }
}

/// Stream info and seek points as they are after `splices`.
fn heads(
    file: &[u8],
    metadata: &Metadata,
    frames: &[Frame],
    splices: &[Splice],
    md5: [u8; 16],
) -> Vec<Splice> {
    let len_of = |f: &Frame| {
        let new = splices.binary_search_by_key(&f.offset, |s| s.offset);
        new.map_or(f.len, |n| splices[n].bytes.len() as u32)
    };
    let mut info = metadata.info.bytes;
    let (least, most) = frames.iter().map(len_of).fold((u32::MAX, 0), |(a, b), n| (a.min(n), b.max(n)));
    if info[4..10] != [0; 6] {
        info[4..7].copy_from_slice(&least.to_be_bytes()[1..]);
        info[7..10].copy_from_slice(&most.to_be_bytes()[1..]);
    }
    info[18..34].copy_from_slice(&md5);
    let mut out = vec![Splice { offset: metadata.info.at, removed: 34, bytes: info.to_vec() }];
    if let Some((at, len)) = metadata.seek_table {
        let mut table = file[at as usize..at as usize + len as usize].to_vec();
        for point in table.chunks_exact_mut(18).filter(|p| p[..8] != [0xFF; 8]) {
            move_point(point, metadata.audio_at, splices);
        }
        out.push(Splice { offset: at, removed: u64::from(len), bytes: table });
        out.sort_by_key(|s| s.offset);
    }
    out
}

/// A seek point's offset counts from the first frame.
fn move_point(point: &mut [u8], audio_at: u64, splices: &[Splice]) {
    let mut field = [0u8; 8];
    field.copy_from_slice(&point[8..16]);
    let was = u64::from_be_bytes(field);
    let before = splices.iter().take_while(|s| s.offset < audio_at.saturating_add(was));
    let shift: i64 = before.map(|s| s.bytes.len() as i64 - s.removed as i64).sum();
    point[8..16].copy_from_slice(&was.saturating_add_signed(shift).to_be_bytes());
}

/// The MD5 of the samples, where the file has one.
struct Digested {
    md5: Md5,
    bytes_a_sample: usize,
}

impl Digested {
    fn of(info: &StreamInfo) -> Option<Digested> {
        let has = info.bytes[18..34] != [0; 16];
        has.then(|| Digested { md5: Md5::new(), bytes_a_sample: usize::from(info.bits).div_ceil(8) })
    }

    fn add(&mut self, planes: &[Vec<i32>]) {
        let frames = planes.first().map_or(0, Vec::len);
        let mut bytes = Vec::with_capacity(frames * planes.len() * self.bytes_a_sample);
        for k in 0..frames {
            for plane in planes {
                bytes.extend_from_slice(&plane[k].to_le_bytes()[..self.bytes_a_sample]);
            }
        }
        self.md5.update(&bytes);
    }

    fn finish(self) -> [u8; 16] {
        self.md5.finalize().into()
    }
}
