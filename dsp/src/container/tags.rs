//! Tags that taggers and players put before, between and behind coded frames:
//! ID3v2 (id3.org, 2.2 to 2.4), ID3v1 and its enhanced form, APE 1 and 2,
//! Lyrics3 1 and 2.

use super::ReadAt;
use super::scan::Scan;

/// The longest Lyrics3 1 tag (id3.org: 5100 bytes of text).
const MOST_LYRICS1: u64 = 5_100 + 11 + 9;

/// Bytes of the tag that begins at `at`; `None` where there is none, or where
/// the file ends before the tag does.
///
/// # Errors
/// When the source cannot be read.
pub fn len_at<S: ReadAt + ?Sized>(
    scan: &mut Scan<'_, S>,
    at: u64,
    file_len: u64,
) -> std::io::Result<Option<u64>> {
    let Some(head) = scan.array::<3>(at)? else { return Ok(None) };
    let len = match &head {
        b"ID3" => id3v2(scan, at)?,
        b"TAG" => id3v1(scan, at)?,
        b"APE" => ape(scan, at)?,
        b"LYR" => lyrics3(scan, at, file_len)?,
        _ => None,
    };
    Ok(len.filter(|len| at.saturating_add(*len) <= file_len))
}

/// A syncsafe length behind ten bytes of header, perhaps a footer of ten.
fn id3v2<S: ReadAt + ?Sized>(scan: &mut Scan<'_, S>, at: u64) -> std::io::Result<Option<u64>> {
    let Some(h) = scan.array::<10>(at)? else { return Ok(None) };
    let known = (2..=4).contains(&h[3]) && h[4] != 0xFF && h[6..].iter().all(|b| b & 0x80 == 0);
    let len = h[6..].iter().fold(0u64, |n, b| n << 7 | u64::from(*b));
    Ok(known.then_some(10 + len + if h[5] & 0x10 != 0 { 10 } else { 0 }))
}

/// 128 bytes, or 227 of the enhanced form before them.
fn id3v1<S: ReadAt + ?Sized>(scan: &mut Scan<'_, S>, at: u64) -> std::io::Result<Option<u64>> {
    let plus = scan.array::<4>(at)?.is_some_and(|h| &h == b"TAG+");
    let follows = plus && scan.array::<3>(at + 227)?.is_some_and(|h| &h == b"TAG");
    Ok(Some(if follows { 227 + 128 } else { 128 }))
}

/// A header of 32 bytes, or none of them: then the footer alone stands behind
/// the items, which [`ape_items_at`] finds from the end.
fn ape<S: ReadAt + ?Sized>(scan: &mut Scan<'_, S>, at: u64) -> std::io::Result<Option<u64>> {
    let Some(h) = scan.array::<32>(at)?.filter(|h| &h[..8] == b"APETAGEX") else { return Ok(None) };
    let size = u64::from(u32::from_le_bytes([h[12], h[13], h[14], h[15]]));
    // Bit 29: this is the header. The size counts the items and the footer.
    let is_header = h[23] & 0x20 != 0;
    Ok(Some(if is_header { 32 + size } else { 32 }))
}

/// `LYRICSBEGIN … LYRICSEND`, or `LYRICSBEGIN … ` six digits of length `LYRICS200`.
fn lyrics3<S: ReadAt + ?Sized>(
    scan: &mut Scan<'_, S>,
    at: u64,
    file_len: u64,
) -> std::io::Result<Option<u64>> {
    if scan.array::<11>(at)?.is_none_or(|h| &h != b"LYRICSBEGIN") {
        return Ok(None);
    }
    // Version 2 counts its bytes before its end mark; a field's bytes may look like that mark.
    for end in at + 11..file_len.saturating_sub(8) {
        let Some(mark) = scan.array::<9>(end)? else { return Ok(None) };
        if &mark == b"LYRICSEND" && end - at <= MOST_LYRICS1 {
            return Ok(Some(end + 9 - at));
        }
        if &mark == b"LYRICS200" && end >= at + 17 {
            let digits = scan.array::<6>(end - 6)?.unwrap_or_default();
            let said = std::str::from_utf8(&digits).ok().and_then(|d| d.parse::<u64>().ok());
            if said == Some(end - 6 - at) {
                return Ok(Some(end + 9 - at));
            }
        }
        if end - at > 1_000_000 {
            break;
        }
    }
    Ok(None)
}

/// Where the items of an APE tag without a header begin, by the footer that
/// stands at `footer`; `None` where there is no such footer.
///
/// # Errors
/// When the source cannot be read.
pub fn ape_items_at<S: ReadAt + ?Sized>(scan: &mut Scan<'_, S>, footer: u64) -> std::io::Result<Option<u64>> {
    let Some(h) = scan.array::<32>(footer)?.filter(|h| &h[..8] == b"APETAGEX") else { return Ok(None) };
    let size = u64::from(u32::from_le_bytes([h[12], h[13], h[14], h[15]]));
    let (has_header, is_header) = (h[23] & 0x80 != 0, h[23] & 0x20 != 0);
    let begin = (footer + 32).checked_sub(size + if has_header { 32 } else { 0 });
    Ok(begin.filter(|_| !is_header && size >= 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn len(bytes: &[u8]) -> Option<u64> {
        len_at(&mut Scan::new(bytes), 0, bytes.len() as u64).expect("read")
    }

    #[test]
    fn each_tag_tells_its_length() {
        let mut id3 = b"ID3\x04\0\x10\0\0\x01\x00".to_vec();
        id3.resize(10 + 128 + 10 + 5, 0);
        assert_eq!(len(&id3), Some(148));
        let mut v1 = b"TAG".to_vec();
        v1.resize(200, b' ');
        assert_eq!(len(&v1), Some(128));
        let mut ape = b"APETAGEX".to_vec();
        ape.extend([2_000u32.to_le_bytes(), 60u32.to_le_bytes(), 1u32.to_le_bytes()].concat());
        ape.extend((1u32 << 31 | 1 << 29).to_le_bytes());
        ape.resize(92, 0);
        assert_eq!(len(&ape), Some(92));
        assert_eq!(len(b"LYRICSBEGINsome words000020LYRICS200rest"), None);
        assert_eq!(len(b"LYRICSBEGINsome words000021LYRICS200rest"), Some(36));
        assert_eq!(len(b"LYRICSBEGINsome wordsLYRICSENDrest"), Some(30));
    }

    #[test]
    fn a_tag_that_the_file_cuts_short_is_none() {
        assert_eq!(len(b"ID3\x04\0\0\0\0\x01\x00"), None);
        assert_eq!(len(b"TAG"), None);
        assert_eq!(len(b"ID3\xFF\0\0\0\0\0\0"), None);
    }
}
