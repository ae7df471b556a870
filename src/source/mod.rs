//! Where calls come from. A source reads rows; the feeder publishes those that
//! are not known yet and saves the cursor after the bus acknowledged them all.

mod feeder;
pub mod freepbx;
mod memory;
mod sent;
pub mod twilio;

use crate::call::CdrRow;
use async_trait::async_trait;
use chrono::NaiveDateTime;
pub use feeder::Feeder;
use memory::Memory;
use std::time::Duration;

/// Why a source could not be read. Says what to do, never a password.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error(
        "the CDR database at {host}:{port} cannot be reached: {reason}; check that MariaDB listens there and the firewall lets unsaid in"
    )]
    Unreachable { host: String, port: u16, reason: String },
    #[error(
        "the CDR database refused the user {user:?}; check user name and password, and SHOW GRANTS for it"
    )]
    AccessDenied { user: String },
    #[error("the CDR database does not offer TLS, which pbx.source.tls asks for")]
    NoTls,
    #[error("the CDR database's certificate is not accepted: {0}")]
    Certificate(String),
    #[error("the binary log cannot be followed: {0}")]
    NoBinlog(String),
    #[error("the table {0} is not there")]
    NoTable(String),
    #[error("the CDR database did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("the CDR database takes no work for now: error {code}, {says}; it is tried again")]
    Away { code: u16, says: &'static str },
    #[error("reading CDRs failed: {0}")]
    Failed(String),
    #[error("{path} cannot be read: {reason}")]
    File { path: String, reason: String },
}

/// What one read gave.
#[must_use]
#[derive(Debug, Default)]
pub struct Chunk {
    pub rows: Vec<CdrRow>,
    /// To be saved once the rows are acknowledged.
    pub cursor: String,
    /// There is more to read at once.
    pub more: bool,
    /// How far it came, and where the reading ends, in the PBX's own time.
    pub reached: Option<(NaiveDateTime, NaiveDateTime)>,
}

/// A place that rows are read from.
///
/// A read is a proposal. What a source remembers of it (a page, a day of a sweep, calls whose rows are
/// late) counts from [`CdrSource::acknowledge`] on; without it the next read begins where this one
/// did, so that no row is passed over that was not published.
#[async_trait]
pub trait CdrSource: Send + Sync {
    /// `freepbx` or `csv`.
    fn name(&self) -> &'static str;

    fn interval(&self) -> Duration;

    /// Reads on from `cursor`, the one that was saved last.
    async fn next(&mut self, cursor: Option<&str>) -> Result<Chunk, SourceError>;

    /// The rows of the last chunk are acknowledged by the bus, and its cursor is saved.
    fn acknowledge(&mut self);
}
