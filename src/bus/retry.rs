//! Waiting: a retried input sleeps here until it is due, then goes back to its
//! own topic with its count of attempts.

use super::consumer::{Outcome, Stage};
use super::{Outgoing, Topics};
use crate::message::{Retried, Topic};
use async_trait::async_trait;
use chrono::Utc;
use rand::Rng;
use std::time::Duration;

/// The header that carries the attempts made so far.
pub const ATTEMPTS: &str = "unsaid_attempts";

/// `base · 2^attempt`, at most `most`, half of it by chance: retries of one
/// outage do not come back all at once.
pub fn backoff(base: Duration, attempt: u32, most: Duration) -> Duration {
    let full = base.saturating_mul(1u32.checked_shl(attempt.min(16)).unwrap_or(u32::MAX)).min(most);
    full.mul_f64(rand::rng().random_range(0.5..=1.0))
}

/// The stage of the `retries` topic.
pub struct RetryRelay {
    topics: Topics,
}

impl RetryRelay {
    pub fn new(topics: Topics) -> RetryRelay {
        RetryRelay { topics }
    }
}

#[async_trait]
impl Stage for RetryRelay {
    type Input = Retried;

    fn name(&self) -> &'static str {
        "retry"
    }

    async fn run(&self, input: &Retried, _: u32) -> Outcome {
        let Some(topic) = Topic::ALL.into_iter().find(|t| t.name() == input.topic) else {
            return Outcome::Reject { reason: "unknown_topic" };
        };
        let wait = (input.not_before - Utc::now()).to_std().unwrap_or_default();
        tokio::time::sleep(wait).await;
        let Ok(payload) = serde_json::to_vec(&input.input) else {
            return Outcome::Reject { reason: "unreadable" };
        };
        let headers = vec![
            (ATTEMPTS.to_owned(), input.attempts.to_string()),
            ("content-type".to_owned(), "application/json".to_owned()),
        ];
        let message = Outgoing { key: input.call.message_key(), headers, payload };
        match self.topics.bus().publish(&self.topics.name(topic), message).await {
            Ok(_) => Outcome::Done,
            Err(error) => {
                tracing::warn!(%error, "a retry could not be published, waiting again");
                Outcome::retry(Duration::from_secs(2), "bus")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_its_bound_with_jitter() {
        let (base, most) = (Duration::from_secs(1), Duration::from_secs(60));
        for attempt in 0..40 {
            let full = Duration::from_secs(1u64 << attempt.min(16)).min(most);
            let got = backoff(base, attempt, most);
            assert!(got <= full && got >= full / 2, "{attempt}: {got:?}");
        }
    }
}
