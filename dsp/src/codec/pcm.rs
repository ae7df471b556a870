//! Linear PCM, little endian, to and from ±1.

/// One 16-bit sample.
pub fn from_i16(bytes: [u8; 2]) -> f32 {
    f32::from(i16::from_le_bytes(bytes)) / 32_768.0
}

/// One 8-bit sample, offset binary.
pub fn from_u8(byte: u8) -> f32 {
    (f32::from(byte) - 128.0) / 128.0
}

/// One 8-bit sample, two's complement.
pub fn from_i8(sample: i8) -> f32 {
    f32::from(sample) / 128.0
}

/// One 24-bit sample.
pub fn from_i24(b: [u8; 3]) -> f32 {
    let wide = i32::from_le_bytes([0, b[0], b[1], b[2]]);
    (f64::from(wide) / 2_147_483_648.0) as f32
}

/// One 32-bit sample.
pub fn from_i32(bytes: [u8; 4]) -> f32 {
    (f64::from(i32::from_le_bytes(bytes)) / 2_147_483_648.0) as f32
}

/// ±1 to 16 bits, rounded and clipped.
pub fn to_i16(sample: f32) -> i16 {
    (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bits_come_back_as_they_went_in() {
        for v in i16::MIN..=i16::MAX {
            assert_eq!(to_i16(from_i16(v.to_le_bytes())), v);
        }
    }

    #[test]
    fn every_width_agrees_on_half_scale() {
        assert_eq!((from_u8(0xC0), from_i8(0x40)), (0.5, 0.5));
        assert_eq!(from_i16([0, 0x40]), 0.5);
        assert_eq!(from_i24([0, 0, 0x40]), 0.5);
        assert_eq!(from_i32([0, 0, 0, 0x40]), 0.5);
    }
}
