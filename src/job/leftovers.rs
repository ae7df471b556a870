//! Hidden files of ours beside recordings whose write-back was cut off and that
//! nobody tries again: given up, or put back by hand. A recording that is tried
//! again has its own swept by that.

use crate::call::{PbxId, RecordingPath, TenantId};
use crate::recordings::write_back::{self, Which};
use crate::recordings::{Recordings, RecordingsError};
use crate::stage::redact::plan::sha256;
use crate::store::recordings::RecordingRow;
use crate::store::{Store, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const EVERY: Duration = Duration::from_secs(3_600);
/// Recordings of one turn.
const PAGE: i64 = 200;

/// Longer than mending one takes.
const LEASE_S: i64 = 600;

/// The leftovers beside one PBX's recordings.
pub struct Leftovers {
    pub tenant: TenantId,
    pub pbx: PbxId,
    pub recordings: Arc<dyn Recordings>,
    pub store: Store,
    pub limit_bytes: u64,
}

impl Leftovers {
    /// Sweeps at once and then once an hour, until `shutdown`.
    pub async fn keep(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            if let Err(error) = self.sweep().await {
                tracing::error!(pbx = %self.pbx, %error, "leftovers could not be looked up, trying again later");
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Looks beside each such recording; one that cannot be mended now is told in the log.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let rows = self.store.cut_off(&self.tenant, &self.pbx, &after, PAGE).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after.clone_from(&last.id);
            for row in &rows {
                match self.mend_alone(row).await? {
                    Ok(()) => {}
                    Err(error) if error.is_outage() => {
                        tracing::warn!(pbx = %self.pbx, %error, "leftovers are looked for later");
                        return Ok(());
                    }
                    Err(error) => {
                        tracing::warn!(pbx = %self.pbx, recording = %row.id, %error, "a leftover stays");
                    }
                }
            }
        }
    }

    /// Whoever works on the file now mends it: it is looked at again in an hour.
    async fn mend_alone(&self, row: &RecordingRow) -> Result<Result<(), RecordingsError>, StoreError> {
        let Ok(path) = RecordingPath::parse(row.path.as_deref().unwrap_or_default()) else {
            return Ok(Ok(()));
        };
        let (name, holder) = (path.on_disk().to_string(), format!("leftovers:{}", Uuid::new_v4()));
        let file = (&self.tenant, &self.pbx, name.as_str());
        if !self.store.take_lease(file, &holder, LEASE_S).await? {
            return Ok(Ok(()));
        }
        let mended = self.mend(row).await;
        self.store.end_lease(file, &holder).await?;
        Ok(mended)
    }

    async fn mend(&self, row: &RecordingRow) -> Result<(), RecordingsError> {
        let Ok(path) = RecordingPath::parse(row.path.as_deref().unwrap_or_default()) else { return Ok(()) };
        let (old, new) = match &row.intent {
            Some(intent) => (&intent.0.original_sha256, &intent.0.redacted_sha256),
            // Put back: what unsaid had left was to go, the original to come.
            None => {
                match (&row.redacted_sha256, row.restored_sha256.as_ref().or(row.original_sha256.as_ref())) {
                    (Some(old), Some(new)) => (old, new),
                    _ => return Ok(()),
                }
            }
        };
        let which = |bytes: &[u8]| Which::by_sum(&sha256(bytes), old, new);
        for path in [Some(path.clone()), path.on_disk_twin()].into_iter().flatten() {
            write_back::recover(self.recordings.as_ref(), &path, &row.id, self.limit_bytes, which).await?;
        }
        Ok(())
    }
}
