//! The one writer of a SQLite file, which outlives a full disk.

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{Connection, SqlitePool};

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
    pool.connect_with(options).await
}
