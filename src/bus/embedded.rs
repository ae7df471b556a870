//! The embedded log: topics, partitions, offsets and group positions in a
//! SQLite file of its own, for one machine. One writer commits in groups with
//! `synchronous=FULL`; an append is acknowledged after the commit, so it
//! survives kill -9 and power loss. Readers are woken at once.

use super::{Ack, Bus, BusError, Event, Message, Outgoing, Subscription, TopicPartition};
use async_trait::async_trait;
use futures::future::try_join_all;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Row, SqliteConnection, SqlitePool};
use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot, watch};

/// Appends that one commit takes at most.
const GROUP_COMMIT: usize = 512;
/// Messages that a reader takes at once.
const READ_BATCH: i64 = 128;

/// A log in one data directory; one process at a time has it open.
pub struct EmbeddedLog {
    shared: Arc<Shared>,
    _lock: std::fs::File,
}

struct Shared {
    read: SqlitePool,
    write: mpsc::Sender<Write>,
    /// Counts commits, so that readers wake.
    tail: watch::Receiver<u64>,
    groups: Mutex<HashMap<String, Group>>,
    membership: watch::Sender<u64>,
    partitions: Mutex<HashMap<String, i32>>,
}

enum Write {
    Append {
        topic: String,
        partition: i32,
        message: Outgoing,
        ack: oneshot::Sender<Result<Ack, BusError>>,
    },
    Commit {
        group: String,
        positions: Vec<(TopicPartition, i64)>,
        ack: oneshot::Sender<Result<(), BusError>>,
    },
    EnsureTopic {
        topic: String,
        partitions: i32,
        ack: oneshot::Sender<Result<i32, BusError>>,
    },
}

/// The members of one group in this process and who owns what.
#[derive(Default)]
struct Group {
    next_member: u64,
    members: Vec<(u64, Vec<String>)>,
    owners: HashMap<TopicPartition, u64>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every critical section below leaves its map whole, so a poisoned lock is still good.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(error: sqlx::Error) -> BusError {
    BusError::Log(error.to_string())
}

impl EmbeddedLog {
    /// Opens or creates `log.sqlite` in `dir`.
    ///
    /// # Errors
    /// When another process has it open, or the file cannot be written.
    pub async fn open(dir: &Path) -> Result<EmbeddedLog, BusError> {
        let lock = lock(&dir.join("log.lock"))?;
        let options = SqliteConnectOptions::new()
            .filename(dir.join("log.sqlite"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10));
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await
            .map_err(failed)?;
        sqlx::raw_sql(SCHEMA).execute(&writer).await.map_err(failed)?;
        let known = sqlx::query("SELECT topic, partitions FROM log_topics").fetch_all(&writer).await;
        let partitions = known.map_err(failed)?.iter().map(|r| (r.get(0), r.get::<i32, _>(1))).collect();
        let read = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options.read_only(true))
            .await
            .map_err(failed)?;
        let (write, inbox) = mpsc::channel(4 * GROUP_COMMIT);
        let (bump, tail) = watch::channel(0);
        tokio::spawn(write_loop(writer, inbox, bump));
        let shared = Shared {
            read,
            write,
            tail,
            groups: Mutex::default(),
            membership: watch::channel(0).0,
            partitions: Mutex::new(partitions),
        };
        Ok(EmbeddedLog { shared: Arc::new(shared), _lock: lock })
    }
}

fn lock(path: &Path) -> Result<std::fs::File, BusError> {
    let at = path.display();
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|e| BusError::Log(format!("{at} cannot be opened: {e}")))?;
    file.try_lock().map_err(|_| {
        BusError::Log(format!(
            "{at} is held: another unsaid runs on this data directory; stop it, or use --data"
        ))
    })?;
    Ok(file)
}

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS log_topics (topic TEXT PRIMARY KEY, partitions INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS log_heads (
  topic TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL,
  PRIMARY KEY (topic, partition)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log_messages (
  topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL,
  key TEXT NOT NULL, headers TEXT NOT NULL, payload BLOB NOT NULL,
  PRIMARY KEY (topic, partition, offset)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log_positions (
  consumer_group TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL,
  next_offset INTEGER NOT NULL, PRIMARY KEY (consumer_group, topic, partition)) STRICT, WITHOUT ROWID;
";

/// One transaction for all that has come in meanwhile; acknowledged after its commit.
async fn write_loop(pool: SqlitePool, mut inbox: mpsc::Receiver<Write>, bump: watch::Sender<u64>) {
    let mut batch = Vec::with_capacity(GROUP_COMMIT);
    while inbox.recv_many(&mut batch, GROUP_COMMIT).await > 0 {
        let acks = commit_batch(&pool, &mut batch).await;
        bump.send_modify(|n| *n += 1);
        for ack in acks {
            ack();
        }
    }
    pool.close().await;
}

type SendAck = Box<dyn FnOnce() + Send>;

/// Runs the batch in one transaction. When it fails, every one of its writers is told so.
async fn commit_batch(pool: &SqlitePool, batch: &mut Vec<Write>) -> Vec<SendAck> {
    let mut acks: Vec<SendAck> = Vec::with_capacity(batch.len());
    let mut writes: Vec<Write> = std::mem::take(batch);
    match run_batch(pool, &writes).await {
        Ok(results) => {
            for (write, result) in writes.drain(..).zip(results) {
                acks.push(match write {
                    Write::Append { ack, partition, .. } => Box::new(move || {
                        let _ = ack.send(Ok(Ack { partition, offset: result }));
                    }),
                    Write::Commit { ack, .. } => Box::new(move || {
                        let _ = ack.send(Ok(()));
                    }),
                    Write::EnsureTopic { ack, .. } => Box::new(move || {
                        let _ = ack.send(Ok(result as i32));
                    }),
                });
            }
        }
        Err(error) => {
            let error = failed(error);
            for write in writes.drain(..) {
                let error = error.clone();
                acks.push(match write {
                    Write::Append { ack, .. } => Box::new(move || {
                        let _ = ack.send(Err(error));
                    }),
                    Write::Commit { ack, .. } => Box::new(move || {
                        let _ = ack.send(Err(error));
                    }),
                    Write::EnsureTopic { ack, .. } => Box::new(move || {
                        let _ = ack.send(Err(error));
                    }),
                });
            }
        }
    }
    *batch = writes;
    acks
}

async fn run_batch(pool: &SqlitePool, batch: &[Write]) -> Result<Vec<i64>, sqlx::Error> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    let mut results = Vec::with_capacity(batch.len());
    for write in batch {
        results.push(match write {
            Write::Append { topic, partition, message, .. } => {
                append(&mut tx, topic, *partition, message).await?
            }
            Write::Commit { group, positions, .. } => {
                for (at, next) in positions {
                    set_position(&mut tx, group, at, *next).await?;
                }
                0
            }
            Write::EnsureTopic { topic, partitions, .. } => ensure_topic(&mut tx, topic, *partitions).await?,
        });
    }
    tx.commit().await?;
    Ok(results)
}

async fn append(
    db: &mut SqliteConnection,
    topic: &str,
    partition: i32,
    message: &Outgoing,
) -> Result<i64, sqlx::Error> {
    let offset: i64 = sqlx::query_scalar(
        "INSERT INTO log_heads (topic, partition, next_offset) VALUES ($1, $2, 1)
         ON CONFLICT (topic, partition) DO UPDATE SET next_offset = next_offset + 1
         RETURNING next_offset - 1",
    )
    .bind(topic)
    .bind(partition)
    .fetch_one(&mut *db)
    .await?;
    sqlx::query(
        "INSERT INTO log_messages (topic, partition, offset, key, headers, payload)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(topic)
    .bind(partition)
    .bind(offset)
    .bind(&message.key)
    .bind(sqlx::types::Json(&message.headers))
    .bind(&message.payload)
    .execute(db)
    .await?;
    Ok(offset)
}

async fn set_position(
    db: &mut SqliteConnection,
    group: &str,
    at: &TopicPartition,
    next_offset: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO log_positions (consumer_group, topic, partition, next_offset)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (consumer_group, topic, partition)
         DO UPDATE SET next_offset = MAX(next_offset, excluded.next_offset)",
    )
    .bind(group)
    .bind(at.topic.as_ref())
    .bind(at.partition)
    .bind(next_offset)
    .execute(db)
    .await?;
    Ok(())
}

async fn ensure_topic(db: &mut SqliteConnection, topic: &str, partitions: i32) -> Result<i64, sqlx::Error> {
    sqlx::query("INSERT INTO log_topics (topic, partitions) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(topic)
        .bind(partitions)
        .execute(&mut *db)
        .await?;
    sqlx::query_scalar("SELECT partitions FROM log_topics WHERE topic = $1").bind(topic).fetch_one(db).await
}

/// FNV-1a: the same key lands in the same partition after every restart.
fn partition_of(key: &str, partitions: i32) -> i32 {
    let hash = key
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
    (hash % partitions.max(1) as u64) as i32
}

impl Shared {
    fn partitions(&self, topic: &str) -> Result<i32, BusError> {
        let known = locked(&self.partitions).get(topic).copied();
        known.ok_or_else(|| BusError::Refused(format!("there is no topic {topic}")))
    }

    async fn send<T>(
        &self,
        make: impl FnOnce(oneshot::Sender<Result<T, BusError>>) -> Write,
    ) -> Result<T, BusError> {
        let (ack, answer) = oneshot::channel();
        self.write.send(make(ack)).await.map_err(|_| BusError::Closed)?;
        answer.await.map_err(|_| BusError::Closed)?
    }

    async fn position(&self, group: &str, at: &TopicPartition) -> Result<i64, BusError> {
        let found: Option<i64> = sqlx::query_scalar(
            "SELECT next_offset FROM log_positions
             WHERE consumer_group = $1 AND topic = $2 AND partition = $3",
        )
        .bind(group)
        .bind(at.topic.as_ref())
        .bind(at.partition)
        .fetch_optional(&self.read)
        .await
        .map_err(failed)?;
        Ok(found.unwrap_or(0))
    }

    async fn head(&self, topic: &str, partition: i32) -> Result<i64, BusError> {
        let head: Option<i64> =
            sqlx::query_scalar("SELECT next_offset FROM log_heads WHERE topic = $1 AND partition = $2")
                .bind(topic)
                .bind(partition)
                .fetch_optional(&self.read)
                .await
                .map_err(failed)?;
        Ok(head.unwrap_or(0))
    }

    async fn read(&self, at: &TopicPartition, from: i64) -> Result<Vec<Message>, BusError> {
        let rows = sqlx::query(
            "SELECT offset, key, headers, payload FROM log_messages
             WHERE topic = $1 AND partition = $2 AND offset >= $3 ORDER BY offset LIMIT $4",
        )
        .bind(at.topic.as_ref())
        .bind(at.partition)
        .bind(from)
        .bind(READ_BATCH)
        .fetch_all(&self.read)
        .await
        .map_err(failed)?;
        Ok(rows
            .iter()
            .map(|row| Message {
                at: at.clone(),
                offset: row.get(0),
                key: row.get(1),
                headers: row.get::<sqlx::types::Json<Vec<(String, String)>>, _>(2).0,
                payload: row.get(3),
            })
            .collect())
    }

    /// What `member` should own: the partitions of its topics dealt out in turn.
    fn assignment(&self, group: &Group, member: u64) -> HashSet<TopicPartition> {
        let mut topics: Vec<&String> = group.members.iter().flat_map(|(_, t)| t).collect();
        topics.sort();
        topics.dedup();
        let mut mine = HashSet::new();
        for topic in topics {
            let takers: Vec<u64> =
                group.members.iter().filter(|(_, t)| t.contains(topic)).map(|(id, _)| *id).collect();
            let name: Arc<str> = topic.as_str().into();
            for partition in 0..self.partitions(topic).unwrap_or(0) {
                if takers[partition as usize % takers.len()] == member {
                    mine.insert(TopicPartition { topic: name.clone(), partition });
                }
            }
        }
        mine
    }
}

#[async_trait]
impl Bus for EmbeddedLog {
    async fn ensure_topic(&self, topic: &str, partitions: i32) -> Result<(), BusError> {
        let topic = topic.to_owned();
        let name = topic.clone();
        let fixed = self.shared.send(|ack| Write::EnsureTopic { topic, partitions, ack }).await?;
        locked(&self.shared.partitions).insert(name, fixed);
        Ok(())
    }

    async fn publish(&self, topic: &str, message: Outgoing) -> Result<Ack, BusError> {
        let partition = partition_of(&message.key, self.shared.partitions(topic)?);
        let topic = topic.to_owned();
        self.shared.send(|ack| Write::Append { topic, partition, message, ack }).await
    }

    async fn subscribe(&self, topics: &[String], group: &str) -> Result<Box<dyn Subscription>, BusError> {
        for topic in topics {
            self.shared.partitions(topic)?;
        }
        let member = {
            let mut groups = locked(&self.shared.groups);
            let entry = groups.entry(group.to_owned()).or_default();
            entry.next_member += 1;
            entry.members.push((entry.next_member, topics.to_vec()));
            entry.next_member
        };
        self.shared.membership.send_modify(|n| *n += 1);
        Ok(Box::new(Reader {
            tail: self.shared.tail.clone(),
            membership: self.shared.membership.subscribe(),
            shared: self.shared.clone(),
            group: group.to_owned(),
            member,
            owned: HashMap::new(),
            turn: VecDeque::new(),
            paused: Mutex::default(),
            resumed: Notify::new(),
        }))
    }

    async fn lag(&self, topic: &str, group: &str) -> Result<Vec<(i32, i64)>, BusError> {
        let name: Arc<str> = topic.into();
        let partitions = 0..self.shared.partitions(topic)?;
        try_join_all(partitions.map(|partition| {
            let at = TopicPartition { topic: name.clone(), partition };
            async move {
                let head = self.shared.head(&at.topic, partition).await?;
                Ok((partition, head - self.shared.position(group, &at).await?))
            }
        }))
        .await
    }
}

/// One member of a group.
struct Reader {
    shared: Arc<Shared>,
    group: String,
    member: u64,
    tail: watch::Receiver<u64>,
    membership: watch::Receiver<u64>,
    owned: HashMap<TopicPartition, Owned>,
    /// The partitions in the order in which they are served next.
    turn: VecDeque<TopicPartition>,
    paused: Mutex<HashSet<TopicPartition>>,
    resumed: Notify,
}

#[derive(Default)]
struct Owned {
    /// The offset to read next; `None` until the committed position is loaded.
    next: Option<i64>,
    buffer: VecDeque<Message>,
}

impl Reader {
    /// Gives up what another member should have, takes what nobody has. Synchronous, so that a
    /// cancelled `next` leaves nothing half done.
    fn rebalance(&mut self) -> Option<Event> {
        let mut groups = locked(&self.shared.groups);
        let group = groups.get_mut(&self.group)?;
        let should = self.shared.assignment(group, self.member);
        let lost: Vec<TopicPartition> =
            self.owned.keys().filter(|at| !should.contains(at)).cloned().collect();
        if !lost.is_empty() {
            drop(groups);
            return Some(self.revoke(lost));
        }
        let gained: Vec<TopicPartition> =
            should.into_iter().filter(|at| !group.owners.contains_key(at)).collect();
        if gained.is_empty() {
            return None;
        }
        for at in &gained {
            group.owners.insert(at.clone(), self.member);
            self.owned.insert(at.clone(), Owned::default());
            self.turn.push_back(at.clone());
        }
        Some(Event::Assigned(gained))
    }

    fn revoke(&mut self, lost: Vec<TopicPartition>) -> Event {
        for at in &lost {
            self.owned.remove(at);
            locked(&self.paused).remove(at);
        }
        self.turn.retain(|at| self.owned.contains_key(at));
        let (drained, wait) = oneshot::channel();
        let (shared, group, partitions) = (self.shared.clone(), self.group.clone(), lost.clone());
        tokio::spawn(async move {
            let _ = wait.await;
            release(&shared, &group, &partitions);
        });
        Event::Revoked { partitions: lost, drained }
    }

    /// The next buffered message of a partition that is not paused, each in its turn.
    fn pop(&mut self) -> Option<Message> {
        let paused = locked(&self.paused);
        for _ in 0..self.turn.len() {
            self.turn.rotate_left(1);
            let Some(at) = self.turn.back() else { break };
            if paused.contains(at) {
                continue;
            }
            if let Some(message) = self.owned.get_mut(at).and_then(|o| o.buffer.pop_front()) {
                return Some(message);
            }
        }
        None
    }

    async fn fill(&mut self) -> Result<(), BusError> {
        for at in self.turn.clone() {
            if locked(&self.paused).contains(&at) {
                continue;
            }
            let next = match self.owned.get(&at) {
                Some(Owned { next: Some(next), .. }) => *next,
                Some(_) => self.shared.position(&self.group, &at).await?,
                None => continue,
            };
            let messages = self.shared.read(&at, next).await?;
            if let Some(owned) = self.owned.get_mut(&at) {
                owned.next = Some(messages.last().map_or(next, |m| m.offset + 1));
                owned.buffer.extend(messages);
            }
        }
        Ok(())
    }
}

fn release(shared: &Shared, group: &str, partitions: &[TopicPartition]) {
    if let Some(group) = locked(&shared.groups).get_mut(group) {
        for at in partitions {
            group.owners.remove(at);
        }
    }
    shared.membership.send_modify(|n| *n += 1);
}

#[async_trait]
impl Subscription for Reader {
    async fn next(&mut self) -> Result<Event, BusError> {
        loop {
            // Seen marks first, so that a change between the look and the wait still wakes.
            self.tail.borrow_and_update();
            self.membership.borrow_and_update();
            if let Some(event) = self.rebalance() {
                return Ok(event);
            }
            if let Some(message) = self.pop() {
                return Ok(Event::Message(message));
            }
            self.fill().await?;
            if let Some(message) = self.pop() {
                return Ok(Event::Message(message));
            }
            tokio::select! {
                changed = self.tail.changed() => changed.map_err(|_| BusError::Closed)?,
                changed = self.membership.changed() => changed.map_err(|_| BusError::Closed)?,
                () = self.resumed.notified() => {}
            }
        }
    }

    async fn commit(&self, positions: &[(TopicPartition, i64)]) -> Result<(), BusError> {
        if positions.is_empty() {
            return Ok(());
        }
        let (group, positions) = (self.group.clone(), positions.to_vec());
        self.shared.send(|ack| Write::Commit { group, positions, ack }).await
    }

    fn pause(&self, at: &TopicPartition) {
        locked(&self.paused).insert(at.clone());
    }

    fn resume(&self, at: &TopicPartition) {
        if locked(&self.paused).remove(at) {
            self.resumed.notify_one();
        }
    }

    async fn close(self: Box<Self>) {}
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(group) = locked(&self.shared.groups).get_mut(&self.group) {
            group.members.retain(|(id, _)| *id != self.member);
            group.owners.retain(|_, owner| *owner != self.member);
        }
        self.shared.membership.send_modify(|n| *n += 1);
    }
}
