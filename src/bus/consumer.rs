//! Runs one stage over one topic. The order in which things are safe:
//!
//! 1. A message is taken into its partition's ledger when it arrives.
//! 2. It starts when its key is idle and both permits are had: one message,
//!    and its expected bytes. While none is free its partition is paused;
//!    polling goes on, so the group is kept.
//! 3. `Done`, a published retry or a published dead letter finish it.
//! 4. Only the contiguous finished prefix of a partition is committed.
//! 5. On revoke and shutdown nothing new starts, what runs is awaited for the
//!    drain bound (then dropped: every stage survives a crash at any await),
//!    and the prefix is committed before the partition is let go.

use super::dead_letter::RejectBudget;
use super::ledger::Ledger;
use super::work::{PERMIT_BYTES, Work};
use super::{BusError, Event, Message, Subscription, TopicPartition, Topics};
use crate::message::Payload;
use crate::metrics::Metrics;
use async_trait::async_trait;
use chrono::Utc;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// How a stage ended with one input. Reasons are codes of a bounded set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Try again after at least `after`. Counts towards the attempts when
    /// `counts`; an outage of somebody else's server does not.
    Retry {
        after: Duration,
        reason: &'static str,
        counts: bool,
    },
    Reject {
        reason: &'static str,
    },
}

impl Outcome {
    pub fn retry(after: Duration, reason: &'static str) -> Outcome {
        Outcome::Retry { after, reason, counts: true }
    }

    /// Waits for somebody else's server without using up an attempt.
    pub fn wait(after: Duration, reason: &'static str) -> Outcome {
        Outcome::Retry { after, reason, counts: false }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Retry { .. } => "retry",
            Outcome::Reject { .. } => "reject",
        }
    }
}

/// One verb over one topic. Every effect is idempotent: the same input may come again.
#[async_trait]
pub trait Stage: Send + Sync + 'static {
    type Input: Payload;

    fn name(&self) -> &'static str;

    /// Messages of one key run one after the other. Not where each waits for its own time.
    fn keeps_order(&self) -> bool {
        true
    }

    /// The memory that this input will take, in bytes.
    async fn expected_bytes(&self, _input: &Self::Input) -> u64 {
        0
    }

    /// `attempts` were made before and counted.
    async fn run(&self, input: &Self::Input, attempts: u32) -> Outcome;

    /// The input is given up: makes that visible, durably. `false` to be asked again.
    async fn give_up(&self, _input: &Self::Input, _reason: &str) -> bool {
        true
    }
}

/// What a consumer may take at once.
#[derive(Clone, Debug)]
pub struct Limits {
    pub messages: usize,
    pub bytes: u64,
    /// Messages of one partition held back before it is paused.
    pub backlog: usize,
    pub attempts: u32,
    pub retry_base: Duration,
    pub retry_most: Duration,
    pub rejects_per_minute: usize,
    /// Shorter than the group's session timeout.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            messages: 4,
            bytes: 512 << 20,
            backlog: 256,
            attempts: 8,
            retry_base: Duration::from_secs(5),
            retry_most: Duration::from_secs(600),
            rejects_per_minute: 60,
            drain: Duration::from_secs(20),
        }
    }
}

const COMMIT_EVERY: Duration = Duration::from_millis(200);

/// A stage on its topic.
pub struct Consumer<S: Stage> {
    pub topics: Topics,
    pub stage: Arc<S>,
    pub limits: Limits,
    pub metrics: Arc<Metrics>,
}

struct Partition {
    ledger: Ledger,
    backlog: VecDeque<Message>,
    paused: bool,
    rejects: Arc<RejectBudget>,
    running: HashMap<i64, AbortHandle>,
}

struct Finished {
    at: TopicPartition,
    offset: i64,
    key: String,
}

struct Running {
    keeps_order: bool,
    partitions: HashMap<TopicPartition, Partition>,
    busy: HashSet<(TopicPartition, String)>,
    tasks: JoinSet<Finished>,
    messages: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

impl<S: Stage> Consumer<S> {
    /// The group is named by the stage, so that every process of that role shares the work.
    pub fn group(&self) -> String {
        format!("unsaid-{}", self.stage.name())
    }

    /// Runs until `shutdown`, then drains.
    ///
    /// # Errors
    /// When the topic cannot be subscribed to, or the bus is closed.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), BusError> {
        let topic = self.topics.name(S::Input::TOPIC);
        let mut subscription = self.topics.bus().subscribe(&[topic], &self.group()).await?;
        let mut running = Running {
            keeps_order: self.stage.keeps_order(),
            partitions: HashMap::new(),
            busy: HashSet::new(),
            tasks: JoinSet::new(),
            messages: Arc::new(Semaphore::new(self.limits.messages)),
            bytes: Arc::new(Semaphore::new((self.limits.bytes / PERMIT_BYTES) as usize)),
        };
        let mut commit = tokio::time::interval(COMMIT_EVERY);
        commit.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                event = subscription.next() => match event {
                    Ok(event) => self.on_event(&mut running, subscription.as_ref(), event).await,
                    Err(BusError::Closed) => return Err(BusError::Closed),
                    Err(error) => {
                        tracing::warn!(%error, stage = self.stage.name(), "the bus failed, trying again");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                },
                Some(finished) = running.tasks.join_next() => running.finish_all(finished),
                _ = commit.tick() => running.commit(subscription.as_ref(), None).await,
            }
            self.dispatch(&mut running, subscription.as_ref());
        }
        let all: Vec<TopicPartition> = running.partitions.keys().cloned().collect();
        running.drain(subscription.as_ref(), &all, self.limits.drain).await;
        subscription.close().await;
        Ok(())
    }

    async fn on_event(&self, running: &mut Running, subscription: &dyn Subscription, event: Event) {
        match event {
            Event::Message(message) => {
                let partition = running.partition(&message.at, self.limits.rejects_per_minute);
                partition.ledger.take(message.offset);
                if let Some(age_s) = age_s(&message) {
                    let labels = [S::Input::TOPIC.name(), &message.at.partition.to_string()];
                    self.metrics.message_age_seconds.with_label_values(&labels).set(age_s);
                }
                partition.backlog.push_back(message);
            }
            Event::Assigned(partitions) => {
                for at in partitions {
                    running.partition(&at, self.limits.rejects_per_minute);
                }
            }
            Event::Revoked { partitions, drained } => {
                running.drain(subscription, &partitions, self.limits.drain).await;
                let _ = drained.send(());
            }
        }
    }

    /// Starts what may start; pauses partitions that have too much waiting, resumes the others.
    fn dispatch(&self, running: &mut Running, subscription: &dyn Subscription) {
        let partitions: Vec<TopicPartition> = running.partitions.keys().cloned().collect();
        for at in partitions {
            while let Some((message, permit)) = running.startable(&at) {
                self.start(running, message, permit);
            }
            let Some(partition) = running.partitions.get_mut(&at) else { continue };
            let full = running.messages.available_permits() == 0 && !partition.backlog.is_empty();
            let pause = full || partition.backlog.len() >= self.limits.backlog;
            if pause != partition.paused {
                partition.paused = pause;
                if pause { subscription.pause(&at) } else { subscription.resume(&at) }
            }
        }
        let name = self.stage.name();
        let waiting: usize = running.partitions.values().map(|p| p.backlog.len()).sum();
        self.metrics.in_flight.with_label_values(&[name]).set(running.tasks.len() as i64);
        self.metrics.permits_waiting.with_label_values(&[name]).set(waiting as i64);
    }

    fn start(&self, running: &mut Running, message: Message, permit: OwnedSemaphorePermit) {
        let at = message.at.clone();
        let (offset, key) = (message.offset, message.key.clone());
        running.busy.insert((at.clone(), key.clone()));
        let Some(partition) = running.partitions.get_mut(&at) else { return };
        let work = Work {
            topics: self.topics.clone(),
            stage: self.stage.clone(),
            limits: self.limits.clone(),
            metrics: self.metrics.clone(),
            bytes: running.bytes.clone(),
            rejects: partition.rejects.clone(),
        };
        let finished = Finished { at, offset, key };
        let handle = running.tasks.spawn(async move {
            let _permit = permit;
            work.finish(message).await;
            finished
        });
        partition.running.insert(offset, handle);
    }
}

impl Running {
    fn partition(&mut self, at: &TopicPartition, rejects_per_minute: usize) -> &mut Partition {
        self.partitions.entry(at.clone()).or_insert_with(|| Partition {
            ledger: Ledger::default(),
            backlog: VecDeque::new(),
            paused: false,
            rejects: Arc::new(RejectBudget::new(rejects_per_minute)),
            running: HashMap::new(),
        })
    }

    /// The first waiting message of `at` whose key is idle and has nothing waiting before it, where
    /// that matters, with a permit to run.
    fn startable(&mut self, at: &TopicPartition) -> Option<(Message, OwnedSemaphorePermit)> {
        let partition = self.partitions.get_mut(at)?;
        let mut before: HashSet<&str> = HashSet::new();
        let index = partition.backlog.iter().position(|m| {
            let mut is_first = || before.insert(&m.key);
            !self.keeps_order || is_first() && !self.busy.contains(&(at.clone(), m.key.clone()))
        })?;
        let permit = self.messages.clone().try_acquire_owned().ok()?;
        Some((partition.backlog.remove(index)?, permit))
    }

    /// What finished, and all that did meanwhile.
    fn finish_all(&mut self, finished: Result<Finished, JoinError>) {
        let mut next = Some(finished);
        while let Some(finished) = next {
            match finished {
                Ok(finished) => self.finish(&finished),
                Err(error) if error.is_panic() => {
                    tracing::error!(%error, "a message's task panicked: it comes again after a restart");
                }
                // Dropped at the end of a drain.
                Err(_) => {}
            }
            next = self.tasks.try_join_next();
        }
    }

    fn finish(&mut self, finished: &Finished) {
        self.busy.remove(&(finished.at.clone(), finished.key.clone()));
        if let Some(partition) = self.partitions.get_mut(&finished.at) {
            partition.ledger.done(finished.offset);
            partition.running.remove(&finished.offset);
        }
    }

    /// Commits the done prefix of the given partitions, of all where none are given.
    async fn commit(&mut self, subscription: &dyn Subscription, only: Option<&[TopicPartition]>) {
        let wanted = |at: &TopicPartition| only.is_none_or(|list| list.contains(at));
        let positions: Vec<(TopicPartition, i64)> = self
            .partitions
            .iter()
            .filter(|(at, _)| wanted(at))
            .filter_map(|(at, p)| Some((at.clone(), p.ledger.to_commit()?)))
            .collect();
        if positions.is_empty() {
            return;
        }
        match subscription.commit(&positions).await {
            Ok(()) => {
                for (at, next) in positions {
                    if let Some(partition) = self.partitions.get_mut(&at) {
                        partition.ledger.committed(next);
                    }
                }
            }
            // Nothing is lost: the next commit covers it, or the messages come again.
            Err(error) => tracing::warn!(%error, "commit failed"),
        }
    }

    /// Waits for what runs on `partitions`, at most `bound`, commits, and forgets them.
    async fn drain(
        &mut self,
        subscription: &dyn Subscription,
        partitions: &[TopicPartition],
        bound: Duration,
    ) {
        for at in partitions {
            if let Some(partition) = self.partitions.get_mut(at) {
                partition.backlog.clear();
            }
        }
        let deadline = tokio::time::sleep(bound);
        tokio::pin!(deadline);
        let left = |s: &Self| {
            partitions.iter().any(|at| s.partitions.get(at).is_some_and(|p| !p.running.is_empty()))
        };
        while left(self) {
            tokio::select! {
                biased;
                Some(finished) = self.tasks.join_next() => self.finish_all(finished),
                () = &mut deadline => break,
            }
        }
        self.commit(subscription, Some(partitions)).await;
        for at in partitions {
            if let Some(partition) = self.partitions.remove(at) {
                partition.running.values().for_each(AbortHandle::abort);
            }
            self.busy.retain(|(busy_at, _)| busy_at != at);
        }
    }
}

/// Seconds since the event, by its CloudEvents time.
fn age_s(message: &Message) -> Option<f64> {
    let at = chrono::DateTime::parse_from_rfc3339(message.header("ce_time")?).ok()?;
    Some(((Utc::now() - at.to_utc()).num_milliseconds().max(0)) as f64 / 1e3)
}
