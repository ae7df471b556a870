//! EBML (RFC 8794): element headers and the values in them.

use super::super::ReadAt;
use super::super::scan::Scan;

/// An element's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    /// With its length marker, as specifications write it.
    pub id: u32,
    /// Where its header begins.
    pub offset: u64,
    /// Where what it holds begins.
    pub body: u64,
    /// Bytes that it holds; `None` where the writer did not know.
    pub len: Option<u64>,
}

impl Element {
    /// The element at `at`; `None` where no header can be.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn at<S: ReadAt + ?Sized>(
        scan: &mut Scan<'_, S>,
        at: u64,
        file_len: u64,
    ) -> std::io::Result<Option<Element>> {
        let len = file_len.saturating_sub(at).min(12) as usize;
        Ok(scan.get(at, len)?.and_then(|b| Element::parse(b, at)))
    }

    /// The element whose header `b` begins with, at `at` of the file.
    pub fn parse(b: &[u8], at: u64) -> Option<Element> {
        let id_len = usize::try_from(b.first()?.leading_zeros()).ok()? + 1;
        if id_len > 4 {
            return None;
        }
        let id = b.get(..id_len)?.iter().fold(0u32, |n, b| n << 8 | u32::from(*b));
        let (len, len_len) = number(b.get(id_len..)?)?;
        Some(Element { id, offset: at, body: at + (id_len + len_len) as u64, len })
    }

    /// Where it ends, if that is known and a number.
    pub fn end(&self) -> Option<u64> {
        self.body.checked_add(self.len?)
    }
}

/// A number of variable length and how many bytes it takes; `None` for the
/// value that stands for "unknown".
pub fn number(b: &[u8]) -> Option<(Option<u64>, usize)> {
    let first = *b.first()?;
    let len = usize::try_from(first.leading_zeros()).ok()? + 1;
    if len > 8 {
        return None;
    }
    let marker = 0x80u8 >> (len - 1);
    let rest = b.get(1..len)?;
    let value = rest.iter().fold(u64::from(first & (marker - 1)), |n, b| n << 8 | u64::from(*b));
    let unknown = (1u64 << (7 * len)) - 1;
    Some(((value != unknown).then_some(value), len))
}

/// A signed number of variable length, as EBML lacing has them.
pub fn signed(b: &[u8]) -> Option<(i64, usize)> {
    let (value, len) = number(b)?;
    // All ones is a value here: the largest.
    let value = value.unwrap_or((1 << (7 * len)) - 1);
    let bias = (1i64 << (7 * len - 1)) - 1;
    Some((i64::try_from(value).ok()? - bias, len))
}

/// An unsigned integer element's value.
pub fn unsigned(b: &[u8]) -> Option<u64> {
    (b.len() <= 8).then(|| b.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
}

/// A signed integer element's value.
pub fn integer(b: &[u8]) -> Option<i64> {
    let negative = b.first().is_some_and(|b| b & 0x80 != 0);
    (b.len() <= 8).then(|| b.iter().fold(if negative { -1 } else { 0 }, |n, b| n << 8 | i64::from(*b)))
}

/// The children of a master element that is held in memory; stops at the first that is not whole.
pub struct Children<'a> {
    bytes: &'a [u8],
}

impl<'a> Children<'a> {
    pub fn of(bytes: &'a [u8]) -> Children<'a> {
        Children { bytes }
    }

    /// True when every byte belonged to a child.
    pub fn is_done(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl<'a> Iterator for Children<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<(u32, &'a [u8])> {
        let child = Element::parse(self.bytes, 0)?;
        let (from, to) = (usize::try_from(child.body).ok()?, usize::try_from(child.end()?).ok()?);
        let body = self.bytes.get(from..to)?;
        self.bytes = self.bytes.get(to..)?;
        Some((child.id, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_as_the_specification_writes_them() {
        assert_eq!(number(&[0x82]), Some((Some(2), 1)));
        assert_eq!(number(&[0x40, 0x02]), Some((Some(2), 2)));
        assert_eq!(number(&[0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), Some((None, 8)));
        assert_eq!(number(&[0xFF]), Some((None, 1)));
        assert_eq!(number(&[0x00, 1]), None);
        assert_eq!(signed(&[0xBF]), Some((0, 1)));
        assert_eq!(signed(&[0xBD]), Some((-2, 1)));
        assert_eq!(integer(&[0xFF, 0xFE]), Some(-2));
        let element = Element::parse(&[0x1F, 0x43, 0xB6, 0x75, 0xFF], 10);
        assert_eq!(element, Some(Element { id: 0x1F43_B675, offset: 10, body: 15, len: None }));
    }

    proptest! {
        #[test]
        fn any_bytes_are_elements_or_none(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut children = Children::of(&bytes);
            let total: usize = children.by_ref().map(|(_, body)| body.len()).sum();
            prop_assert!(total <= bytes.len());
            let _ = (number(&bytes), signed(&bytes), unsigned(&bytes), integer(&bytes));
        }
    }
}
