//! Group commit for SQLite, which has one writer: what waits for its turn while
//! another writes joins the same transaction, each behind a savepoint of its
//! own, and one flush to disk answers all. Nobody is answered before it.

use super::{Result, StoreError};
use sqlx::{Connection, Sqlite, SqlitePool, Transaction};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

type Told = std::result::Result<(), String>;

/// The writer of a SQLite store.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pool: SqlitePool,
    open: Arc<Mutex<Open>>,
}

/// The transaction that is being gathered.
#[derive(Debug, Default)]
struct Open {
    transaction: Option<Transaction<'static, Sqlite>>,
    waiting: Vec<oneshot::Sender<Told>>,
}

/// One's turn to write. Dropped before [`Turn::commit`], it leaves nothing.
pub(crate) struct Turn {
    open: Arc<Mutex<Open>>,
    guard: Option<OwnedMutexGuard<Open>>,
}

impl Writer {
    pub fn new(pool: SqlitePool) -> Writer {
        Writer { pool, open: Arc::default() }
    }

    pub async fn turn(&self) -> Result<Turn> {
        let mut guard = self.open.clone().lock_owned().await;
        if guard.transaction.is_none() {
            guard.transaction = Some(self.pool.begin_with("BEGIN IMMEDIATE").await?);
        }
        Ok(Turn { open: self.open.clone(), guard: Some(guard) })
    }
}

impl Turn {
    /// What this turn writes in; dropped uncommitted, it rolls back that alone.
    pub async fn savepoint(&mut self) -> Result<Transaction<'_, Sqlite>> {
        let gathered = self.guard.as_mut().and_then(|g| g.transaction.as_mut());
        let gathered = gathered.ok_or_else(|| lost("no transaction is open"))?;
        Ok((**gathered).begin().await?)
    }

    /// Joins the group and waits until all of it is on disk.
    pub async fn commit(mut self) -> Result<()> {
        let (tell, told) = oneshot::channel();
        if let Some(mut guard) = self.guard.take() {
            let leads = guard.waiting.is_empty();
            guard.waiting.push(tell);
            drop(guard);
            if leads {
                // On its own: the one who waits may be dropped, the others still wait.
                tokio::spawn(commit(self.open.clone()));
            }
        }
        match told.await {
            Ok(told) => told.map_err(|error| lost(&error)),
            Err(_) => Err(lost("the writer stopped")),
        }
    }
}

impl Drop for Turn {
    /// Nobody's work is in the transaction: it is not left open.
    fn drop(&mut self) {
        if let Some(guard) = self.guard.as_mut().filter(|g| g.waiting.is_empty()) {
            guard.transaction = None;
        }
    }
}

/// Takes its turn like everybody else (the lock is fair): those who waited
/// before it are in the group by then.
async fn commit(open: Arc<Mutex<Open>>) {
    let mut guard = open.lock().await;
    let waiting = std::mem::take(&mut guard.waiting);
    let told = match guard.transaction.take() {
        Some(transaction) => transaction.commit().await.map_err(|e| e.to_string()),
        None => Err("no transaction is open".to_owned()),
    };
    drop(guard);
    for tell in waiting {
        let _ = tell.send(told.clone());
    }
}

fn lost(why: &str) -> StoreError {
    StoreError::Unavailable(sqlx::Error::Protocol(format!("not committed: {why}")))
}
