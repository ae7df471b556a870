//! What a source remembers between its reads, never more than was acknowledged.

/// A source's memory.
///
/// A read works on a copy and proposes it. Only an acknowledgement makes of the
/// proposal what is remembered: a read whose rows were not published, whose
/// cursor was not saved, or that was broken off leaves nothing behind, and the
/// next one begins where it began.
#[derive(Debug, Default)]
pub struct Memory<S> {
    kept: S,
    proposed: Option<S>,
}

impl<S: Clone> Memory<S> {
    /// A copy for one read. What an earlier read proposed is forgotten.
    pub fn begin(&mut self) -> S {
        self.proposed = None;
        self.kept.clone()
    }

    /// How the read would leave it.
    pub fn propose(&mut self, state: S) {
        self.proposed = Some(state);
    }

    /// The rows of the last read are acknowledged, and its cursor is saved.
    pub fn acknowledge(&mut self) {
        if let Some(proposed) = self.proposed.take() {
            self.kept = proposed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_that_nobody_acknowledged_leaves_nothing_behind() {
        let mut memory = Memory::<u32>::default();
        let page = memory.begin();
        memory.propose(page + 1);
        assert_eq!(memory.begin(), 0, "not acknowledged");
        memory.acknowledge();
        assert_eq!(memory.begin(), 0, "what was proposed before the last read is not taken up");
        memory.propose(1);
        memory.acknowledge();
        assert_eq!(memory.begin(), 1);
    }
}
