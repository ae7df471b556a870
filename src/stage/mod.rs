//! The verbs: one stage a file, its `run` a table of contents.

pub mod analyse;
pub mod pbx;
pub mod redact;
pub mod register;

use crate::bus::BusError;
use crate::bus::consumer::Outcome;
use crate::store::StoreError;
use std::time::Duration;

/// The store failed: an outage is waited for, a refusal counts as an attempt.
pub(crate) fn store_failed(error: &StoreError) -> Outcome {
    tracing::warn!(%error, "store");
    match error {
        StoreError::Unavailable(_) => Outcome::wait(Duration::from_secs(5), "store_unavailable"),
        _ => Outcome::retry(Duration::from_secs(5), "store_refused"),
    }
}

pub(crate) fn bus_failed(error: &BusError) -> Outcome {
    tracing::warn!(%error, "bus");
    Outcome::wait(Duration::from_secs(5), "bus_unavailable")
}
