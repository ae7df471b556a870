//! The bus: ordered per key, at least once, positions committed by hand. One
//! narrow trait, two implementations: Apache Kafka and the embedded log.

pub mod consumer;
pub mod dead_letter;
pub mod embedded;
pub mod kafka;
pub mod ledger;
pub mod retry;
mod work;

use crate::message::{Payload, Topic};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// A partition of a topic, named as the bus names it (with prefix).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    pub topic: Arc<str>,
    pub partition: i32,
}

/// A message on its way in.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub key: String,
    pub headers: Vec<(String, String)>,
    pub payload: Vec<u8>,
}

/// Where the bus put a message, durably.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    pub partition: i32,
    pub offset: i64,
}

/// A message on its way out.
#[derive(Clone, Debug)]
pub struct Message {
    pub at: TopicPartition,
    pub offset: i64,
    pub key: String,
    pub headers: Vec<(String, String)>,
    pub payload: Vec<u8>,
}

impl Message {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
    }
}

/// What a subscription tells its consumer.
#[derive(Debug)]
pub enum Event {
    Message(Message),
    Assigned(Vec<TopicPartition>),
    /// The partitions go to another member once `drained` is answered or
    /// dropped: finish what is in flight and commit it first.
    Revoked {
        partitions: Vec<TopicPartition>,
        drained: oneshot::Sender<()>,
    },
}

/// Why the bus could not do something. Never holds a payload.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BusError {
    #[error("the message bus cannot be reached: {0}")]
    Unavailable(String),
    #[error("the message bus refused: {0}")]
    Refused(String),
    #[error("the embedded log failed: {0}")]
    Log(String),
    #[error("the bus is closed")]
    Closed,
}

/// Publishes and subscribes.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Creates `topic` with `partitions` if it is not there. Partitions are fixed afterwards.
    async fn ensure_topic(&self, topic: &str, partitions: i32) -> Result<(), BusError>;

    /// Returns when the message is durable.
    async fn publish(&self, topic: &str, message: Outgoing) -> Result<Ack, BusError>;

    /// Joins `group` on `topics`; partitions are shared among its members.
    async fn subscribe(&self, topics: &[String], group: &str) -> Result<Box<dyn Subscription>, BusError>;

    /// Messages below the end that `group` has not committed, over all partitions of `topic`.
    async fn lag(&self, topic: &str, group: &str) -> Result<Vec<(i32, i64)>, BusError>;
}

/// One member of a group.
#[async_trait]
pub trait Subscription: Send + Sync {
    /// The next event. Cancel-safe.
    async fn next(&mut self) -> Result<Event, BusError>;

    /// Records that all below `next_offset` is done; durable on return.
    async fn commit(&self, positions: &[(TopicPartition, i64)]) -> Result<(), BusError>;

    /// Stops delivery from a partition; the member stays in the group.
    fn pause(&self, at: &TopicPartition);

    fn resume(&self, at: &TopicPartition);

    /// Leaves the group.
    async fn close(self: Box<Self>);
}

/// The bus with the configured prefix in front of every topic.
#[derive(Clone)]
pub struct Topics {
    bus: Arc<dyn Bus>,
    prefix: Arc<str>,
}

impl Topics {
    pub fn new(bus: Arc<dyn Bus>, prefix: &str) -> Topics {
        Topics { bus, prefix: prefix.into() }
    }

    pub fn bus(&self) -> &dyn Bus {
        self.bus.as_ref()
    }

    /// The topic's name on the bus.
    pub fn name(&self, topic: Topic) -> String {
        format!("{}{}", self.prefix, topic.name())
    }

    /// Creates every topic that is missing.
    ///
    /// # Errors
    /// When the bus cannot be reached.
    pub async fn ensure_all(&self, partitions: i32) -> Result<(), BusError> {
        for topic in Topic::ALL {
            self.bus.ensure_topic(&self.name(topic), partitions).await?;
        }
        Ok(())
    }

    /// Publishes a payload under its call's key with CloudEvents headers
    /// (Kafka protocol binding 1.0, binary mode).
    ///
    /// # Errors
    /// When the bus did not acknowledge it.
    pub async fn publish<P: Payload>(&self, payload: &P, extra: &[(&str, String)]) -> Result<Ack, BusError> {
        let body = serde_json::to_vec(payload).map_err(|e| BusError::Refused(e.to_string()))?;
        let message = Outgoing {
            key: payload.call().message_key(),
            headers: event_headers::<P>(payload, extra),
            payload: body,
        };
        self.bus.publish(&self.name(P::TOPIC), message).await
    }
}

fn event_headers<P: Payload>(payload: &P, extra: &[(&str, String)]) -> Vec<(String, String)> {
    let call = payload.call();
    let mut headers = vec![
        ("ce_specversion".to_owned(), "1.0".to_owned()),
        ("ce_id".to_owned(), uuid::Uuid::now_v7().to_string()),
        ("ce_type".to_owned(), P::TYPE.to_owned()),
        ("ce_source".to_owned(), format!("/unsaid/{}/{}", call.tenant, call.pbx)),
        ("ce_time".to_owned(), chrono::Utc::now().to_rfc3339()),
        ("content-type".to_owned(), "application/json".to_owned()),
    ];
    headers.extend(extra.iter().map(|(k, v)| ((*k).to_owned(), v.clone())));
    headers
}

/// Publishes until it is acknowledged: what a stage decided must not be lost
/// because the broker restarts. Waits 0.2 s to 10 s between tries.
pub async fn publish_until_acknowledged<P: Payload>(
    topics: &Topics,
    payload: &P,
    extra: &[(&str, String)],
) -> Ack {
    let mut wait = Duration::from_millis(200);
    loop {
        match topics.publish(payload, extra).await {
            Ok(ack) => return ack,
            Err(error) => {
                tracing::warn!(topic = P::TOPIC.name(), %error, "publish failed, trying again");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(10));
            }
        }
    }
}
