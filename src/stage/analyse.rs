//! `analyse`: what a sanitized transcript means. Off unless an engine is configured.

use super::{bus_failed, store_failed};
use crate::analysis::Analyst;
use crate::bus::Topics;
use crate::bus::consumer::{Outcome, Stage};
use crate::message::{Analysed, Redacted, RedactionOutcome};
use crate::metrics::Metrics;
use crate::speech::SpeechError;
use crate::store::Store;
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;

/// The stage of topic `redactions`.
pub struct Analyse {
    pub topics: Topics,
    pub store: Store,
    pub analyst: Arc<dyn Analyst>,
    pub metrics: Arc<Metrics>,
}

#[async_trait]
impl Stage for Analyse {
    type Input = Redacted;

    fn name(&self) -> &'static str {
        "analyse"
    }

    async fn run(&self, input: &Redacted, _: u32) -> Outcome {
        if matches!(input.status, RedactionOutcome::Failed | RedactionOutcome::Restored) {
            return Outcome::Done;
        }
        let row = match self.store.recording(&input.call.tenant, &input.recording_id).await {
            Ok(row) => row,
            Err(error) => return store_failed(&error),
        };
        let Some(text) = row.and_then(|r| r.transcript).map(|t| t.0.text()) else {
            return Outcome::Done;
        };
        if text.as_str().is_empty() {
            return Outcome::Done;
        }
        let result = self.analyst.analyse(&text).await;
        let outcome = result.as_ref().map_or_else(SpeechError::kind, |_| "done");
        self.metrics.engine_requests.with_label_values(&["analysis", outcome]).inc();
        let meaning = match result {
            Ok(meaning) => meaning,
            Err(error) => return failed(&error),
        };
        let analysed = Analysed {
            call: input.call.clone(),
            recording_id: input.recording_id.clone(),
            summary: meaning.summary,
            sentiment: meaning.sentiment,
            booking: meaning.booking,
            model: self.analyst.model().to_owned(),
        };
        if let Err(error) = self.store.save_analysis(&analysed).await {
            return store_failed(&error);
        }
        match self.topics.publish(&analysed, &[]).await {
            Ok(_) => Outcome::Done,
            Err(error) => bus_failed(&error),
        }
    }
}

fn failed(error: &SpeechError) -> Outcome {
    tracing::warn!(%error, "analysis");
    let after = match error {
        SpeechError::Busy { retry_after: Some(after) } => *after,
        _ => Duration::from_secs(5),
    };
    if error.is_outage() { Outcome::wait(after, error.kind()) } else { Outcome::retry(after, error.kind()) }
}
