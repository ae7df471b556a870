//! A small convolutional network over the words of a call: per word, how likely
//! each reason is. Plain loops, no state, the same answer everywhere.
//!
//! Residual blocks of dilated convolutions over three words (van den Oord et
//! al., "WaveNet", 2016, arXiv:1609.03499, section 2), normalised by the root
//! mean square (Zhang and Sennrich, 2019, arXiv:1910.07467, without gains).

use super::features::{self, Seen};
use super::vectors::{self, Vectors};
use crate::call::Word;

/// Values that stand for one word inside the network.
pub const WIDTH: usize = 64;
/// A block's values between its two layers.
const INNER: usize = 2 * WIDTH;
/// Nothing, and each reason in the order of [`super::REASONS`].
pub const OUTPUTS: usize = super::REASONS.len() + 1;
/// Keeps a division by a silent word's size finite.
const EPSILON: f32 = 1e-5;

/// Row by row for each input.
struct Weights(Vec<f32>);

/// A layer: weights, and a bias for each output.
struct Layer {
    weights: Weights,
    bias: Vec<f32>,
}

struct Block {
    /// How many words away its neighbours are.
    reach: usize,
    before: Layer,
    after: Layer,
}

/// The network with its weights.
pub struct Net {
    /// Rows of [`WIDTH`] values, in units of `unit`.
    embedding: &'static [u8],
    rows: u32,
    unit: f32,
    vectors: Vectors,
    /// What a word's vector adds to its value.
    projection: Weights,
    blocks: Vec<Block>,
    last: Layer,
}

impl Net {
    /// Reads what `learn/export.py` wrote. Nothing where the file is not that.
    pub fn parse(file: &'static [u8], vectors: Vectors) -> Option<Net> {
        let mut rest = Reader(file);
        (rest.take(8)? == b"unsaid02").then_some(())?;
        let (rows, width, outputs) = (rest.number()?, rest.number()?, rest.number()?);
        let shape = (usize::try_from(width).ok()?, usize::try_from(outputs).ok()?);
        (rows > 0 && shape == (WIDTH, OUTPUTS)).then_some(())?;
        let reaches = (0..rest.number()?).map(|_| rest.number()).collect::<Option<Vec<u32>>>()?;
        let unit = rest.float()?;
        let embedding = rest.take(usize::try_from(rows).ok()?.checked_mul(WIDTH)?)?;
        let projection = rest.weights(vectors::WIDTH * WIDTH)?;
        let mut blocks = Vec::with_capacity(reaches.len());
        for reach in reaches {
            let reach = usize::try_from(reach).ok()?;
            blocks.push(Block {
                reach,
                before: rest.layer(3 * WIDTH, INNER)?,
                after: rest.layer(INNER, WIDTH)?,
            });
        }
        let last = rest.layer(WIDTH, OUTPUTS)?;
        rest.0.is_empty().then_some(Net { embedding, rows, unit, vectors, projection, blocks, last })
    }

    /// For each word the likelihood of nothing and of each reason; they sum to 1. `rules` says
    /// which reason the rules see in each word, numbered from 1, or 0.
    pub fn read(&self, words: &[Word], rules: &[usize]) -> Vec<[f32; OUTPUTS]> {
        let mut values = self.embedded(words, rules);
        let mut normal = vec![[0.0; WIDTH]; values.len()];
        for block in &self.blocks {
            normalise(&values, &mut normal);
            for (at, value) in values.iter_mut().enumerate() {
                block.add(&normal, at, value);
            }
        }
        normalise(&values, &mut normal);
        normal.iter().map(|value| self.likelihoods(value)).collect()
    }

    fn embedded(&self, words: &[Word], rules: &[usize]) -> Vec<[f32; WIDTH]> {
        let one = |seen: Seen| {
            let mut value = [0.0; WIDTH];
            for row in seen.rows {
                let at = row as usize * WIDTH;
                for (v, byte) in value.iter_mut().zip(&self.embedding[at..at + WIDTH]) {
                    *v += f32::from(byte.cast_signed());
                }
            }
            value = value.map(|v| v * self.unit);
            if let Some(vector) = self.vectors.of(seen.vector) {
                self.projection.add(0, &vector, &mut value);
            }
            value
        };
        features::of(words, rules, self.rows).into_iter().map(one).collect()
    }

    fn likelihoods(&self, value: &[f32; WIDTH]) -> [f32; OUTPUTS] {
        let mut out = [0.0; OUTPUTS];
        self.last.weights.add(0, value, &mut out);
        out.iter_mut().zip(&self.last.bias).for_each(|(o, bias)| *o += bias);
        let most = out.iter().copied().fold(f32::MIN, f32::max);
        let out = out.map(|v| (v - most).exp());
        let sum: f32 = out.iter().sum();
        out.map(|v| v / sum)
    }
}

fn normalise(values: &[[f32; WIDTH]], out: &mut [[f32; WIDTH]]) {
    for (value, out) in values.iter().zip(out) {
        let mean = value.iter().map(|v| v * v).sum::<f32>() / WIDTH as f32;
        let scale = 1.0 / (mean + EPSILON).sqrt();
        *out = value.map(|v| v * scale);
    }
}

impl Block {
    /// Adds what the block makes of the word at `at` and its two neighbours to the word's value.
    fn add(&self, normal: &[[f32; WIDTH]], at: usize, value: &mut [f32; WIDTH]) {
        let mut inner = [0.0; INNER];
        inner.copy_from_slice(&self.before.bias);
        let near = [at.checked_sub(self.reach), Some(at), at.checked_add(self.reach)];
        for (place, neighbour) in near.into_iter().enumerate() {
            if let Some(input) = neighbour.and_then(|at| normal.get(at)) {
                self.before.weights.add(place * WIDTH, input, &mut inner);
            }
        }
        let inner = inner.map(|v| v.max(0.0));
        self.after.weights.add(0, &inner, value);
        value.iter_mut().zip(&self.after.bias).for_each(|(v, bias)| *v += bias);
    }
}

impl Weights {
    /// Adds what `input` weighs to `out`. Its first value is the layer's input `first`.
    fn add<const IN: usize, const OUT: usize>(&self, first: usize, input: &[f32; IN], out: &mut [f32; OUT]) {
        let (rows, _) = self.0[first * OUT..].as_chunks::<OUT>();
        for (value, row) in input.iter().zip(rows).filter(|(value, _)| **value != 0.0) {
            out.iter_mut().zip(row).for_each(|(o, weight)| *o += value * weight);
        }
    }
}

struct Reader(&'static [u8]);

impl Reader {
    fn take(&mut self, count: usize) -> Option<&'static [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn four(&mut self) -> Option<[u8; 4]> {
        self.take(4)?.try_into().ok()
    }

    fn number(&mut self) -> Option<u32> {
        self.four().map(u32::from_le_bytes)
    }

    fn float(&mut self) -> Option<f32> {
        self.four().map(f32::from_le_bytes)
    }

    /// In 16 bits with one unit for all.
    fn weights(&mut self, count: usize) -> Option<Weights> {
        let unit = self.float()?;
        let (whole, _) = self.take(count.checked_mul(2)?)?.as_chunks();
        Some(Weights(whole.iter().map(|b| f32::from(i16::from_le_bytes(*b)) * unit).collect()))
    }

    fn layer(&mut self, inputs: usize, outputs: usize) -> Option<Layer> {
        let weights = self.weights(inputs * outputs)?;
        let bias = (0..outputs).map(|_| self.float()).collect::<Option<_>>()?;
        Some(Layer { weights, bias })
    }
}
