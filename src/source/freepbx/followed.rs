//! Which way of reading a FreePBX takes: CEL where it is kept, else dates.

use super::database::CdrDatabase;
use super::{CalldateWindow, CelCursor};
use crate::config::pbx::{Follow, FreepbxConfig};
use crate::source::{CdrSource, Chunk, SourceError};
use async_trait::async_trait;
use std::time::Duration;

/// The source of one FreePBX, as `pbx.source.follow` says.
pub struct Followed {
    config: FreepbxConfig,
    way: Option<Box<dyn CdrSource>>,
}

impl Followed {
    pub fn new(config: FreepbxConfig) -> Followed {
        Followed { config, way: None }
    }

    async fn choose(&self) -> Result<Box<dyn CdrSource>, SourceError> {
        let mut cel = CelCursor::new(self.config.clone());
        let by_cel = match self.config.follow {
            Follow::Cel => true,
            Follow::Calldate => false,
            Follow::Auto => cel.is_usable().await?,
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
        (Follow::Auto, false) => {
            "CEL is not kept or not readable: followed by calldate, which misses calls longer than overlap"
        }
    };
    Ok(format!("{}: {newest}; {way}", config.table))
}

#[async_trait]
impl CdrSource for Followed {
    fn name(&self) -> &'static str {
        "freepbx"
    }

    fn interval(&self) -> Duration {
        self.config.interval
    }

    async fn next(&mut self, cursor: Option<&str>) -> Result<Chunk, SourceError> {
        if self.way.is_none() {
            self.way = Some(self.choose().await?);
        }
        match &mut self.way {
            Some(way) => way.next(cursor).await,
            None => Ok(Chunk::default()),
        }
    }
}
