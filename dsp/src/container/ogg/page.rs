//! A page of Ogg (RFC 3533, 6): its header, its lacing values and its CRC.

use super::super::ReadAt;
use super::super::scan::Scan;

/// Bytes of a page header without its lacing values.
pub const HEADER: usize = 27;

/// A page as its header describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub offset: u64,
    /// What its last completed packet ends at; −1 when none does.
    pub granule: i64,
    pub serial: u32,
    flags: u8,
    pub lacing: Vec<u8>,
    /// Where what is there of it ends: behind its body, or before where another
    /// page or the file's end cuts it off.
    pub end: u64,
}

impl Page {
    /// The page whose header stands at `at`; `None` where there is no whole header.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn at<S: ReadAt + ?Sized>(scan: &mut Scan<'_, S>, at: u64) -> std::io::Result<Option<Page>> {
        let Some(head) = scan.array::<HEADER>(at)? else { return Ok(None) };
        if &head[..5] != b"OggS\0" {
            return Ok(None);
        }
        let body = at + HEADER as u64 + u64::from(head[26]);
        let Some(lacing) = scan.get(at + HEADER as u64, usize::from(head[26]))? else { return Ok(None) };
        let lacing = lacing.to_vec();
        let len: u64 = lacing.iter().map(|l| u64::from(*l)).sum();
        let [_, _, _, _, _, flags, g0, g1, g2, g3, g4, g5, g6, g7, s0, s1, s2, s3, ..] = head;
        Ok(Some(Page {
            offset: at,
            granule: i64::from_le_bytes([g0, g1, g2, g3, g4, g5, g6, g7]),
            serial: u32::from_le_bytes([s0, s1, s2, s3]),
            flags,
            lacing,
            end: body + len,
        }))
    }

    /// Where its packets begin.
    pub fn body(&self) -> u64 {
        self.offset + (HEADER + self.lacing.len()) as u64
    }

    /// Bytes that its header says it has.
    pub fn claimed(&self) -> u64 {
        HEADER as u64 + self.lacing.iter().map(|l| u64::from(*l) + 1).sum::<u64>()
    }

    /// Is all of it there?
    pub fn is_whole(&self) -> bool {
        self.end == self.offset + self.claimed()
    }

    /// Its first packet goes on from the page before.
    pub fn goes_on(&self) -> bool {
        self.flags & 1 != 0
    }

    /// It begins a stream.
    pub fn begins(&self) -> bool {
        self.flags & 2 != 0
    }

    /// It is its stream's last.
    pub fn is_last(&self) -> bool {
        self.flags & 4 != 0
    }
}

/// The CRC of a whole page, with its CRC field taken as zero (polynomial 0x04C11DB7, no reflection).
pub fn crc(page: &[u8]) -> u32 {
    page.iter().enumerate().fold(0u32, |crc, (n, b)| {
        let byte = if (22..26).contains(&n) { 0 } else { *b };
        crc << 8 ^ CRC_TABLE[usize::from((crc >> 24) as u8 ^ byte)]
    })
}

/// Does the CRC of a whole page fit?
pub fn is_intact(page: &[u8]) -> bool {
    page.get(22..26).is_some_and(|field| field == crc(page).to_le_bytes())
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
