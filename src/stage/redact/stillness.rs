//! Whether a file may still be written to. Asterisk buffers up to 20 s of GSM: a
//! file is finished when it has been still for a while. Its time tells for how
//! long it has been; one that lies in the future tells nothing (the PBX's clock is
//! ahead, or a script set it), and then two looks at the file tell.

use super::{Fault, Redact};
use crate::recordings::Stat;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Files that are remembered at most.
const MOST: usize = 10_000;

/// How files looked whose time lies in the future, and since when they look so; by recording.
#[derive(Default)]
pub struct Looks(Mutex<HashMap<String, (Stat, Instant)>>);

impl Looks {
    /// How long the file must yet stay as it is to have been still for `still`.
    fn left(&self, recording: &str, stat: Stat, still: Duration, now: Instant) -> Duration {
        // Every critical section leaves the map whole.
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if looks.len() >= MOST && !looks.contains_key(recording) {
            looks.clear();
        }
        let look = looks.entry(recording.to_owned()).or_insert((stat, now));
        if look.0 != stat {
            *look = (stat, now);
        }
        still.saturating_sub(now.saturating_duration_since(look.1))
    }
}

impl Redact {
    /// # Errors
    /// [`Fault::NotFinished`] with how long it is to be waited for.
    pub(super) fn check_age(&self, recording: &str, stat: Stat, still: Duration) -> Result<(), Fault> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let written = Duration::from_secs(stat.mtime_s.max(0).cast_unsigned());
        let wait = match now.checked_sub(written) {
            Some(age) => still.saturating_sub(age),
            None => self.looks.left(recording, stat, still, Instant::now()),
        };
        if wait.is_zero() { Ok(()) } else { Err(Fault::NotFinished { wait }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_future_is_still_when_two_looks_agree_and_not_while_it_changes() {
        let (looks, start, still) = (Looks::default(), Instant::now(), Duration::from_secs(60));
        let at = |s: u64| start + Duration::from_secs(s);
        let short = Stat { len: 100, mtime_s: i64::MAX };
        let long = Stat { len: 200, ..short };
        assert_eq!(looks.left("a", short, still, at(0)), still);
        assert_eq!(looks.left("a", short, still, at(40)), Duration::from_secs(20));
        assert_eq!(looks.left("a", long, still, at(50)), still, "it grew");
        assert_eq!(looks.left("b", long, still, at(50)), still, "another's");
        assert_eq!(looks.left("a", long, still, at(110)), Duration::ZERO);
        // A longer stillness counts from the same look.
        assert_eq!(looks.left("a", long, still * 5, at(110)), still * 4);
    }
}
