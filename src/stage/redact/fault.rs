//! Why a redaction stopped, and what that means for its message.

use super::Redact;
use super::plan::PlanError;
use crate::bus::BusError;
use crate::bus::consumer::Outcome;
use crate::detect::EntitiesError;
use crate::message::RecordingReady;
use crate::recordings::RecordingsError;
use crate::speech::SpeechError;
use crate::stage::{bus_failed, store_failed};
use crate::store::StoreError;
use crate::vault::originals::SealError;
use chrono::{TimeDelta, Utc};
use std::time::Duration;
use unsaid_dsp::container::ContainerError;

/// After its call began.
const PERMITTED_WITHIN: TimeDelta = TimeDelta::days(1);
/// The shortest and the longest wait for a permission.
const PERMITTED_AGAIN: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(600));

/// Why a redaction stopped. Decided by variant, told in a sentence.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error(transparent)]
    Recordings(#[from] RecordingsError),
    #[error(transparent)]
    Speech(#[from] SpeechError),
    #[error(transparent)]
    Entities(#[from] EntitiesError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error("the recording may still be written to")]
    NotFinished { wait: Duration },
    #[error("the same file is being redacted for another call")]
    Busy,
    #[error("the database knows nothing of this recording")]
    NoRow,
    #[error("the original could not be sealed, so nothing was written: {0}")]
    Unsealed(#[source] SealError),
    #[error("a worker stopped")]
    Worker,
}

impl Redact {
    /// A permission that was lost is an administrator's slip, which one mends in hours: today's calls
    /// wait for it, ever longer; older ones fail with that sentence.
    async fn until_permitted(&self, input: &RecordingReady) -> Outcome {
        let reason = RecordingsError::PermissionDenied.kind();
        let call = match self.store.call(&input.call.tenant, &input.call.call_id()).await {
            Ok(call) => call,
            Err(error) => return store_failed(&error),
        };
        let age = call.map_or(PERMITTED_WITHIN, |c| Utc::now() - c.started_at);
        // A call of the future is none of today's: the PBX's clock is wrong.
        if age.abs() >= PERMITTED_WITHIN {
            return Outcome::Reject { reason };
        }
        let longer = (age / 10).to_std().unwrap_or_default();
        Outcome::wait(longer.clamp(PERMITTED_AGAIN.0, PERMITTED_AGAIN.1), reason)
    }

    /// What a fault means for the message; its sentence is shown with the call meanwhile.
    pub(super) async fn outcome_of(&self, input: &RecordingReady, fault: &Fault) -> Outcome {
        if !matches!(fault, Fault::Store(_) | Fault::Bus(_) | Fault::Busy) {
            let (tenant, id) = (&input.call.tenant, &input.recording_id);
            if let Err(error) = self.store.note_redaction(tenant, id, &fault.to_string()).await {
                return store_failed(&error);
            }
        }
        let pbx = input.call.pbx.as_str();
        let soon = Duration::from_secs(2);
        match fault {
            Fault::Store(error) => store_failed(error),
            Fault::Bus(error) => bus_failed(error),
            Fault::NotFinished { wait } => {
                Outcome::wait((*wait).max(Duration::from_millis(200)), "not_finished")
            }
            Fault::Busy => Outcome::wait(soon, "busy"),
            // Kept before its message was sent: it was removed by hand, or an old backup was put back.
            Fault::NoRow => Outcome::retry(soon, "no_row"),
            Fault::Recordings(error) => {
                self.metrics.recording_errors.with_label_values(&[pbx, error.kind()]).inc();
                tracing::warn!(call = %input.call.message_key(), %error, "recording");
                match error {
                    RecordingsError::PermissionDenied => self.until_permitted(input).await,
                    e if e.is_outage() => Outcome::wait(soon, e.kind()),
                    e if e.is_final() => Outcome::Reject { reason: e.kind() },
                    e => Outcome::retry(soon, e.kind()),
                }
            }
            Fault::Speech(error) => {
                tracing::warn!(call = %input.call.message_key(), %error, "speech");
                let after = match error {
                    SpeechError::Busy { retry_after: Some(after) } => *after,
                    _ => soon,
                };
                if error.is_outage() {
                    Outcome::wait(after, error.kind())
                } else {
                    Outcome::retry(after, error.kind())
                }
            }
            Fault::Plan(error) => {
                tracing::warn!(call = %input.call.message_key(), %error, "not redacted");
                match error {
                    // The PBX made the file and has yet to write to it.
                    PlanError::Container(ContainerError::Empty) => Outcome::retry(soon, "empty"),
                    _ => Outcome::Reject { reason: "not_understood" },
                }
            }
            Fault::Entities(error) => {
                tracing::warn!(call = %input.call.message_key(), %error, "entities");
                Outcome::retry(soon, "entities")
            }
            // The place for originals is the operator's to mend; the call waits until it is.
            Fault::Unsealed(error) => {
                tracing::error!(call = %input.call.message_key(), %error, "the original could not be sealed");
                Outcome::wait(Duration::from_secs(30), "unsealed")
            }
            Fault::Worker => Outcome::retry(soon, "worker"),
        }
    }
}
