//! Recordings that the bus is told of again: what a dry run found, once it is
//! over, and what those noticed who cannot write to the bus themselves: an original
//! that was put back by a command, a file that changed after its redaction.

use crate::bus::{BusError, Topics};
use crate::call::CallKey;
use crate::message::{RecordingReady, Why};
use crate::store::recordings::SentAgain;
use crate::store::{Store, StoreError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Recordings of one turn.
const PAGE: i64 = 500;
const EVERY: Duration = Duration::from_secs(5);

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

/// Sends what was put back, and what was found changed, until `shutdown`: the stage answers with its outcome.
pub async fn keep_sending(store: Store, topics: Topics, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        if let Err(error) = send_restored(&store, &topics).await {
            tracing::error!(%error, "a restored original could not be announced, trying again later");
        }
        if let Err(error) = send_changed(&store, &topics).await {
            tracing::error!(%error, "a changed recording could not be sent, trying again later");
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

async fn send_changed(store: &Store, topics: &Topics) -> Result<(), AgainError> {
    loop {
        let changed = store.changed(PAGE).await?;
        let is_last = changed.len() < PAGE as usize;
        for recording in changed {
            let Some(ready) = ready(recording) else { continue };
            // What it turns out to be of our own is not heard again.
            let ready = RecordingReady { why: Why::New, ..ready };
            topics.publish(&ready, &[]).await?;
            store.mark_published(&[(&ready.call.tenant, ready.recording_id.as_str())]).await?;
        }
        if is_last {
            return Ok(());
        }
    }
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
