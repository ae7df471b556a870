//! Offsets of one partition: what is in flight, what is done, and how far all
//! is done without a gap. Only that far may be committed.

use std::collections::BTreeSet;

/// The done prefix of one partition.
#[derive(Debug, Default)]
pub struct Ledger {
    in_flight: BTreeSet<i64>,
    /// One above the highest offset taken.
    taken: Option<i64>,
    committed: Option<i64>,
}

impl Ledger {
    /// A message was taken from the partition. Offsets come in rising order;
    /// one that was seen before (a redelivery after a rebalance) is taken anew.
    pub fn take(&mut self, offset: i64) {
        self.in_flight.insert(offset);
        self.taken = Some(self.taken.map_or(offset + 1, |t| t.max(offset + 1)));
    }

    /// A message is finished, whatever its outcome.
    pub fn done(&mut self, offset: i64) {
        self.in_flight.remove(&offset);
    }

    /// The next offset to commit if it rose since [`Ledger::committed`]: below
    /// it, everything taken is done.
    ///
    /// | taken | in flight | commit |
    /// |---|---|---|
    /// | none | – | none |
    /// | ..=9 | none | 10 |
    /// | ..=9 | {7} | 7 |
    /// | ..=9 | {0, 7} | 0, once |
    pub fn to_commit(&self) -> Option<i64> {
        let next = self.in_flight.first().copied().or(self.taken)?;
        match self.committed {
            Some(before) if next <= before => None,
            _ => Some(next),
        }
    }

    /// `next_offset` is durable.
    pub fn committed(&mut self, next_offset: i64) {
        self.committed = Some(self.committed.map_or(next_offset, |c| c.max(next_offset)));
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_unfinished_is_ever_below_a_commit(
            first in 0i64..1_000,
            gaps in prop::collection::vec(1i64..4, 1..40),
            order in any::<prop::sample::Index>(), seed in any::<u64>(),
        ) {
            // Compacted or transactional topics skip offsets.
            let offsets: Vec<i64> = gaps.iter().scan(first, |at, gap| { *at += gap; Some(*at) }).collect();
            let mut ledger = Ledger::default();
            let (mut waiting, mut done) = (Vec::new(), BTreeSet::new());
            let mut random = seed ^ order.index(usize::MAX) as u64;
            let mut last = i64::MIN;
            let mut feed = offsets.iter();
            loop {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                match (random >> 33) % 3 {
                    0 | 1 if feed.len() > 0 => {
                        let offset = *feed.next().expect("one more");
                        ledger.take(offset);
                        waiting.push(offset);
                    }
                    _ if !waiting.is_empty() => {
                        let offset = waiting.swap_remove((random >> 40) as usize % waiting.len());
                        ledger.done(offset);
                        done.insert(offset);
                    }
                    _ if feed.len() == 0 => break,
                    _ => {}
                }
                if let Some(next) = ledger.to_commit() {
                    prop_assert!(next > last);
                    prop_assert!(waiting.iter().all(|o| *o >= next));
                    ledger.committed(next);
                    last = next;
                }
            }
            prop_assert_eq!(last, offsets.last().expect("not empty") + 1);
            prop_assert_eq!(done.len(), offsets.len());
        }
    }
}
