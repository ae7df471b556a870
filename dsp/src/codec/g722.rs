//! ITU-T G.722 at 64 kbit/s: two bands of 8 kHz, six bits for the low one and
//! two for the high one, each with its own adaptive prediction; a byte for two
//! samples at 16 kHz. In the Recommendation's own integer arithmetic.
//!
//! Encoder and decoder hold the same band state, so a mute codes silence from
//! the state that the decoder has where the span begins.
#![allow(
    clippy::needless_range_loop,
    reason = "lanes and taps are numbered as the standard or the vector has them"
)]

const QMF: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];
const WL: [i32; 8] = [-60, -30, 58, 172, 334, 538, 1198, 3042];
const RL42: [usize; 16] = [0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0];
const ILB: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896,
    2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];
const WH: [i32; 3] = [0, -214, 798];
const RH2: [usize; 4] = [2, 1, 2, 1];
const QM2: [i32; 4] = [-7408, -1616, 7408, 1616];
const QM4: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];
const QM6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360,
    -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688,
    -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856,
    7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136,
    -432, -136,
];

fn saturate(v: i32) -> i32 {
    v.clamp(-32_768, 32_767)
}

/// The predictor and quantizer of one band (Recommendation, blocks 3 and 4).
#[derive(Clone, Debug)]
struct Band {
    /// The signal's estimate, and its parts from zeros and from poles.
    s: i32,
    sz: i32,
    r: [i32; 3],
    a: [i32; 3],
    p: [i32; 3],
    d: [i32; 7],
    b: [i32; 7],
    nb: i32,
    det: i32,
}

impl Band {
    fn new(det: i32) -> Band {
        Band { s: 0, sz: 0, r: [0; 3], a: [0; 3], p: [0; 3], d: [0; 7], b: [0; 7], nb: 0, det }
    }

    /// Blocks 4: reconstruction and adaptation, with the quantized difference `d`.
    fn update(&mut self, d: i32) {
        self.d[0] = d;
        self.r[0] = saturate(self.s + d);
        self.p[0] = saturate(self.sz + d);
        let sign = |v: i32| v >> 15;
        // UPPOL2
        let sg = [sign(self.p[0]), sign(self.p[1]), sign(self.p[2])];
        let wd1 = saturate(self.a[1] << 2);
        let wd2 = (if sg[0] == sg[1] { -wd1 } else { wd1 }).min(32_767);
        let wd3 = if sg[0] == sg[2] { 128 } else { -128 };
        let ap2 = (wd3 + (wd2 >> 7) + ((self.a[2] * 32_512) >> 15)).clamp(-12_288, 12_288);
        // UPPOL1
        let wd1 = if sg[0] == sg[1] { 192 } else { -192 };
        let wd2 = (self.a[1] * 32_640) >> 15;
        let limit = saturate(15_360 - ap2);
        let ap1 = saturate(wd1 + wd2).clamp(-limit, limit);
        // UPZERO
        let wd1 = if d == 0 { 0 } else { 128 };
        let sg0 = sign(d);
        let mut bp = [0i32; 7];
        for i in 1..7 {
            let wd2 = if sign(self.d[i]) == sg0 { wd1 } else { -wd1 };
            bp[i] = saturate(wd2 + ((self.b[i] * 32_640) >> 15));
        }
        // DELAYA
        for i in (1..7).rev() {
            self.d[i] = self.d[i - 1];
            self.b[i] = bp[i];
        }
        for i in (1..3).rev() {
            self.r[i] = self.r[i - 1];
            self.p[i] = self.p[i - 1];
        }
        (self.a[1], self.a[2]) = (ap1, ap2);
        // FILTEP
        let wd1 = (self.a[1] * saturate(self.r[1] + self.r[1])) >> 15;
        let wd2 = (self.a[2] * saturate(self.r[2] + self.r[2])) >> 15;
        let poles = saturate(wd1 + wd2);
        // FILTEZ
        self.sz = saturate((1..7).map(|i| (self.b[i] * saturate(self.d[i] + self.d[i])) >> 15).sum());
        // PREDIC
        self.s = saturate(poles + self.sz);
    }

    /// Blocks 3L and 3H: the quantizer's scale after one code.
    fn scale(&mut self, change: i32, most: i32, shift: i32) {
        self.nb = (((self.nb * 127) >> 7) + change).clamp(0, most);
        let (mantissa, exponent) = ((self.nb >> 6 & 31) as usize, shift - (self.nb >> 11));
        let value = if exponent < 0 { ILB[mantissa] << -exponent } else { ILB[mantissa] >> exponent };
        self.det = value << 2;
    }
}

/// The two bands' state after some bytes.
#[derive(Clone, Debug)]
struct Bands {
    low: Band,
    high: Band,
}

impl Default for Bands {
    fn default() -> Bands {
        Bands { low: Band::new(32), high: Band::new(8) }
    }
}

impl Bands {
    /// Advances by one byte; the low and the high band's sample.
    fn next(&mut self, byte: u8) -> (i32, i32) {
        let (six, two) = (usize::from(byte & 0x3F), usize::from(byte >> 6));
        let low = (self.low.s + ((self.low.det * QM6[six]) >> 15)).clamp(-16_384, 16_383);
        let four = six >> 2;
        let difference = (self.low.det * QM4[four]) >> 15;
        self.low.scale(WL[RL42[four]], 18_432, 8);
        self.low.update(difference);
        let difference = (self.high.det * QM2[two]) >> 15;
        let high = (difference + self.high.s).clamp(-16_384, 16_383);
        self.high.scale(WH[RH2[two]], 22_528, 10);
        self.high.update(difference);
        (low, high)
    }

    /// The byte whose bands come nearest to silence from here.
    fn silent(&self) -> u8 {
        // Codes 0 to 3 of the low band repeat another's value; encoders leave them out.
        let low = |six: usize| (self.low.s + ((self.low.det * QM6[six]) >> 15)).abs();
        let high = |two: usize| (self.high.s + ((self.high.det * QM2[two]) >> 15)).abs();
        let six = (4..64).min_by_key(|c| low(*c)).unwrap_or(0);
        let two = (0..4).min_by_key(|c| high(*c)).unwrap_or(0);
        (two << 6 | six) as u8
    }
}

/// A whole decoder: the bands and the filter that joins them.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    bands: Bands,
    line: [i32; 24],
}

impl Decoder {
    /// Two samples at 16 kHz of one byte.
    pub fn decode(&mut self, byte: u8) -> [i16; 2] {
        let (low, high) = self.bands.next(byte);
        self.line.copy_within(2.., 0);
        (self.line[22], self.line[23]) = (low + high, low - high);
        let (mut odd, mut even) = (0, 0);
        for i in 0..12 {
            even += self.line[2 * i] * QMF[i];
            odd += self.line[2 * i + 1] * QMF[11 - i];
        }
        [saturate(odd >> 11) as i16, saturate(even >> 11) as i16]
    }

    /// Advances by one byte that decodes as near to silence as can be; that byte.
    pub fn silence(&mut self) -> u8 {
        let byte = self.bands.silent();
        self.decode(byte);
        byte
    }
}
