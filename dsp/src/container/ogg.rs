//! Ogg (RFC 3533): pages, packets and the CRC of a page; what carries Vorbis
//! and Opus (RFC 7845).

use super::scan::Scan;
use super::{Account, Container, ContainerError, Layout, Lengths, ReadAt};
use crate::audio::Rate;
use crate::codec::{Codec, opus, vorbis};

const HEADER: usize = 27;
/// Bytes of the largest page.
const MOST_PAGE: u64 = 27 + 255 + 255 * 255;
/// Header packets are held in memory; beyond this a file is hostile.
const MOST_HEADER: u64 = 1 << 20;

/// A stretch of a packet: it may go on in the next page.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    pub offset: u64,
    pub len: u32,
}

#[derive(Clone, Copy, Debug)]
pub struct Page {
    pub offset: u64,
    /// Bytes with the header.
    pub len: u32,
    pub granule: i64,
}

/// One logical stream: its pages, and the parts of each packet.
#[derive(Clone, Debug, Default)]
pub struct Index {
    pub pages: Vec<Page>,
    parts: Vec<Part>,
    /// Where the parts of each packet begin in `parts`.
    packets: Vec<u32>,
}

impl Index {
    pub fn packet_count(&self) -> usize {
        self.packets.len()
    }

    /// The parts of packet `n`, in order.
    pub fn parts(&self, n: usize) -> &[Part] {
        let from = self.packets[n] as usize;
        let to = self.packets.get(n + 1).map_or(self.parts.len(), |p| *p as usize);
        &self.parts[from..to]
    }

    pub fn packet_len(&self, n: usize) -> u64 {
        self.parts(n).iter().map(|p| u64::from(p.len)).sum()
    }

    /// The bytes of packet `n`.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn read(&self, source: &(impl ReadAt + ?Sized), n: usize) -> std::io::Result<Vec<u8>> {
        let mut out = Vec::with_capacity(self.packet_len(n) as usize);
        for part in self.parts(n) {
            let from = out.len();
            out.resize(from + part.len as usize, 0);
            source.read_at(part.offset, &mut out[from..])?;
        }
        Ok(out)
    }

    /// Samples that the last page counts.
    pub fn last_granule(&self) -> u64 {
        self.pages.iter().rev().find(|p| p.granule >= 0).map_or(0, |p| p.granule as u64)
    }
}

/// Reads every page's header. Pages of other streams are passed over.
///
/// # Errors
/// [`ContainerError`] when a page is damaged, or a second stream follows the first.
pub fn index(source: &(impl ReadAt + ?Sized)) -> Result<Index, ContainerError> {
    let mut scan = Scan::new(source);
    let (mut index, mut serial, mut at, mut open) = (Index::default(), None, 0u64, false);
    while let Some(head) = scan.array::<HEADER>(at)? {
        if &head[..4] != b"OggS" || head[4] != 0 {
            break;
        }
        let Some(lacing) = scan.get(at + HEADER as u64, usize::from(head[26]))? else { break };
        let body: u64 = lacing.iter().map(|l| u64::from(*l)).sum();
        let data = at + HEADER as u64 + u64::from(head[26]);
        if data + body > source.len() {
            break;
        }
        let this = [head[14], head[15], head[16], head[17]];
        let first = *serial.get_or_insert(this);
        if this == first {
            let begins = head[5] & 2 != 0;
            if begins && !index.pages.is_empty() {
                return Err(ContainerError::Damaged("it holds more than one stream, one after the other"));
            }
            let granule = i64::from_le_bytes([
                head[6], head[7], head[8], head[9], head[10], head[11], head[12], head[13],
            ]);
            index.pages.push(Page { offset: at, len: (data + body - at) as u32, granule });
            open = index.add_packets(lacing, data, open && head[5] & 1 != 0);
        }
        at = data + body;
    }
    if open {
        // A torn last packet is no packet.
        let from = index.packets.pop().unwrap_or(0);
        index.parts.truncate(from as usize);
    }
    if index.packets.is_empty() {
        return Err(ContainerError::NoAudio);
    }
    Ok(index)
}

impl Index {
    /// Cuts a page's body by its lacing values; true when its last packet goes on in the next page.
    fn add_packets(&mut self, lacing: &[u8], data: u64, mut open: bool) -> bool {
        let (mut offset, mut len) = (data, 0u32);
        for lace in lacing {
            len += u32::from(*lace);
            if *lace < 255 {
                self.add_part(offset, len, open);
                (offset, len, open) = (offset + u64::from(len), 0, false);
            }
        }
        if len > 0 {
            self.add_part(offset, len, open);
            return true;
        }
        open
    }

    fn add_part(&mut self, offset: u64, len: u32, goes_on: bool) {
        if !goes_on {
            self.packets.push(self.parts.len() as u32);
        }
        self.parts.push(Part { offset, len });
    }
}

/// The CRC of a whole page, with its CRC field taken as zero (polynomial 0x04C11DB7, no reflection).
pub fn crc(page: &[u8]) -> u32 {
    page.iter().enumerate().fold(0u32, |crc, (n, b)| {
        let byte = if (22..26).contains(&n) { 0 } else { *b };
        crc << 8 ^ CRC_TABLE[usize::from((crc >> 24) as u8 ^ byte)]
    })
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0u32; 256];
    let mut n = 0;
    while n < 256 {
        let mut r = (n as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            r = if r & 0x8000_0000 != 0 { r << 1 ^ 0x04C1_1DB7 } else { r << 1 };
            bit += 1;
        }
        table[n] = r;
        n += 1;
    }
    table
};

/// The layout by all pages.
///
/// # Errors
/// [`ContainerError`] when the stream is neither Vorbis nor Opus, or not the only one.
pub fn locate(source: &(impl ReadAt + ?Sized)) -> Result<Layout, ContainerError> {
    layout(source, index(source)?.last_granule())
}

/// The layout by the first page, which says what it is, and the last, which says how long.
///
/// # Errors
/// [`ContainerError`] when the stream is neither Vorbis nor Opus.
pub fn probe(source: &(impl ReadAt + ?Sized)) -> Result<Layout, ContainerError> {
    layout(source, last_granule(source)?)
}

fn layout(source: &(impl ReadAt + ?Sized), last: u64) -> Result<Layout, ContainerError> {
    let mut scan = Scan::new(source);
    let damaged = ContainerError::Damaged("its first Ogg page is not whole");
    let segments = scan.array::<HEADER>(0)?.map(|h| u64::from(h[26])).ok_or(damaged)?;
    let at = HEADER as u64 + segments;
    let len = (source.len().saturating_sub(at)).min(30) as usize;
    let first = scan.get(at, len)?.unwrap_or_default().to_vec();
    let (codec, rate, channels, frames) = if let Some(head) = opus::Head::parse(&first) {
        (Codec::Opus, opus::RATE_HZ, head.channels, last.saturating_sub(u64::from(head.pre_skip)))
    } else if let Some(ident) = vorbis::Ident::parse(&first) {
        (Codec::Vorbis, ident.rate_hz, ident.channels, last)
    } else {
        return Err(ContainerError::Damaged("its Ogg stream is neither Vorbis nor Opus"));
    };
    if frames == 0 {
        return Err(ContainerError::NoAudio);
    }
    let rate = Rate::new(rate).ok_or(ContainerError::Damaged("its sample rate is not possible"))?;
    Ok(Layout {
        container: Container::Ogg,
        codec,
        rate,
        slowest: rate,
        channels: u16::from(channels),
        data_start: 0,
        data_len: source.len(),
        lengths: Lengths::Right,
        counted: Some(frames),
        account: Account::default(),
    })
}

/// The granule position of the last page, found from the end.
fn last_granule(source: &(impl ReadAt + ?Sized)) -> Result<u64, ContainerError> {
    let from = source.len().saturating_sub(2 * MOST_PAGE);
    let mut tail = vec![0u8; (source.len() - from) as usize];
    source.read_at(from, &mut tail)?;
    if tail.len() < HEADER {
        return Err(ContainerError::NoAudio);
    }
    let mut serial = [0u8; 4];
    source.read_at(14, &mut serial)?;
    let granule = |at: usize| {
        let page = tail.get(at..at + HEADER)?;
        let lacing = tail.get(at + HEADER..at + HEADER + usize::from(page[26]))?;
        let end = at + HEADER + lacing.len() + lacing.iter().map(|l| usize::from(*l)).sum::<usize>();
        // What only looks like a page, inside a packet, is not followed by one.
        let is_page = end == tail.len() || tail.get(end..)?.starts_with(b"OggS");
        let field: [u8; 8] = page[6..14].try_into().ok()?;
        let granule = u64::try_from(i64::from_le_bytes(field)).ok()?;
        (is_page && page[14..18] == serial).then_some(granule)
    };
    let found =
        (0..tail.len().saturating_sub(HEADER - 1)).rev().filter(|at| tail[*at..].starts_with(b"OggS\0"));
    match found.filter_map(granule).next() {
        Some(granule) => Ok(granule),
        None => Ok(index(source)?.last_granule()),
    }
}

/// Packet `n` of the header packets.
///
/// # Errors
/// When it is missing or far too long.
pub fn header_packet(
    source: &(impl ReadAt + ?Sized),
    index: &Index,
    n: usize,
) -> Result<Vec<u8>, ContainerError> {
    if n >= index.packet_count() || index.packet_len(n) > MOST_HEADER {
        return Err(ContainerError::Damaged("its Ogg header packets are not whole"));
    }
    Ok(index.read(source, n)?)
}
