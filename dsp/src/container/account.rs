//! Where every byte of a recording belongs.
//!
//! A container's reader walks the file from its first byte to its last and says
//! of each stretch what it is. What nobody could name is counted as
//! unaccounted, and a file with such bytes is refused: a player might play
//! what unsaid did not hear.

use super::ContainerError;

/// What a stretch of bytes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belongs {
    /// Container headers, page headers, chunk headers, codec set-up.
    Header,
    /// Coded frames that are decoded and can be muted.
    Audio,
    /// Tags, covers, Xing and LAME frames, RIFF chunks that hold no audio.
    Metadata,
    /// Zeros and pad bytes.
    Padding,
    /// Bytes between frames that were searched to their end and hold no frame.
    Foreign,
}

/// How many bytes of a file are what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub header: u64,
    pub audio: u64,
    pub metadata: u64,
    pub padding: u64,
    pub foreign: u64,
    /// Bytes that no reader could name: 0 in every file that is accepted.
    pub unaccounted: u64,
}

impl Account {
    /// All bytes that were counted.
    pub fn total(&self) -> u64 {
        self.header + self.audio + self.metadata + self.padding + self.foreign + self.unaccounted
    }
}

/// Counts a file's bytes from front to back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Accountant {
    at: u64,
    account: Account,
}

impl Accountant {
    /// Where the next stretch begins.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Everything from the end of the last stretch up to `to` is `what`.
    /// A `to` that was passed already counts nothing, so no byte is counted twice.
    pub fn take(&mut self, to: u64, what: Belongs) {
        let len = to.saturating_sub(self.at);
        self.at = self.at.max(to);
        let count = match what {
            Belongs::Header => &mut self.account.header,
            Belongs::Audio => &mut self.account.audio,
            Belongs::Metadata => &mut self.account.metadata,
            Belongs::Padding => &mut self.account.padding,
            Belongs::Foreign => &mut self.account.foreign,
        };
        *count += len;
    }

    /// The account of a file of `len` bytes: what was not taken is unaccounted.
    ///
    /// # Errors
    /// [`ContainerError::Unaccounted`] when a byte is left over.
    pub fn finish(mut self, len: u64) -> Result<Account, ContainerError> {
        self.account.unaccounted = len.saturating_sub(self.at);
        match self.account.unaccounted {
            0 => Ok(self.account),
            bytes => Err(ContainerError::Unaccounted { at: self.at, bytes }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_that_nobody_named_are_refused_with_their_place() {
        let mut walk = Accountant::default();
        walk.take(44, Belongs::Header);
        walk.take(100, Belongs::Audio);
        assert!(matches!(walk.finish(101), Err(ContainerError::Unaccounted { at: 100, bytes: 1 })));
        let account = walk.finish(100).expect("all accounted for");
        assert_eq!((account.header, account.audio, account.unaccounted), (44, 56, 0));
    }

    proptest! {
        #[test]
        fn every_byte_is_counted_once(steps in prop::collection::vec((0u64..500, 0u8..5), 0..20)) {
            let mut walk = Accountant::default();
            let mut most = 0;
            for (to, what) in steps {
                let what = [Belongs::Header, Belongs::Audio, Belongs::Metadata, Belongs::Padding, Belongs::Foreign]
                    [usize::from(what)];
                walk.take(to, what);
                most = most.max(to);
            }
            prop_assert_eq!(walk.finish(most).expect("all taken").total(), most);
        }
    }
}
