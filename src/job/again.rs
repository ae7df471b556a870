//! Recordings that the bus is told of again: what a dry run found, once it is
//! over, and what was put back by a command that cannot write to the bus itself.

use crate::bus::{BusError, Topics};
use crate::call::CallKey;
use crate::message::{RecordingReady, Why};
use crate::store::recordings::SentAgain;
use crate::store::{Store, StoreError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Recordings of one turn.
const PAGE: i64 = 500;
const EVERY: Duration = Duration::from_secs(10);

/// Why recordings could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum AgainError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// What a dry run found is redacted once it is over; sent again at every start until it is done.
///
/// # Errors
/// [`AgainError`]; the next start sends the rest.
pub async fn send_dry_runs(store: &Store, topics: &Topics) -> Result<(), AgainError> {
    let mut after = String::new();
    loop {
        let found = store.dry_runs(&after, PAGE).await?;
        let Some(last) = found.last() else { return Ok(()) };
        after.clone_from(&last.id);
        for recording in found {
            if let Some(ready) = ready(recording) {
                topics.publish(&ready, &[]).await?;
            }
        }
    }
}

/// Sends what was put back until `shutdown`: the stage answers with its outcome.
pub async fn keep_restored(store: Store, topics: Topics, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        if let Err(error) = send_restored(&store, &topics).await {
            tracing::error!(%error, "a restored original could not be announced, trying again later");
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn send_restored(store: &Store, topics: &Topics) -> Result<(), AgainError> {
    for recording in store.restored(PAGE).await? {
        let Some(ready) = ready(recording) else { continue };
        topics.publish(&ready, &[]).await?;
        store.mark_published(&[(&ready.call.tenant, ready.recording_id.as_str())]).await?;
    }
    Ok(())
}

fn ready(recording: SentAgain) -> Option<RecordingReady> {
    let (tenant, pbx) = (recording.tenant.try_into().ok()?, recording.pbx.try_into().ok()?);
    Some(RecordingReady {
        call: CallKey { tenant, pbx, linkedid: recording.linkedid },
        recording_id: recording.id,
        recordingfile: recording.recordingfile,
        why: Why::ReRedact,
    })
}
