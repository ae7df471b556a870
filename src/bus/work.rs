//! One message's way through a stage, to its end: done, in `retries`, or a dead
//! letter. Whatever panics on the way is caught, said, and ends the message too.

use super::consumer::{Limits, Outcome, Stage};
use super::dead_letter::RejectBudget;
use super::retry::{ATTEMPTS, backoff};
use super::{Message, Topics, publish_until_acknowledged};
use crate::call::{CallKey, PbxId, TenantId};
use crate::message::{DeadLetter, Payload, Retried};
use crate::metrics::Metrics;
use chrono::{TimeDelta, Utc};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Panics on the way of one message until its dead letter alone tells of it.
const PANICS: u32 = 3;
const AFTER_PANIC: Duration = Duration::from_millis(500);
/// Bytes are counted in KiB: a semaphore holds fewer than 2^32 permits.
pub(super) const PERMIT_BYTES: u64 = 1024;

/// What one task needs to bring a message to its end.
pub(super) struct Work<S: Stage> {
    pub topics: Topics,
    pub stage: Arc<S>,
    pub limits: Limits,
    pub metrics: Arc<Metrics>,
    pub bytes: Arc<Semaphore>,
    pub rejects: Arc<RejectBudget>,
}

impl<S: Stage> Work<S> {
    /// Settles a message, whatever panics on the way: a partition never waits for one for ever.
    pub async fn finish(&self, message: Message) {
        for _ in 0..PANICS {
            if self.caught("settling a message", &message.key, self.settle(&message)).await.is_some() {
                return;
            }
            tokio::time::sleep(AFTER_PANIC).await;
        }
        self.dead_letter(&message, call_of_key(&message.key), "panic", 0).await;
    }

    /// What `work` gives; `None` when it panicked, which is said.
    async fn caught<T>(&self, what: &str, key: &str, work: impl Future<Output = T>) -> Option<T> {
        let caught = AssertUnwindSafe(work).catch_unwind().await;
        if caught.is_err() {
            tracing::error!(stage = self.stage.name(), call = key, "a stage panicked: {what}");
        }
        caught.ok()
    }

    /// Returns when the message needs nothing more: it is done, or its retry
    /// or dead letter is acknowledged.
    async fn settle(&self, message: &Message) {
        let attempts = message.header(ATTEMPTS).and_then(|a| a.parse().ok()).unwrap_or(0);
        let Ok(input) = serde_json::from_slice::<S::Input>(&message.payload) else {
            self.rejects.take().await;
            return self.dead_letter(message, call_of_key(&message.key), "unreadable", attempts).await;
        };
        let outcome = self.run(&input, attempts).await;
        let name = self.stage.name();
        self.metrics.stage_outcomes.with_label_values(&[name, outcome.label()]).inc();
        match outcome {
            Outcome::Done => {}
            Outcome::Retry { after, reason, counts } => {
                let attempts = attempts + u32::from(counts);
                if attempts >= self.limits.attempts {
                    return self.give_up(message, &input, reason, attempts).await;
                }
                self.retry(&input, after, reason, attempts).await;
            }
            Outcome::Reject { reason } => {
                self.rejects.take().await;
                self.give_up(message, &input, reason, attempts + 1).await;
            }
        }
    }

    async fn run(&self, input: &S::Input, attempts: u32) -> Outcome {
        let most = (self.limits.bytes / PERMIT_BYTES) as u32;
        let key = input.call().message_key();
        let expected = self.stage.expected_bytes(input);
        let Some(expected) = self.caught("asking for its memory", &key, expected).await else {
            return Outcome::Reject { reason: "panic" };
        };
        let wanted = expected.div_ceil(PERMIT_BYTES);
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX).clamp(0, most);
        // The semaphore is never closed; were it, running without a permit is the lesser evil.
        let _permit = self.bytes.clone().acquire_many_owned(wanted).await.ok();
        let name = self.stage.name();
        let bytes = self.metrics.in_flight_bytes.with_label_values(&[name]);
        let reserved = i64::from(wanted) * PERMIT_BYTES as i64;
        bytes.add(reserved);
        let timer = self.metrics.stage_seconds.with_label_values(&[name]).start_timer();
        let run = self.caught("its work", &key, self.stage.run(input, attempts)).await;
        timer.observe_duration();
        bytes.sub(reserved);
        run.unwrap_or(Outcome::Reject { reason: "panic" })
    }

    async fn retry(&self, input: &S::Input, after: Duration, reason: &str, attempts: u32) {
        let wait = after.max(backoff(self.limits.retry_base, attempts, self.limits.retry_most));
        let retried = Retried {
            call: input.call().clone(),
            topic: S::Input::TOPIC.name().to_owned(),
            stage: self.stage.name().to_owned(),
            reason: reason.to_owned(),
            attempts,
            not_before: Utc::now() + TimeDelta::from_std(wait).unwrap_or_default(),
            input: serde_json::to_value(input).unwrap_or_default(),
        };
        publish_until_acknowledged(&self.topics, &retried, &[]).await;
    }

    async fn give_up(&self, message: &Message, input: &S::Input, reason: &'static str, attempts: u32) {
        let mut wait = Duration::from_millis(200);
        let (key, mut panics) = (input.call().message_key(), 0);
        // One that cannot be told by the stage is told by its dead letter alone.
        while panics < PANICS {
            match self.caught("giving up", &key, self.stage.give_up(input, reason)).await {
                Some(true) => break,
                Some(false) => {}
                None => panics += 1,
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(10));
        }
        self.dead_letter(message, input.call().clone(), reason, attempts).await;
    }

    async fn dead_letter(&self, message: &Message, call: CallKey, reason: &str, attempts: u32) {
        let name = self.stage.name();
        tracing::error!(stage = name, call = %call.message_key(), reason, attempts, "dead letter");
        self.metrics.dead_letters.with_label_values(&[name, reason]).inc();
        let letter = DeadLetter {
            call,
            topic: S::Input::TOPIC.name().to_owned(),
            partition: message.at.partition,
            offset: message.offset,
            stage: name.to_owned(),
            reason: reason.to_owned(),
            attempts,
        };
        publish_until_acknowledged(&self.topics, &letter, &[]).await;
    }
}

/// The call in a message key, for a payload that cannot be read.
fn call_of_key(key: &str) -> CallKey {
    let mut parts = key.splitn(3, '/');
    let mut next = || parts.next().unwrap_or("").to_owned();
    CallKey {
        tenant: next().try_into().unwrap_or_else(|_| TenantId::unknown()),
        pbx: next().try_into().unwrap_or_else(|_| PbxId::unknown()),
        linkedid: next(),
    }
}
