//! Sealed originals are deleted when their days are over.

use crate::call::{PbxId, TenantId};
use crate::recordings::RecordingsError;
use crate::store::{Store, StoreError};
use crate::vault::originals::Originals;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(3_600);
/// Originals of one turn.
const PAGE: i64 = 200;

/// Why originals could not be deleted.
#[derive(Debug, thiserror::Error)]
pub enum OriginalsError {
    #[error(transparent)]
    Kept(#[from] RecordingsError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The originals of one PBX.
pub struct KeptOriginals {
    pub tenant: TenantId,
    pub pbx: PbxId,
    pub originals: Arc<Originals>,
    pub store: Store,
}

impl KeptOriginals {
    /// Deletes what is over, once an hour, until `shutdown`.
    pub async fn keep(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            if let Err(error) = self.delete_expired(Utc::now()).await {
                tracing::error!(pbx = %self.pbx, %error, "sealed originals could not be deleted, trying again later");
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Deletes what was sealed longer ago than its days, except of calls on legal hold; how many.
    ///
    /// # Errors
    /// [`OriginalsError`]; what is left is deleted the next time.
    pub async fn delete_expired(&self, now: DateTime<Utc>) -> Result<u64, OriginalsError> {
        let before = now - TimeDelta::days(i64::from(self.originals.keep_days));
        let mut deleted = 0;
        loop {
            let expired = self.store.expired_originals(&self.tenant, &self.pbx, before, PAGE).await?;
            if expired.is_empty() {
                return Ok(deleted);
            }
            for original in expired {
                self.originals.kept.delete(&original.object).await?;
                self.store.mark_original_deleted(&original).await?;
                deleted += 1;
            }
        }
    }
}
