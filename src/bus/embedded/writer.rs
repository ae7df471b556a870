//! The log's one writer: it commits in groups and answers after the commit.

use super::failed;
use crate::bus::{Ack, BusError, Outgoing, TopicPartition};
use sqlx::{SqliteConnection, SqlitePool};
use std::collections::HashMap;
use tokio::sync::{mpsc, oneshot, watch};

/// The next offset of every partition that has messages.
pub(super) type Heads = HashMap<TopicPartition, i64>;

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

/// Messages of a partition that are kept for late readers.
const KEPT: i64 = 50_000;
/// Commits between two trimmings.
const TRIM_EVERY: u64 = 2_000;

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
pub(super) async fn write_loop(
    pool: SqlitePool,
    mut inbox: mpsc::Receiver<Write>,
    heads: watch::Sender<Heads>,
) {
    let mut batch = Vec::with_capacity(GROUP_COMMIT);
    let mut commits: u64 = 0;
    while inbox.recv_many(&mut batch, GROUP_COMMIT).await > 0 {
        let written = run_batch(&pool, &batch).await.map_err(failed);
        let results = written.map(|(results, new)| {
            heads.send_modify(|heads| heads.extend(new));
            results
        });
        commits += 1;
        if commits.is_multiple_of(TRIM_EVERY)
            && let Err(error) = trim(&pool, KEPT).await
        {
            tracing::warn!(%error, "the embedded log was not trimmed");
        }
        for (n, write) in batch.drain(..).enumerate() {
            write.answer(results.as_ref().map(|all| all[n]).map_err(Clone::clone));
        }
    }
    pool.close().await;
}

/// The number that each order is answered with: an offset, or a topic's
/// partitions; and the partitions' new heads.
async fn run_batch(pool: &SqlitePool, batch: &[Write]) -> Result<(Vec<i64>, Heads), sqlx::Error> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    let mut results = vec![0; batch.len()];
    let mut appends: HashMap<(&str, i32), Vec<(usize, &Outgoing)>> = HashMap::new();
    for (n, write) in batch.iter().enumerate() {
        match write {
            Write::Append { topic, partition, message, .. } => {
                appends.entry((topic, *partition)).or_default().push((n, message));
            }
            Write::Commit { group, positions, .. } => {
                for (at, next) in positions {
                    set_position(&mut tx, group, at, *next).await?;
                }
            }
            Write::EnsureTopic { topic, partitions, .. } => {
                results[n] = ensure_topic(&mut tx, topic, *partitions).await?;
            }
        }
    }
    let mut heads = Heads::new();
    for ((topic, partition), messages) in appends {
        let first = append(&mut tx, topic, partition, &messages).await?;
        for (offset, (n, _)) in (first..).zip(&messages) {
            results[*n] = offset;
        }
        let at = TopicPartition { topic: topic.into(), partition };
        heads.insert(at, first + messages.len() as i64);
    }
    tx.commit().await?;
    Ok((results, heads))
}

/// Appends messages to one partition, in their order; the first one's offset.
async fn append(
    db: &mut SqliteConnection,
    topic: &str,
    partition: i32,
    messages: &[(usize, &Outgoing)],
) -> Result<i64, sqlx::Error> {
    let first: i64 = sqlx::query_scalar(
        "INSERT INTO log_heads (topic, partition, next_offset) VALUES ($1, $2, $3)
         ON CONFLICT (topic, partition) DO UPDATE SET next_offset = next_offset + excluded.next_offset
         RETURNING next_offset - $3",
    )
    .bind(topic)
    .bind(partition)
    .bind(messages.len() as i64)
    .fetch_one(&mut *db)
    .await?;
    let mut query = sqlx::QueryBuilder::new(
        "INSERT INTO log_messages (topic, partition, offset, key, headers, payload) ",
    );
    query.push_values((first..).zip(messages), |mut tuple, (offset, (_, message))| {
        tuple.push_bind(topic).push_bind(partition).push_bind(offset).push_bind(message.key.as_str());
        tuple.push_bind(sqlx::types::Json(&message.headers)).push_bind(message.payload.as_slice());
    });
    query.build().persistent(messages.len() == 1).execute(db).await?;
    Ok(first)
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

/// Deletes what is older than the newest `kept` messages of its partition and
/// was committed by every group that reads its topic.
async fn trim(pool: &SqlitePool, kept: i64) -> Result<u64, sqlx::Error> {
    let deleted = sqlx::query(
        "DELETE FROM log_messages AS m WHERE offset <
           (SELECT next_offset - $1 FROM log_heads h WHERE h.topic = m.topic AND h.partition = m.partition)
         AND offset < COALESCE((SELECT MIN(COALESCE(own.next_offset, 0)) FROM
             (SELECT DISTINCT consumer_group FROM log_positions WHERE topic = m.topic) g
             LEFT JOIN log_positions own ON own.consumer_group = g.consumer_group
               AND own.topic = m.topic AND own.partition = m.partition), m.offset + 1)",
    )
    .bind(kept)
    .execute(pool)
    .await?;
    Ok(deleted.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn trimming_keeps_what_a_group_has_not_committed() {
        let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await;
        let pool = pool.expect("a database");
        sqlx::raw_sql(SCHEMA).execute(&pool).await.expect("the schema");
        let (mut orders, mut answers) = (Vec::new(), Vec::new());
        for n in 0..30 {
            let (ack, answer) = oneshot::channel();
            let topic = if n < 20 { "read" } else { "unread" }.to_owned();
            let message = Outgoing { key: String::new(), headers: vec![], payload: vec![] };
            orders.push(Write::Append { topic, partition: 0, message, ack });
            answers.push(answer);
        }
        run_batch(&pool, &orders).await.expect("written");
        let at = TopicPartition { topic: "read".into(), partition: 0 };
        let mut connection = pool.acquire().await.expect("a connection");
        set_position(&mut connection, "fast", &at, 20).await.expect("a position");
        set_position(&mut connection, "slow", &at, 7).await.expect("a position");
        drop(connection);
        assert_eq!(trim(&pool, 5).await.expect("trimmed"), 7 + 5);
        let left: i64 = sqlx::query_scalar("SELECT MIN(offset) FROM log_messages WHERE topic = 'read'")
            .fetch_one(&pool)
            .await
            .expect("a row");
        assert_eq!(left, 7);
    }
}
