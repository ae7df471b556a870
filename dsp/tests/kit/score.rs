//! How a detector did: recall, falses, edges, cover.

use super::Case;
use std::collections::BTreeMap;

/// What a detector said, in frames of the case.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    pub digit: char,
    pub start: usize,
    pub end: usize,
}

#[derive(Default, Clone)]
pub struct Score {
    pub must: usize,
    pub hit: usize,
    pub may: usize,
    pub may_hit: usize,
    pub falses: usize,
    /// Milliseconds that start and end are off, absolute.
    pub edges_ms: Vec<f64>,
    /// Milliseconds too much a side (negative: too little).
    pub excess_ms: Vec<f64>,
    pub covered: usize,
    pub uncovered_ms: Vec<f64>,
    /// Tones with more than 12 ms too much on a side, by condition.
    pub wide: BTreeMap<String, usize>,
    /// Tones with something left uncovered, by condition.
    pub bare: BTreeMap<String, usize>,
    pub missed: BTreeMap<String, usize>,
    pub seconds: f64,
}

impl Score {
    pub fn add(&mut self, case: &Case, found: &[Found]) {
        let ms = 1e3 / f64::from(case.rate);
        self.seconds += case.plane.len() as f64 / f64::from(case.rate);
        let mut used = vec![false; found.len()];
        for t in &case.truths {
            let overlaps = |f: &Found| f.digit == t.digit && f.start < t.end && t.start < f.end;
            let best = (0..found.len())
                .filter(|&n| overlaps(&found[n]))
                .max_by_key(|&n| found[n].end.min(t.end) - found[n].start.max(t.start));
            for (n, f) in found.iter().enumerate() {
                used[n] |= overlaps(f);
            }
            let (all, hit) =
                if t.must { (&mut self.must, &mut self.hit) } else { (&mut self.may, &mut self.may_hit) };
            *all += 1;
            let Some(best) = best else {
                if t.must {
                    *self.missed.entry(case.condition.clone()).or_default() += 1;
                }
                continue;
            };
            *hit += 1;
            // All pieces of one digit together make the cover.
            let pieces: Vec<&Found> = found.iter().filter(|f| overlaps(f)).collect();
            let start = pieces.iter().map(|f| f.start).min().unwrap_or(found[best].start);
            let end = pieces.iter().map(|f| f.end).max().unwrap_or(found[best].end);
            if t.must {
                let (before, after) =
                    ((t.start as f64 - start as f64) * ms, (end as f64 - t.end as f64) * ms);
                self.edges_ms.extend([before.abs(), after.abs()]);
                self.excess_ms.extend([before, after]);
                *self.wide.entry(case.condition.clone()).or_default() +=
                    usize::from(before.max(after) > 12.0);
                let heard: usize =
                    (t.start..t.end).filter(|k| !pieces.iter().any(|f| f.start <= *k && *k < f.end)).count();
                self.covered += usize::from(heard == 0);
                *self.bare.entry(case.condition.clone()).or_default() += usize::from(heard > 0);
                self.uncovered_ms.push(heard as f64 * ms);
            }
        }
        self.falses += used.iter().filter(|u| !**u).count();
    }

    pub fn recall(&self) -> f64 {
        if self.must == 0 { 1.0 } else { self.hit as f64 / self.must as f64 }
    }

    pub fn covered_share(&self) -> f64 {
        if self.hit == 0 { 1.0 } else { self.covered as f64 / self.hit as f64 }
    }

    pub fn percentile(values: &[f64], p: f64) -> f64 {
        let mut v = values.to_vec();
        v.sort_by(f64::total_cmp);
        v.get(((v.len() as f64 * p) as usize).min(v.len().saturating_sub(1))).copied().unwrap_or(0.0)
    }
}
