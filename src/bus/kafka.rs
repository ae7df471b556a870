//! Apache Kafka through librdkafka: idempotent producer with `acks=all`,
//! positions committed by hand. librdkafka calls back synchronously from
//! `poll`, so each subscription polls on a thread of its own and turns what it
//! sees into [`Event`]s; a revocation waits there until the consumer drained.

use super::{Ack, Bus, BusError, Event, Message, Outgoing, Subscription, TopicPartition};
use async_trait::async_trait;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, Message as _, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::{ClientContext, Offset};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

const POLL: Duration = Duration::from_millis(100);
const ASK: Duration = Duration::from_secs(15);
/// Events between the polling thread and its consumer.
const EVENTS: usize = 256;

/// A connection to a cluster.
pub struct KafkaBus {
    config: ClientConfig,
    producer: FutureProducer,
    replication: i32,
}

impl KafkaBus {
    /// Connects lazily to `brokers` (`host:port,…`). `replication` is that of
    /// topics we create; −1 is the brokers' own default.
    ///
    /// # Errors
    /// When librdkafka refuses the settings.
    pub fn new(brokers: &str, replication: i32) -> Result<KafkaBus, BusError> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers).set("client.id", "unsaid");
        let producer = config
            .clone()
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", "zstd")
            .set("linger.ms", "5")
            .set("message.timeout.ms", "30000")
            .create()
            .map_err(refused)?;
        Ok(KafkaBus { config, producer, replication })
    }

    fn consumer_config(&self, group: &str) -> ClientConfig {
        let mut config = self.config.clone();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", "45000")
            .set("fetch.wait.max.ms", "100")
            .set("queued.max.messages.kbytes", "16384");
        config
    }
}

fn refused(error: KafkaError) -> BusError {
    BusError::Refused(error.to_string())
}

fn unavailable(error: KafkaError) -> BusError {
    BusError::Unavailable(error.to_string())
}

#[async_trait]
impl Bus for KafkaBus {
    async fn ensure_topic(&self, topic: &str, partitions: i32) -> Result<(), BusError> {
        let admin: AdminClient<DefaultClientContext> = self.config.create().map_err(refused)?;
        let wanted = NewTopic::new(topic, partitions, TopicReplication::Fixed(self.replication));
        let options = AdminOptions::new().request_timeout(Some(ASK)).operation_timeout(Some(ASK));
        let answers = admin.create_topics([&wanted], &options).await.map_err(unavailable)?;
        for answer in answers {
            match answer {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((name, code)) => return Err(BusError::Refused(format!("topic {name}: {code}"))),
            }
        }
        Ok(())
    }

    async fn publish(&self, topic: &str, message: Outgoing) -> Result<Ack, BusError> {
        let mut headers = OwnedHeaders::new_with_capacity(message.headers.len());
        for (key, value) in &message.headers {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        let record = FutureRecord::to(topic).key(&message.key).payload(&message.payload).headers(headers);
        let delivery = self.producer.send(record, ASK).await.map_err(|(e, _)| unavailable(e))?;
        Ok(Ack { partition: delivery.partition, offset: delivery.offset })
    }

    async fn subscribe(&self, topics: &[String], group: &str) -> Result<Box<dyn Subscription>, BusError> {
        let (events, inbox) = mpsc::channel(EVENTS);
        let context = Context { events: events.clone() };
        let consumer: BaseConsumer<Context> =
            self.consumer_config(group).create_with_context(context).map_err(refused)?;
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        consumer.subscribe(&names).map_err(refused)?;
        let consumer = Arc::new(consumer);
        let stop = Arc::new(AtomicBool::new(false));
        let thread = {
            let (consumer, stop) = (consumer.clone(), stop.clone());
            std::thread::Builder::new()
                .name(format!("kafka {group}"))
                .spawn(move || poll(&consumer, &events, &stop))
                .map_err(|e| BusError::Refused(e.to_string()))?
        };
        Ok(Box::new(Member { consumer, inbox, stop, thread: Some(thread) }))
    }

    async fn lag(&self, topic: &str, group: &str) -> Result<Vec<(i32, i64)>, BusError> {
        let config = self.consumer_config(group);
        let topic = topic.to_owned();
        tokio::task::spawn_blocking(move || lag(&config, &topic))
            .await
            .map_err(|e| BusError::Refused(e.to_string()))?
    }
}

fn lag(config: &ClientConfig, topic: &str) -> Result<Vec<(i32, i64)>, BusError> {
    let consumer: BaseConsumer = config.create().map_err(refused)?;
    let metadata = consumer.fetch_metadata(Some(topic), ASK).map_err(unavailable)?;
    let mut wanted = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(|t| t.partitions()) {
        wanted.add_partition(topic, partition.id());
    }
    let committed = consumer.committed_offsets(wanted, ASK).map_err(unavailable)?;
    let mut lags = Vec::new();
    for element in committed.elements() {
        let (low, high) = consumer.fetch_watermarks(topic, element.partition(), ASK).map_err(unavailable)?;
        let next = match element.offset() {
            Offset::Offset(n) => n,
            _ => low,
        };
        lags.push((element.partition(), high - next));
    }
    // A list from `committed_offsets` kept past the consumer hangs its drop.
    drop(committed);
    Ok(lags)
}

/// Turns librdkafka's callbacks into events.
struct Context {
    events: mpsc::Sender<Event>,
}

impl ClientContext for Context {}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Rebalance::Revoke(list) = rebalance else { return };
        let partitions = partitions_of(list);
        // Closed: the member leaves, and this may be librdkafka's own close in any thread.
        if partitions.is_empty() || self.events.is_closed() {
            return;
        }
        let (drained, wait) = oneshot::channel();
        if self.events.blocking_send(Event::Revoked { partitions, drained }).is_ok() {
            let _ = wait.blocking_recv();
        }
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(list) = rebalance
            && !self.events.is_closed()
        {
            let _ = self.events.blocking_send(Event::Assigned(partitions_of(list)));
        }
    }
}

fn partitions_of(list: &TopicPartitionList) -> Vec<TopicPartition> {
    let at = |(topic, partition): (String, i32)| TopicPartition { topic: topic.into(), partition };
    list.to_topic_map().into_keys().map(at).collect()
}

/// Polls until told to stop. The consumer pauses partitions instead of not
/// reading, so sending never blocks for long and the group is kept.
fn poll(consumer: &BaseConsumer<Context>, events: &mpsc::Sender<Event>, stop: &AtomicBool) {
    let mut names: std::collections::HashMap<String, Arc<str>> = std::collections::HashMap::new();
    while !stop.load(Ordering::Acquire) {
        match consumer.poll(POLL) {
            None => {}
            Some(Ok(m)) => {
                let topic = names.entry(m.topic().to_owned()).or_insert_with(|| m.topic().into()).clone();
                let headers = m.headers().map_or_else(Vec::new, |headers| {
                    let text = |v: Option<&[u8]>| String::from_utf8_lossy(v.unwrap_or(&[])).into_owned();
                    headers.iter().map(|h| (h.key.to_owned(), text(h.value))).collect()
                });
                let message = Message {
                    at: TopicPartition { topic, partition: m.partition() },
                    offset: m.offset(),
                    key: String::from_utf8_lossy(m.key().unwrap_or(&[])).into_owned(),
                    headers,
                    payload: m.payload().unwrap_or(&[]).to_vec(),
                };
                if events.blocking_send(Event::Message(message)).is_err() {
                    return;
                }
            }
            // librdkafka reconnects by itself; what it reports here is for the log.
            Some(Err(error)) => tracing::warn!(%error, "kafka"),
        }
    }
    consumer.unsubscribe();
}

struct Member {
    consumer: Arc<BaseConsumer<Context>>,
    inbox: mpsc::Receiver<Event>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

fn list(positions: &[(TopicPartition, i64)]) -> Result<TopicPartitionList, BusError> {
    let mut list = TopicPartitionList::new();
    for (at, next) in positions {
        list.add_partition_offset(&at.topic, at.partition, Offset::Offset(*next)).map_err(refused)?;
    }
    Ok(list)
}

fn single(at: &TopicPartition) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition(&at.topic, at.partition);
    list
}

#[async_trait]
impl Subscription for Member {
    async fn next(&mut self) -> Result<Event, BusError> {
        self.inbox.recv().await.ok_or(BusError::Closed)
    }

    async fn commit(&self, positions: &[(TopicPartition, i64)]) -> Result<(), BusError> {
        if positions.is_empty() {
            return Ok(());
        }
        let (consumer, list) = (self.consumer.clone(), list(positions)?);
        tokio::task::spawn_blocking(move || consumer.commit(&list, CommitMode::Sync))
            .await
            .map_err(|e| BusError::Refused(e.to_string()))?
            .map_err(unavailable)
    }

    fn pause(&self, at: &TopicPartition) {
        if let Err(error) = self.consumer.pause(&single(at)) {
            tracing::warn!(%error, topic = %at.topic, partition = at.partition, "pause");
        }
    }

    fn resume(&self, at: &TopicPartition) {
        if let Err(error) = self.consumer.resume(&single(at)) {
            tracing::warn!(%error, topic = %at.topic, partition = at.partition, "resume");
        }
    }

    async fn close(mut self: Box<Self>) {
        self.stop.store(true, Ordering::Release);
        self.inbox.close();
        let thread = self.thread.take();
        // librdkafka's close waits for the group's answer: not in an async thread.
        let closing = tokio::task::spawn_blocking(move || {
            // A revocation that nobody read would wait for its answer: dropped, it is answered.
            while self.inbox.blocking_recv().is_some() {}
            let _ = thread.map(std::thread::JoinHandle::join);
            drop(self);
        });
        let _ = closing.await;
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.inbox.close();
    }
}
