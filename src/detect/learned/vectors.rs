//! Vectors of common words, as `learn/vectors.py` wrote them: what "beagle" and
//! "spaniel" have in common, though only one of them was ever taught.
//!
//! The first words of GloVe 6B (Pennington, Socher and Manning, "GloVe: Global
//! Vectors for Word Representation", EMNLP 2014; public domain, PDDL 1.0).

/// Values of a vector, each in units of [`UNIT`].
pub const WIDTH: usize = 50;
const UNIT: f32 = 1.0 / 127.0;

pub static FILE: &[u8] = include_bytes!("vectors.bin");

/// Words by their hashes, and a vector for each.
pub struct Vectors {
    /// Sorted.
    hashes: Vec<u32>,
    values: &'static [[u8; WIDTH]],
}

impl Vectors {
    /// Nothing where the file is not what `learn/vectors.py` writes.
    pub fn parse(file: &'static [u8]) -> Option<Vectors> {
        let rest = file.strip_prefix(b"unsaidw1")?;
        let (count, rest) = rest.split_first_chunk()?;
        let (width, rest) = rest.split_first_chunk()?;
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        (usize::try_from(u32::from_le_bytes(*width)).ok()? == WIDTH).then_some(())?;
        let (hashes, values) = rest.split_at_checked(count.checked_mul(4)?)?;
        let hashes: Vec<u32> = hashes.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
        let (values, over) = values.as_chunks();
        let is_whole = values.len() == count && over.is_empty() && hashes.is_sorted();
        is_whole.then_some(Vectors { hashes, values })
    }

    /// The vector of the word with this hash. Nothing for a word that has none.
    pub fn of(&self, hash: u32) -> Option<[f32; WIDTH]> {
        let at = self.hashes.binary_search(&hash).ok()?;
        self.values.get(at).map(|value| value.map(|byte| f32::from(byte.cast_signed()) * UNIT))
    }
}
