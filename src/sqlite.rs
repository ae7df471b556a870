//! The one writer of a SQLite file, which outlives a full disk.

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{Connection, SqlitePool};

/// What the writer keeps of the file in memory, in KiB: ids are random, so years of
/// calls on their way in touch pages everywhere.
const CACHE_KIB: u32 = 32 << 10;

/// Opens the connection that all writing goes through.
///
/// A full disk or a failed write makes SQLite roll a transaction back by itself
/// (<https://www.sqlite.org/lang_transaction.html>); sqlx takes it for open
/// still, and every later one would be refused. Such a connection is closed, and
/// the next turn opens another.
///
/// # Errors
/// When the file cannot be opened or created.
pub async fn writer(options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let pool = SqlitePoolOptions::new().max_connections(1);
    let pool = pool.before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }));
    let options = options
        .pragma("cache_size", format!("-{CACHE_KIB}"))
        // What a savepoint may have to restore, too.
        .pragma("temp_store", "MEMORY");
    pool.connect_with(options).await
}
