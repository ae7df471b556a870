//! The log's one writer: it commits in groups and answers after the commit.

use super::failed;
use crate::bus::{Ack, BusError, Outgoing, TopicPartition};
use sqlx::{SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot, watch};

/// Orders that one commit takes at most.
pub(super) const GROUP_COMMIT: usize = 512;

pub(super) const SCHEMA: &str = "
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

/// One order to the writer and where its answer goes.
pub(super) enum Write {
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

impl Write {
    /// Tells whoever waits; one that has gone away needs no answer.
    fn answer(self, result: Result<i64, BusError>) {
        match self {
            Write::Append { ack, partition, .. } => {
                let _ = ack.send(result.map(|offset| Ack { partition, offset }));
            }
            Write::Commit { ack, .. } => {
                let _ = ack.send(result.map(|_| ()));
            }
            Write::EnsureTopic { ack, .. } => {
                let _ = ack.send(result.map(|partitions| partitions as i32));
            }
        }
    }
}

/// One transaction for all that has come in meanwhile; when it fails, every
/// one of its writers is told so.
pub(super) async fn write_loop(pool: SqlitePool, mut inbox: mpsc::Receiver<Write>, bump: watch::Sender<u64>) {
    let mut batch = Vec::with_capacity(GROUP_COMMIT);
    while inbox.recv_many(&mut batch, GROUP_COMMIT).await > 0 {
        let results = run_batch(&pool, &batch).await.map_err(failed);
        bump.send_modify(|n| *n += 1);
        for (n, write) in batch.drain(..).enumerate() {
            write.answer(results.as_ref().map(|all| all[n]).map_err(Clone::clone));
        }
    }
    pool.close().await;
}

/// The number that each order is answered with: an offset, or a topic's partitions.
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
