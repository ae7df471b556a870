//! Every measure that unsaid exports: name, help, unit and labels in one list.
//! Labels are bounded sets: never a number called, a path or a user's text.

use prometheus::{
    Counter, CounterVec, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry,
    TextEncoder,
};
use std::sync::Arc;

macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $field:ident: $kind:ident = $name:literal [$($label:literal),*] $(buckets $buckets:expr)?;)+) => {
        /// Handles to every metric; one registry a process.
        pub struct Metrics {
            registry: Registry,
            $($(#[doc = $help])+ pub $field: $kind,)+
        }

        impl Metrics {
            fn build(registry: Registry) -> Result<Metrics, prometheus::Error> {
                $(let $field = make!($kind, concat!($($help,)+).trim(), $name, [$($label),*] $(, $buckets)?)?;
                  registry.register(Box::new($field.clone()))?;)+
                Ok(Metrics { registry, $($field,)+ })
            }

            /// Name and labels of every metric, for the test that reads the dashboards.
            pub fn catalogue() -> Vec<(&'static str, Vec<&'static str>)> {
                vec![$(($name, vec![$($label),*]),)+]
            }
        }
    };
}

macro_rules! make {
    (Counter, $help:expr, $name:literal, []) => {
        Counter::with_opts(Opts::new($name, $help))
    };
    (HistogramVec, $help:expr, $name:literal, [$($label:literal),*], $buckets:expr) => {
        HistogramVec::new(HistogramOpts::new($name, $help).buckets($buckets.to_vec()), &[$($label),*])
    };
    ($kind:ident, $help:expr, $name:literal, [$($label:literal),*]) => {
        $kind::new(Opts::new($name, $help), &[$($label),*])
    };
}

/// From a quick look-up to an hour's recording through a remote engine.
const STAGE_SECONDS: [f64; 12] = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0, 600.0];
const HTTP_SECONDS: [f64; 9] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

metrics! {
    /// Messages of a topic that a stage's group has not committed, by partition.
    lag_messages: IntGaugeVec = "unsaid_lag_messages" ["topic", "partition"];
    /// Age in seconds of the message that a stage took last, from its event's time.
    message_age_seconds: GaugeVec = "unsaid_message_age_seconds" ["topic", "partition"];
    /// Age in seconds of the source's cursor: now minus the last successful read.
    source_cursor_age_seconds: GaugeVec = "unsaid_source_cursor_age_seconds" ["pbx"];
    /// Runs of a PBX's retention.
    retention_runs: IntCounterVec = "unsaid_retention_runs_total" ["pbx", "outcome"];
    /// Files that retention deleted.
    retention_files: IntCounterVec = "unsaid_retention_files_deleted_total" ["pbx"];
    /// CDR rows published by a source.
    source_rows_total: IntCounterVec = "unsaid_source_rows_total" ["pbx"];
    /// Failed reads of a source.
    source_errors_total: IntCounterVec = "unsaid_source_errors_total" ["pbx"];
    /// Seconds that a stage took for one message.
    stage_seconds: HistogramVec = "unsaid_stage_seconds" ["stage"] buckets STAGE_SECONDS;
    /// Messages by how the stage ended with them: done, retry, reject.
    stage_outcomes: IntCounterVec = "unsaid_stage_outcomes_total" ["stage", "outcome"];
    /// Messages that a stage works on now.
    in_flight: IntGaugeVec = "unsaid_in_flight_messages" ["stage"];
    /// Bytes of memory permitted to messages in flight.
    in_flight_bytes: IntGaugeVec = "unsaid_in_flight_bytes" ["stage"];
    /// Messages that wait for a permit or for their key.
    permits_waiting: IntGaugeVec = "unsaid_permits_waiting_messages" ["stage"];
    /// Messages given up, by reason.
    dead_letters: IntCounterVec = "unsaid_dead_letters_total" ["stage", "reason"];
    /// Recordings by how their redaction ended.
    redactions: IntCounterVec = "unsaid_redactions_total" ["status"];
    /// Spans silenced, by reason and detector.
    spans: IntCounterVec = "unsaid_spans_total" ["reason", "detector"];
    /// Seconds of audio silenced.
    muted_seconds: Counter = "unsaid_muted_seconds_total" [];
    /// Seconds of audio examined.
    audio_seconds: Counter = "unsaid_audio_seconds_total" [];
    /// Wall seconds spent on the audio examined; divided by the audio seconds, the real-time factor.
    audio_wall_seconds: Counter = "unsaid_audio_wall_seconds_total" [];
    /// Bytes read from and written to recordings, by PBX.
    recording_bytes: IntCounterVec = "unsaid_recording_bytes_total" ["pbx", "direction"];
    /// Failed operations on recordings, by PBX and kind.
    recording_errors: IntCounterVec = "unsaid_recording_errors_total" ["pbx", "kind"];
    /// Requests to speech and analysis engines by how they ended.
    engine_requests: IntCounterVec = "unsaid_engine_requests_total" ["engine", "outcome"];
    /// Seconds of recordings that speech engines heard.
    engine_heard_seconds: CounterVec = "unsaid_engine_heard_seconds_total" ["engine"];
    /// Seconds for which speech engines in this process decoded, without the wait for their turn.
    engine_seconds: CounterVec = "unsaid_engine_seconds_total" ["engine"];
    /// Seconds of audio that were sent to speech engines.
    engine_audio_seconds: CounterVec = "unsaid_engine_audio_seconds_total" ["engine"];
    /// What that cost by the price in the settings, in US dollars.
    engine_cost_dollars: CounterVec = "unsaid_engine_cost_dollars_total" ["engine"];
    /// Seconds that the API took, by route.
    api_seconds: HistogramVec = "unsaid_api_request_seconds" ["route", "status"] buckets HTTP_SECONDS;
}

impl Metrics {
    /// A fresh registry with the process's own measures beside ours.
    ///
    /// # Errors
    /// When two metrics clash; a test builds it, so never at run time.
    pub fn new() -> Result<Arc<Metrics>, prometheus::Error> {
        let registry = Registry::new();
        let process = prometheus::process_collector::ProcessCollector::for_self();
        registry.register(Box::new(process))?;
        let metrics = Metrics::build(registry)?;
        metrics.start_at_zero();
        Ok(Arc::new(metrics))
    }

    /// Known label values begin at 0, so that a rate over the first event is right.
    fn start_at_zero(&self) {
        for status in ["not_needed", "completed", "dry_run", "failed", "restored"] {
            self.redactions.with_label_values(&[status]);
        }
        for stage in ["register", "redact", "analyse", "retry"] {
            for outcome in ["done", "retry", "reject"] {
                self.stage_outcomes.with_label_values(&[stage, outcome]);
            }
            self.in_flight.with_label_values(&[stage]);
            self.in_flight_bytes.with_label_values(&[stage]);
            self.permits_waiting.with_label_values(&[stage]);
            self.dead_letters.with_label_values(&[stage, "panic"]);
        }
        for reason in crate::call::Reason::ALL {
            let detector = if reason == crate::call::Reason::Dtmf { "tones" } else { "words" };
            self.spans.with_label_values(&[reason.as_str(), detector]);
        }
    }

    /// The text that Prometheus scrapes.
    ///
    /// # Errors
    /// When encoding fails.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_registers_and_carries_its_unit() {
        let metrics = Metrics::new().expect("metrics");
        assert!(metrics.render().expect("text").contains("unsaid_redactions_total"));
        for (name, _) in Metrics::catalogue() {
            assert!(name.starts_with("unsaid_"), "{name}");
            let unit = ["_total", "_seconds", "_bytes", "_messages"].iter().any(|u| name.ends_with(u));
            assert!(unit, "{name} ends in no unit");
        }
    }
}
