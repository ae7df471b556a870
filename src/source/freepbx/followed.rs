//! Which way of reading a FreePBX takes: CEL where it is kept, else dates.

use super::database::CdrDatabase;
use super::{Binlog, CalldateWindow, CelCursor};
use crate::config::pbx::{Follow, FreepbxConfig};
use crate::source::{CdrSource, Chunk, SourceError};
use async_trait::async_trait;
use std::time::{Duration, Instant};

/// A binary log that could not be had is tried again.
const TRY_BINLOG_EVERY: Duration = Duration::from_secs(3_600);

/// The source of one FreePBX, as `pbx.source.follow` says.
pub struct Followed {
    config: FreepbxConfig,
    way: Option<Box<dyn CdrSource>>,
    /// The binary log could not be had: when it is tried again.
    try_binlog: Option<Instant>,
}

impl Followed {
    pub fn new(config: FreepbxConfig) -> Followed {
        Followed { config, way: None, try_binlog: None }
    }

    /// The binary log where it is asked for and can be had, else by polling.
    async fn choose(&mut self) -> Result<Box<dyn CdrSource>, SourceError> {
        if self.config.follow != Follow::Binlog {
            return self.choose_polling().await;
        }
        let mut binlog = Binlog::new(self.config.clone());
        match binlog.check().await {
            Ok(()) => {
                tracing::info!(host = %self.config.host, "calls are followed by the binary log");
                self.try_binlog = None;
                Ok(Box::new(binlog))
            }
            Err(error @ SourceError::NoBinlog(_)) => {
                tracing::warn!(host = %self.config.host, %error, "calls are polled instead");
                self.try_binlog = Some(Instant::now() + TRY_BINLOG_EVERY);
                self.choose_polling().await
            }
            Err(error) => Err(error),
        }
    }

    async fn choose_polling(&self) -> Result<Box<dyn CdrSource>, SourceError> {
        let mut cel = CelCursor::new(self.config.clone());
        let by_cel = match self.config.follow {
            Follow::Cel => true,
            Follow::Calldate => false,
            Follow::Auto | Follow::Binlog => cel.is_usable().await?,
        };
        if by_cel {
            tracing::info!(host = %self.config.host, "calls are followed by CEL");
            return Ok(Box::new(cel));
        }
        tracing::info!(host = %self.config.host, "calls are followed by calldate");
        Ok(Box::new(CalldateWindow::new(self.config.clone())))
    }
}

/// Connects, reads a little, and tells what is there: "Test MySQL".
///
/// # Errors
/// [`SourceError`] with what is wrong and how to mend it.
pub async fn check(config: &FreepbxConfig) -> Result<String, SourceError> {
    let newest = CdrDatabase::new(config.clone()).newest_row().await?;
    let newest = newest.map_or("no call yet".to_owned(), |at| format!("the newest call began {at}"));
    let has_cel = CelCursor::new(config.clone()).is_usable().await?;
    let way = match (config.follow, has_cel) {
        (Follow::Cel, false) => "pbx.source.follow is cel, but CEL is not kept or not readable",
        (Follow::Calldate, _) => "followed by calldate",
        (_, true) => "followed by CEL",
        (Follow::Auto | Follow::Binlog, false) => {
            "CEL is not kept or not readable: followed by calldate, which misses calls longer than overlap"
        }
    };
    if config.follow == Follow::Binlog {
        return Ok(match Binlog::new(config.clone()).check().await {
            Ok(()) => format!("{}: {newest}; followed by the binary log", config.table),
            Err(error @ SourceError::NoBinlog(_)) => format!("{}: {newest}; {error}; {way}", config.table),
            Err(error) => return Err(error),
        });
    }
    Ok(format!("{}: {newest}; {way}", config.table))
}

#[async_trait]
impl CdrSource for Followed {
    fn name(&self) -> &'static str {
        "freepbx"
    }

    fn interval(&self) -> Duration {
        self.way.as_ref().map_or(self.config.interval, |way| way.interval())
    }

    async fn next(&mut self, cursor: Option<&str>) -> Result<Chunk, SourceError> {
        if self.way.is_none() || self.try_binlog.is_some_and(|at| Instant::now() >= at) {
            self.way = Some(self.choose().await?);
        }
        let read = match &mut self.way {
            Some(way) => way.next(cursor).await,
            None => Ok(Chunk::default()),
        };
        if let Err(SourceError::NoBinlog(_)) = read {
            // Taken away meanwhile: chosen anew with the next read.
            self.way = None;
        }
        read
    }

    fn acknowledge(&mut self) {
        if let Some(way) = &mut self.way {
            way.acknowledge();
        }
    }
}
