//! The names of a PBX's trunks: from the settings, or as FreePBX itself has
//! them (`asterisk.trunks`, column `channelid`: the peer in `PJSIP/PEER-…`).

use super::database::CdrDatabase;
use crate::config::pbx::{PbxConfig, SourceConfig};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A trunk that is new is known after this.
const FRESH: Duration = Duration::from_secs(3_600);
/// Calls wait for the answer no longer.
const PATIENCE: Duration = Duration::from_secs(3);
/// A PBX that does not tell is asked again after this.
const AGAIN: Duration = Duration::from_secs(600);

/// What is known of one PBX's trunks.
#[derive(Default)]
pub struct Trunks(Mutex<Option<Known>>);

struct Known {
    names: Arc<Vec<String>>,
    until: Instant,
}

impl Trunks {
    /// The trunks of `pbx`; none where neither the settings name them nor the
    /// PBX lets them be read: then what FreePBX writes on the rows decides a direction.
    pub async fn of(&self, pbx: &PbxConfig) -> Arc<Vec<String>> {
        let mut known = self.0.lock().await;
        if let Some(known) = known.as_ref().filter(|k| Instant::now() < k.until) {
            return known.names.clone();
        }
        let (names, keep) = match &pbx.source {
            _ if !pbx.trunks.is_empty() => (pbx.trunks.clone(), FRESH),
            SourceConfig::Freepbx(config) => {
                let mut database = CdrDatabase::new(config.as_ref().clone());
                match tokio::time::timeout(PATIENCE, database.trunks()).await {
                    Ok(Ok(names)) => (names, FRESH),
                    _ => {
                        tracing::info!(pbx = %pbx.id, "the PBX's trunks cannot be read; pbx.trunks can name them");
                        (Vec::new(), AGAIN)
                    }
                }
            }
            SourceConfig::Csv(_) | SourceConfig::Twilio(_) => (Vec::new(), FRESH),
        };
        let names = Arc::new(names);
        *known = Some(Known { names: names.clone(), until: Instant::now() + keep });
        names
    }
}
