//! Waiting: a retried input sleeps here until it is due, then goes back to its
//! own topic with its count of attempts. Each waits for its own time alone: not
//! behind another of its call, and, since one that waits for long goes to the
//! end of the topic again, not behind others of its partition either.

use super::consumer::{Outcome, Stage};
use super::{Outgoing, Topics, publish_until_acknowledged};
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

/// One that is not due after this makes room for those behind it.
const HELD_AT_MOST: Duration = Duration::from_secs(60);
/// Between two tries of a bus that does not answer.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// The stage of the `retries` topic.
pub struct RetryRelay {
    pub topics: Topics,
    pub held_at_most: Duration,
}

impl RetryRelay {
    pub fn new(topics: Topics) -> RetryRelay {
        RetryRelay { topics, held_at_most: HELD_AT_MOST }
    }

    /// Publishes until it is acknowledged: what waits here is nowhere else.
    async fn publish(&self, topic: &str, message: Outgoing) {
        while let Err(error) = self.topics.bus().publish(topic, message.clone()).await {
            tracing::warn!(%error, topic, "a retry could not be published, trying again");
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}

#[async_trait]
impl Stage for RetryRelay {
    type Input = Retried;

    fn name(&self) -> &'static str {
        "retry"
    }

    fn keeps_order(&self) -> bool {
        false
    }

    async fn run(&self, input: &Retried, _: u32) -> Outcome {
        let Some(topic) = Topic::ALL.into_iter().find(|t| t.name() == input.topic) else {
            return Outcome::Reject { reason: "unknown_topic" };
        };
        // One that is due already is not in the future.
        let wait = (input.not_before - Utc::now()).to_std().unwrap_or_default();
        if wait > self.held_at_most {
            tokio::time::sleep(self.held_at_most).await;
            publish_until_acknowledged(&self.topics, input, &[]).await;
            return Outcome::Done;
        }
        tokio::time::sleep(wait).await;
        let Ok(payload) = serde_json::to_vec(&input.input) else {
            return Outcome::Reject { reason: "unreadable" };
        };
        let headers = vec![
            (ATTEMPTS.to_owned(), input.attempts.to_string()),
            ("content-type".to_owned(), "application/json".to_owned()),
        ];
        let message = Outgoing { key: input.call.message_key(), headers, payload };
        self.publish(&self.topics.name(topic), message).await;
        Outcome::Done
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
