//! The embedded log: topics, partitions, offsets and group positions in a
//! SQLite file of its own, for one machine. One writer commits in groups with
//! `synchronous=FULL`; an append is acknowledged after the commit, so it
//! survives kill -9 and power loss. Readers are woken at once.

mod reader;
mod writer;

use super::{Ack, Bus, BusError, Message, Outgoing, Subscription, TopicPartition};
use async_trait::async_trait;
use futures::future::try_join_all;
use reader::Reader;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Row as _, SqlitePool};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use writer::{GROUP_COMMIT, Heads, SCHEMA, Write, write_loop};

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
    /// Every partition's end; a commit moves some, and readers wake.
    heads: watch::Receiver<Heads>,
    groups: Mutex<HashMap<String, Group>>,
    membership: watch::Sender<u64>,
    partitions: Mutex<HashMap<String, i32>>,
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
            // A message of 2 KB lies in its table; on the usual pages it would take one more.
            .page_size(8_192)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10));
        let writer = crate::sqlite::writer(options.clone()).await.map_err(failed)?;
        sqlx::raw_sql(SCHEMA).execute(&writer).await.map_err(failed)?;
        let known = sqlx::query("SELECT topic, partitions FROM log_topics").fetch_all(&writer).await;
        let partitions = known.map_err(failed)?.iter().map(|r| (r.get(0), r.get::<i32, _>(1))).collect();
        let heads = heads(&writer).await.map_err(failed)?;
        let read = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options.read_only(true))
            .await
            .map_err(failed)?;
        let (write, inbox) = mpsc::channel(4 * GROUP_COMMIT);
        let (moved, heads) = watch::channel(heads);
        tokio::spawn(write_loop(writer, inbox, moved));
        let shared = Shared {
            read,
            write,
            heads,
            groups: Mutex::default(),
            membership: watch::channel(0).0,
            partitions: Mutex::new(partitions),
        };
        Ok(EmbeddedLog { shared: Arc::new(shared), _lock: lock })
    }
}

async fn heads(pool: &SqlitePool) -> Result<Heads, sqlx::Error> {
    let rows: Vec<(String, i32, i64)> =
        sqlx::query_as("SELECT topic, partition, next_offset FROM log_heads").fetch_all(pool).await?;
    let head = |(topic, partition, next): (String, i32, i64)| {
        (TopicPartition { topic: topic.into(), partition }, next)
    };
    Ok(rows.into_iter().map(head).collect())
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

    fn head(&self, at: &TopicPartition) -> i64 {
        self.heads.borrow().get(at).copied().unwrap_or(0)
    }

    /// The next messages, as one row: each row of a result costs a change of threads.
    async fn read(&self, at: &TopicPartition, from: i64) -> Result<Vec<Message>, BusError> {
        let all: String = sqlx::query_scalar(
            "SELECT json_group_array(json_array(offset, key, headers, hex(payload))) FROM
               (SELECT offset, key, headers, payload FROM log_messages
                WHERE topic = $1 AND partition = $2 AND offset >= $3 ORDER BY offset LIMIT $4)",
        )
        .bind(at.topic.as_ref())
        .bind(at.partition)
        .bind(from)
        .bind(READ_BATCH)
        .fetch_one(&self.read)
        .await
        .map_err(failed)?;
        messages(at, &all).map_err(|why| BusError::Log(why.to_owned()))
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

/// Messages as [`Shared::read`] asks for them. The order of an aggregate's rows is
/// promised nowhere.
fn messages(at: &TopicPartition, all: &str) -> Result<Vec<Message>, &'static str> {
    type Row<'a> = (i64, String, String, &'a str);
    let mut rows: Vec<Row<'_>> = serde_json::from_str(all).map_err(|_| "a page of it is not JSON")?;
    rows.sort_by_key(|row| row.0);
    let message = |(offset, key, headers, payload): Row<'_>| {
        let headers = serde_json::from_str(&headers).map_err(|_| "a message's headers are not JSON")?;
        let payload = hex::decode(payload).map_err(|_| "a message's payload is not hexadecimal")?;
        Ok(Message { at: at.clone(), offset, key, headers, payload })
    };
    rows.into_iter().map(message).collect()
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
        Ok(Box::new(Reader::new(self.shared.clone(), group, member)))
    }

    async fn lag(&self, topic: &str, group: &str) -> Result<Vec<(i32, i64)>, BusError> {
        let name: Arc<str> = topic.into();
        let partitions = 0..self.shared.partitions(topic)?;
        try_join_all(partitions.map(|partition| {
            let at = TopicPartition { topic: name.clone(), partition };
            async move { Ok((partition, self.shared.head(&at) - self.shared.position(group, &at).await?)) }
        }))
        .await
    }
}
