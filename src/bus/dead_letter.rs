//! Giving up: what goes to `dead-letters`, and how fast at most.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(60);

/// Caps the rejects of one partition and minute: when bad code is deployed, the
/// partition stalls where it can be seen instead of flushing into dead letters.
#[derive(Debug)]
pub struct RejectBudget {
    per_minute: usize,
    recent: Mutex<VecDeque<Instant>>,
}

impl RejectBudget {
    pub fn new(per_minute: usize) -> RejectBudget {
        RejectBudget { per_minute: per_minute.max(1), recent: Mutex::default() }
    }

    /// Returns when one more reject is within the budget.
    pub async fn take(&self) {
        while let Some(wait) = self.try_take(Instant::now()) {
            tracing::error!(wait_s = wait.as_secs(), "too many rejects in a minute: the partition waits");
            tokio::time::sleep(wait).await;
        }
    }

    fn try_take(&self, now: Instant) -> Option<Duration> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        while recent.front().is_some_and(|t| now.duration_since(*t) >= WINDOW) {
            recent.pop_front();
        }
        if recent.len() < self.per_minute {
            recent.push_back(now);
            return None;
        }
        recent.front().map(|t| WINDOW - now.duration_since(*t))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_refills_as_the_minute_passes() {
        let budget = RejectBudget::new(2);
        let start = Instant::now();
        assert_eq!(budget.try_take(start), None);
        assert_eq!(budget.try_take(start + Duration::from_secs(20)), None);
        let wait = budget.try_take(start + Duration::from_secs(30));
        assert_eq!(wait, Some(Duration::from_secs(30)));
        assert_eq!(budget.try_take(start + Duration::from_secs(60)), None);
    }
}
