//! What is known of calls and recordings. One query text for SQLite and
//! PostgreSQL; one suite of tests over both. Every function takes the tenant
//! first: tenancy is an argument, not a filter.

pub mod audit;
pub mod calls;
pub mod changed;
pub mod cursors;
pub mod found;
mod group;
pub mod leases;
mod legs;
pub mod originals;
pub mod recordings;
pub mod register;
pub mod retention;
pub mod syncs;
pub mod wakes;

use crate::outages;
use chrono::{DateTime, SubsecRound, Utc};
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};
use std::path::Path;
use std::time::Duration;

/// Why the store could not do something. Never holds a row's content.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away or busy; the same call may succeed later.
    #[error("the database cannot be reached: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The database refused: wrong schema, a violated constraint.
    #[error("the database refused: {0}")]
    Refused(#[source] sqlx::Error),
    #[error("the database could not be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match error {
            E::Database(ref said) if passes(said.as_ref()) => StoreError::Unavailable(error),
            E::Database(_)
            | E::RowNotFound
            | E::ColumnNotFound(_)
            | E::ColumnDecode { .. }
            | E::Decode(_)
            | E::Encode(_)
            | E::TypeNotFound { .. }
            | E::Configuration(_) => StoreError::Refused(error),
            _ => StoreError::Unavailable(error),
        }
    }
}

/// What a database says of itself or of others at work, not of what was asked.
fn passes(said: &dyn sqlx::error::DatabaseError) -> bool {
    let Some(code) = said.code() else { return false };
    if said.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        return outages::of_postgres(&code);
    }
    code.parse().is_ok_and(outages::of_sqlite)
}

pub type Result<T> = std::result::Result<T, StoreError>;

/// The two databases. SQLite has one writer and a few readers.
#[derive(Clone, Debug)]
pub(crate) enum Db {
    Pg(PgPool),
    Lite { read: SqlitePool, write: group::Writer },
}

/// The store.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) db: Db,
}

/// Runs `$body` with a pool for reading, once for each database.
macro_rules! read {
    ($store:expr, |$pool:ident| $body:expr) => {
        match &$store.db {
            $crate::store::Db::Pg($pool) => $body,
            $crate::store::Db::Lite { read: $pool, .. } => $body,
        }
    };
}

/// Runs `$body` in a transaction on the writer; an early return rolls it back.
macro_rules! write_tx {
    ($store:expr, |$tx:ident| $body:expr) => {
        match &$store.db {
            $crate::store::Db::Pg(pool) => {
                let mut guard = pool.begin().await?;
                let $tx = &mut *guard;
                let out = $body;
                guard.commit().await?;
                out
            }
            $crate::store::Db::Lite { write, .. } => {
                let mut turn = write.turn().await?;
                let mut guard = turn.savepoint().await?;
                let $tx = &mut *guard;
                let out = $body;
                guard.commit().await?;
                turn.commit().await?;
                out
            }
        }
    };
}

pub(crate) use {read, write_tx};

impl Store {
    /// Opens or creates `store.sqlite` in `dir` and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be written or holds a newer schema.
    pub async fn open_sqlite(dir: &Path) -> Result<Store> {
        let options = SqliteConnectOptions::new()
            .filename(dir.join("store.sqlite"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What the stages wrote must survive power loss before the offset moves.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let write = crate::sqlite::writer(options.clone()).await?;
        sqlx::migrate!("migrations/sqlite").run(&write).await?;
        let read = SqlitePoolOptions::new().max_connections(4).connect_with(options.read_only(true)).await?;
        Ok(Store { db: Db::Lite { read, write: group::Writer::new(write) } })
    }

    /// Connects to PostgreSQL and brings its schema up to date.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn open_postgres(url: &SecretString, max_connections: u32) -> Result<Store> {
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(Duration::from_secs(15))
            .connect(url.expose_secret())
            .await?;
        sqlx::migrate!("migrations/postgres").run(&pool).await?;
        Ok(Store { db: Db::Pg(pool) })
    }

    /// Answers when the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<()> {
        read!(self, |pool| {
            sqlx::query("SELECT 1").execute(pool).await?;
            Ok(())
        })
    }
}

/// Now, in the precision that both databases keep.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
