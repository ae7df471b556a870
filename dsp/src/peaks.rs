//! The waveform that a page draws: the largest magnitude of each stretch.

/// `bins` values of 0 to 255 over `plane`, each the peak magnitude of its
/// share; fewer when there are fewer samples than bins.
pub fn peaks(plane: &[f32], bins: usize) -> Vec<u8> {
    let bins = bins.min(plane.len());
    (0..bins)
        .map(|b| {
            let (from, to) = (b * plane.len() / bins, (b + 1) * plane.len() / bins);
            let peak = plane[from..to].iter().fold(0f32, |m, s| m.max(s.abs()));
            (peak.min(1.0) * 255.0).round() as u8
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_sample_counts_in_exactly_one_bin(
            plane in prop::collection::vec(-1f32..1.0, 0..500), bins in 1usize..64,
        ) {
            let got = peaks(&plane, bins);
            prop_assert_eq!(got.len(), bins.min(plane.len()));
            let loudest = plane.iter().fold(0f32, |m, s| m.max(s.abs()));
            let top = got.iter().copied().max().unwrap_or(0);
            prop_assert_eq!(top, (loudest * 255.0).round() as u8);
            // The naive twin: each sample's bin found from its own index.
            let mut naive = vec![0u8; got.len()];
            for (i, s) in plane.iter().enumerate() {
                let bin = (0..got.len()).find(|b| i < (b + 1) * plane.len() / got.len());
                let bin = bin.expect("a bin");
                naive[bin] = naive[bin].max((s.abs() * 255.0).round() as u8);
            }
            prop_assert_eq!(got, naive);
        }
    }
}
