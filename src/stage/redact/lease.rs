//! One file is worked on by one at a time, whoever names it: two calls of one
//! conference, two spellings of its name, two processes.

use super::{Fault, Redact};
use crate::call::{CallKey, RecordingPath};
use crate::message::RecordingReady;
use crate::store::leases::REDACT;
use crate::store::{Store, StoreError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

/// How long a holder that died keeps others waiting, in seconds.
const FOR_S: i64 = 60;
const RENEW_EVERY: Duration = Duration::from_secs(15);
/// After a renewal nobody else can have it for as long, with room to write a file in.
const CERTAIN_FOR: Duration = Duration::from_secs(20);

/// The lease on a file, renewed while this lives.
pub(super) struct Lease {
    file: LeaseOfFile,
    stop: DropGuard,
    renewing: JoinHandle<()>,
}

#[derive(Clone)]
struct LeaseOfFile {
    store: Store,
    call: CallKey,
    /// Under which two spellings of one file are one.
    path: String,
    holder: String,
    /// When it was last certain.
    held: Held,
}

/// Shared with the renewal.
#[derive(Clone)]
struct Held(Arc<Mutex<Instant>>);

impl Held {
    fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn is_certain(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < CERTAIN_FOR
    }
}

impl Redact {
    /// Takes the lease on the file at `path`.
    pub(super) async fn lease(&self, input: &RecordingReady, path: &RecordingPath) -> Result<Lease, Fault> {
        let file = LeaseOfFile {
            store: self.store.clone(),
            call: input.call.clone(),
            path: path.on_disk().to_string(),
            holder: format!("{REDACT}{}", Uuid::new_v4()),
            held: Held(Arc::new(Mutex::new(Instant::now()))),
        };
        file.renew().await?;
        let stop = CancellationToken::new();
        let renewing = tokio::spawn(file.clone().renew_until(stop.clone()));
        Ok(Lease { file, stop: stop.drop_guard(), renewing })
    }
}

impl Lease {
    pub(super) fn is_on(&self, path: &RecordingPath) -> bool {
        path.on_disk().as_str() == self.file.path
    }

    /// It is still held.
    ///
    /// # Errors
    /// [`Fault::Busy`] when another holds it.
    pub(super) async fn check(&self) -> Result<(), Fault> {
        if self.file.held.is_certain() { Ok(()) } else { self.file.renew().await }
    }

    /// Gives it back. One that is dropped instead ends with its time: what was
    /// asked of the server may still be under way.
    pub(super) async fn end(self) {
        let Lease { file, stop, renewing } = self;
        stop.disarm().cancel();
        // No renewal may come after its end.
        let _ = renewing.await;
        let LeaseOfFile { store, call, path, holder, .. } = file;
        if let Err(error) = store.end_lease((&call.tenant, &call.pbx, &path), &holder).await {
            tracing::debug!(call = %call.message_key(), %error, "a lease ends with its time");
        }
    }
}

impl LeaseOfFile {
    async fn take(&self) -> Result<bool, StoreError> {
        let file = (&self.call.tenant, &self.call.pbx, self.path.as_str());
        let taken = self.store.take_lease(file, &self.holder, FOR_S).await?;
        if taken {
            self.held.note();
        }
        Ok(taken)
    }

    async fn renew(&self) -> Result<(), Fault> {
        match self.take().await? {
            true => Ok(()),
            false => Err(Fault::Busy),
        }
    }

    /// A renewal that failed is tried again; before a file is written it is asked
    /// once more whether the lease is held.
    async fn renew_until(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(RENEW_EVERY) => {}
            }
            match self.take().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::debug!(call = %self.call.message_key(), %error, "a lease is not renewed yet")
                }
            }
        }
    }
}
