//! The wiring: settings to a store, a bus, the PBXs, and the roles that work on them.

pub use super::role::Role;
use super::{CliError, Result};
use crate::analysis::Analyst;
use crate::analysis::openai::OpenAiAnalyst;
use crate::api::{self, ApiState};
use crate::bus::consumer::{Consumer, Limits, Stage};
use crate::bus::embedded::EmbeddedLog;
use crate::bus::kafka::KafkaBus;
use crate::bus::retry::RetryRelay;
use crate::bus::{Bus, BusError, Topics};
use crate::call::Reason;
use crate::config::pbx::{PbxConfig, SourceConfig};
use crate::config::{AnalysisKind, BusKind, Config, NerConfig, RedactConfig, SpeechKind, TonePolicy};
use crate::detect::{Entities, Lexicon, Ruleset, Rulesets};
use crate::job;
use crate::job::again;
use crate::job::leftovers::Leftovers;
use crate::job::originals::KeptOriginals;
use crate::job::retention::Retention;
use crate::message::Topic;
use crate::metrics::Metrics;
use crate::recordings;
use crate::recordings::unchanged::Unchanged;
use crate::source::freepbx::{CsvSource, Followed, Orphans, Swept, Trunks};
use crate::source::twilio::TwilioSource;
use crate::source::{CdrSource, Feeder};
use crate::speech::Transcriber;
use crate::speech::openai::OpenAiSpeech;
use crate::speech::sidecar::Sidecar;
use crate::stage::analyse::Analyse;
use crate::stage::pbx::{Circuit, Pbx, Pbxs};
use crate::stage::redact::{CallWords, Looks, Redact};
use crate::stage::register::Register;
use crate::store::Store;
use crate::vault::originals::Originals;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use unsaid_dsp::dtmf::Policy;

/// Everything that the roles share.
pub struct App {
    pub config: Config,
    pub store: Store,
    pub topics: Topics,
    pub pbxs: Pbxs,
    pub metrics: Arc<Metrics>,
    rules: Rulesets,
    analyst: Option<Arc<dyn Analyst>>,
}

/// The rules as the settings have them.
pub fn rules_of(config: &Config) -> Result<Ruleset> {
    let mut rules = rules_of_redact(&config.redact)?;
    rules.entities = open_entities(&config.redact.ner)?;
    Ok(rules)
}

fn rules_of_redact(redact: &RedactConfig) -> Result<Ruleset> {
    let more = redact.lexicons.iter().map(|path| read_lexicon(path)).collect::<Result<Vec<_>>>()?;
    let rules = Ruleset::speaking(more, redact.rules.clone());
    let mut rules = rules.map_err(|e| CliError::Usage(e.to_string()))?;
    rules.padding_of.insert(Reason::Dob, redact.padding_dob.as_secs_f64());
    rules.padding_of.extend(redact.padding_of.iter().map(|(r, p)| (*r, p.as_secs_f64())));
    rules.window_words = redact.window_words;
    rules.padding_s = redact.padding.as_secs_f64();
    rules.tones = match redact.tones {
        TonePolicy::Every => Policy::Every,
        TonePolicy::Runs => Policy::Runs { least: redact.tones_least },
        TonePolicy::Blanket => Policy::Blanket { after_s: redact.tones_blanket.as_secs_f64() },
    };
    Ok(rules)
}

fn read_lexicon(path: &Path) -> Result<Lexicon> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|e| CliError::Usage(format!("lexicon {name}: {e}")))?;
    let mut lexicon = Lexicon::parse(&text).map_err(|e| CliError::Usage(format!("lexicon {name}: {e}")))?;
    // An outcome's ruleset version tells one state of the operator's file from another.
    lexicon.version.push(':');
    lexicon.version.push_str(&hex::encode(&Sha256::digest(&text)[..4]));
    Ok(lexicon)
}

/// Every tenant's rules: what `redact.tenants` says differs from the rules of all.
fn rulesets_of(config: &Config) -> Result<Rulesets> {
    let of_all = rules_of(config)?;
    let mut own = HashMap::new();
    for (tenant, settings) in &config.redact.tenants {
        let mut rules = rules_of_redact(&settings.over(&config.redact))?;
        rules.entities = of_all.entities.clone();
        own.insert(tenant.clone(), Arc::new(rules));
    }
    Ok(Rulesets { of_all: Arc::new(of_all), own })
}

/// The store of the settings, its schema up to date.
pub async fn open_store(config: &Config) -> Result<Store> {
    let dir = &config.data.dir;
    let opened = if config.store.url.expose_secret() == "sqlite" {
        std::fs::create_dir_all(dir)
            .map_err(|e| CliError::Usage(format!("data.dir {} cannot be made: {e}", dir.display())))?;
        Store::open_sqlite(dir).await
    } else {
        Store::open_postgres(&config.store.url, config.store.max_connections).await
    };
    opened.map_err(|e| CliError::Service(e.to_string()))
}

impl App {
    /// Opens the store and the bus and creates the topics.
    ///
    /// # Errors
    /// Exit 4 when one of them cannot be had, 2 when a setting is wrong.
    pub async fn open(config: Config) -> Result<App> {
        let service = |e: BusError| CliError::Service(e.to_string());
        let store = open_store(&config).await?;
        let bus: Arc<dyn Bus> = match config.bus.kind {
            BusKind::Embedded => {
                std::fs::create_dir_all(&config.data.dir).map_err(|e| CliError::Usage(e.to_string()))?;
                let log = EmbeddedLog::open(&config.data.dir).await.map_err(service)?;
                // The log is this process's alone: no other redacts.
                store.end_leases_of_redactions().await.map_err(|e| CliError::Service(e.to_string()))?;
                Arc::new(log)
            }
            BusKind::Kafka => {
                Arc::new(KafkaBus::new(&config.bus.brokers, config.bus.replication).map_err(service)?)
            }
        };
        let topics = Topics::new(bus, &config.bus.topic_prefix);
        topics.ensure_all(config.bus.partitions).await.map_err(service)?;
        let speech = open_speech(&config)?;
        let pbxs: Result<Vec<Pbx>> =
            config.pbx.iter().map(|p| open_pbx(p, &config, speech.as_ref())).collect();
        let analyst = open_analyst(&config)?;
        let metrics = Metrics::new().map_err(|e| CliError::Failed(e.to_string()))?;
        let rules = rulesets_of(&config)?;
        Ok(App { store, topics, pbxs: Pbxs::new(pbxs?), metrics, rules, analyst, config })
    }

    /// Runs `roles` until `shutdown`, then drains them.
    ///
    /// # Errors
    /// When a role fails for good.
    pub async fn run(self, roles: &[Role], shutdown: CancellationToken) -> Result<()> {
        let has = |role| roles.contains(&role);
        let mut tasks: JoinSet<Result<()>> = JoinSet::new();
        if has(Role::Source) {
            for pbx in self.pbxs.iter() {
                let feeder = self.feeder(pbx);
                let shutdown = shutdown.clone();
                tasks.spawn(async move {
                    feeder.run(shutdown).await;
                    Ok(())
                });
            }
        }
        if has(Role::Register) {
            let (topics, store, pbxs) = (self.topics.clone(), self.store.clone(), self.pbxs.clone());
            // Small messages, many of which are registered together.
            let limits = Limits { messages: 2_048, backlog: 1_024, ..self.limits() };
            self.spawn(&mut tasks, Register::new(topics, store, pbxs), limits, &shutdown);
        }
        if has(Role::Redact) {
            if !self.config.redact.dry_run {
                let sent = again::send_dry_runs(&self.store, &self.topics).await;
                sent.map_err(|e| CliError::Service(e.to_string()))?;
            }
            self.spawn(&mut tasks, self.redact(), self.limits(), &shutdown);
            // Sleeping retries need no draining: what is dropped comes again.
            let waiting = Limits { messages: 4_096, backlog: 4_096, drain: Duration::ZERO, ..self.limits() };
            self.spawn(&mut tasks, RetryRelay::new(self.topics.clone()), waiting, &shutdown);
        }
        if let (true, Some(analyst)) = (has(Role::Analyse), self.analyst.clone()) {
            let (topics, store, metrics) = (self.topics.clone(), self.store.clone(), self.metrics.clone());
            self.spawn(&mut tasks, Analyse { topics, store, analyst, metrics }, self.limits(), &shutdown);
        }
        tasks.spawn(measure_lag(self.topics.clone(), self.metrics.clone(), shutdown.clone()));
        if has(Role::Jobs) {
            self.spawn_jobs(&mut tasks, &shutdown).await?;
        }
        if has(Role::Api) {
            let (state, listen) = (self.api_state(), self.config.api.listen);
            let shutdown = shutdown.clone();
            if let Some(listen) = self.config.api.hooks_listen {
                let (state, shutdown) = (state.clone(), shutdown.clone());
                tasks.spawn(async move { served(api::serve_hooks(state, listen, shutdown).await) });
            }
            tasks.spawn(async move { served(api::serve(state, listen, shutdown).await) });
        }
        join(tasks, &shutdown).await
    }

    async fn spawn_jobs(&self, tasks: &mut JoinSet<Result<()>>, shutdown: &CancellationToken) -> Result<()> {
        for pbx in self.pbxs.iter() {
            let (tenant, id) = (&pbx.config.tenant, &pbx.config.id);
            let leftovers = Leftovers {
                tenant: tenant.clone(),
                pbx: id.clone(),
                recordings: pbx.recordings.clone(),
                store: self.store.clone(),
                limit_bytes: self.config.limits.recording_mib << 20,
            };
            let stop = shutdown.clone();
            tasks.spawn(async move {
                leftovers.keep(stop).await;
                Ok(())
            });
            if let Some(originals) = pbx.originals.clone() {
                let (tenant, pbx, store) = (tenant.clone(), id.clone(), self.store.clone());
                let (kept, shutdown) = (KeptOriginals { tenant, pbx, originals, store }, shutdown.clone());
                tasks.spawn(async move {
                    kept.keep(shutdown).await;
                    Ok(())
                });
            }
            let shutdown = shutdown.clone();
            match Retention::of(&pbx.config, &pbx.recordings, &self.store, &self.metrics) {
                Some(retention) => {
                    tasks.spawn(async move {
                        job::keep_retention(retention, shutdown).await;
                        Ok(())
                    });
                }
                None => {
                    let forgotten = self.store.forget_retention(tenant, id).await;
                    forgotten.map_err(|e| CliError::Service(e.to_string()))?;
                }
            }
        }
        let (store, topics, stop) = (self.store.clone(), self.topics.clone(), shutdown.clone());
        tasks.spawn(async move {
            again::keep_sending(store, topics, stop).await;
            Ok(())
        });
        let days = self.config.data.keep_transcripts_days;
        if days > 0 {
            let tenants = self.config.pbx.iter().map(|p| p.tenant.clone()).collect();
            let (store, shutdown) = (self.store.clone(), shutdown.clone());
            tasks.spawn(async move {
                job::keep_transcripts(store, tenants, days, shutdown).await;
                Ok(())
            });
        }
        Ok(())
    }

    pub fn api_state(&self) -> ApiState {
        ApiState {
            store: self.store.clone(),
            pbxs: self.pbxs.clone(),
            metrics: self.metrics.clone(),
            unchanged: Unchanged::default(),
            tenant: crate::call::TenantId::default_tenant(),
        }
    }

    fn limits(&self) -> Limits {
        let l = &self.config.limits;
        Limits {
            messages: l.messages,
            bytes: l.memory_mib << 20,
            backlog: 256,
            attempts: l.attempts,
            retry_base: l.retry_base,
            retry_most: l.retry_most,
            rejects_per_minute: l.rejects_per_minute,
            drain: l.drain,
        }
    }

    fn redact(&self) -> Redact {
        Redact {
            topics: self.topics.clone(),
            store: self.store.clone(),
            pbxs: self.pbxs.clone(),
            rules: self.rules.clone(),
            settle: self.config.redact.settle,
            dry_run: self.config.redact.dry_run,
            limit_bytes: self.config.limits.recording_mib << 20,
            metrics: self.metrics.clone(),
            call_words: CallWords::default(),
            looks: Looks::default(),
        }
    }

    fn feeder(&self, pbx: &Pbx) -> Feeder {
        let (recordings, pbx) = (pbx.recordings.clone(), &pbx.config);
        let (since, days) = match &pbx.source {
            SourceConfig::Freepbx(c) => (c.since, self.swept_days(pbx)),
            // All of its history is read.
            SourceConfig::Csv(_) => (Some(chrono::NaiveDate::MIN), self.swept_days(pbx)),
            // What is kept there was put there by unsaid.
            SourceConfig::Twilio(_) => (None, 0),
        };
        let (tenant, id, zone) = (pbx.tenant.clone(), pbx.id.clone(), pbx.zone());
        let source: Box<dyn CdrSource> = match &pbx.source {
            SourceConfig::Freepbx(c) => Box::new(Followed::new(c.as_ref().clone())),
            SourceConfig::Csv(c) => Box::new(CsvSource::new(c.clone())),
            SourceConfig::Twilio(c) => Box::new(TwilioSource::new(c.as_ref().clone())),
        };
        Feeder {
            tenant: pbx.tenant.clone(),
            pbx: pbx.id.clone(),
            source,
            topics: self.topics.clone(),
            store: self.store.clone(),
            metrics: self.metrics.clone(),
            orphans: Orphans::new(recordings, Swept { tenant, pbx: id, zone, days, since }),
        }
    }

    /// Days of folders that are swept. None where another PBX's recordings lie among a PBX's own: a
    /// file that no row of the one names may be the other's.
    fn swept_days(&self, pbx: &PbxConfig) -> u32 {
        let is_other = |p: &&PbxConfig| (&p.tenant, &p.id) != (&pbx.tenant, &pbx.id);
        let other = self.config.pbx.iter().filter(is_other).find(|p| pbx.recordings.holds(&p.recordings));
        let Some(other) = other.filter(|_| pbx.sweep_folders_days > 0) else {
            return pbx.sweep_folders_days;
        };
        tracing::warn!(
            tenant = %pbx.tenant, pbx = %pbx.id, other = %other.id,
            "two PBXs share a folder of recordings: it is not swept, so a file that no CDR names is not redacted; give each a folder of its own"
        );
        0
    }

    fn spawn<S: Stage>(
        &self,
        tasks: &mut JoinSet<Result<()>>,
        stage: S,
        limits: Limits,
        shutdown: &CancellationToken,
    ) {
        let (topics, metrics) = (self.topics.clone(), self.metrics.clone());
        let consumer = Consumer { topics, stage: Arc::new(stage), limits, metrics };
        let shutdown = shutdown.clone();
        tasks
            .spawn(async move { consumer.run(shutdown).await.map_err(|e| CliError::Service(e.to_string())) });
    }
}

fn served(ended: std::result::Result<(), api::ServeError>) -> Result<()> {
    ended.map_err(|e| CliError::Service(e.to_string()))
}

/// The first role that fails stops the others, drained.
async fn join(mut tasks: JoinSet<Result<()>>, shutdown: &CancellationToken) -> Result<()> {
    let mut result = Ok(());
    while let Some(ended) = tasks.join_next().await {
        let ended = ended.unwrap_or_else(|e| Err(CliError::Failed(format!("a role stopped: {e}"))));
        if let (Err(error), Ok(())) = (ended, &result) {
            tracing::error!(%error, "a role failed, stopping");
            result = Err(error);
            shutdown.cancel();
        }
    }
    result
}

const LAG_EVERY: Duration = Duration::from_secs(15);

/// The groups' lag behind their topics, looked up now and then.
async fn measure_lag(topics: Topics, metrics: Arc<Metrics>, shutdown: CancellationToken) -> Result<()> {
    let groups = [
        (Topic::Cdr, "unsaid-register"),
        (Topic::Recordings, "unsaid-redact"),
        (Topic::Retries, "unsaid-retry"),
    ];
    loop {
        for (topic, group) in groups {
            match topics.bus().lag(&topics.name(topic), group).await {
                Ok(lags) => {
                    for (partition, lag) in lags {
                        let labels = [topic.name(), &partition.to_string()];
                        metrics.lag_messages.with_label_values(&labels).set(lag);
                    }
                }
                Err(error) => tracing::debug!(%error, "lag"),
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(LAG_EVERY) => {}
        }
    }
}

fn open_pbx(pbx: &PbxConfig, config: &Config, shared: Option<&Arc<dyn Transcriber>>) -> Result<Pbx> {
    let (recordings, player_cache) = recordings::open_beside(&pbx.recordings, pbx.player_cache.as_deref());
    let speech: Option<Arc<dyn Transcriber>> = match config.speech.kind {
        SpeechKind::Sidecar => Some(Arc::new(Sidecar::new(recordings.clone()))),
        _ => shared.cloned(),
    };
    let originals = pbx.originals.as_ref().map(|o| Originals::open(o, &config.data.dir)).transpose();
    Ok(Pbx {
        originals: originals.map_err(|e| CliError::Usage(format!("pbx {}: {e}", pbx.id)))?.map(Arc::new),
        config: pbx.clone(),
        recordings,
        player_cache,
        speech,
        trunks: Trunks::default(),
        circuit: Circuit::default(),
    })
}

/// The engine that all PBXs share, with its limits; a sidecar is each PBX's own.
fn open_speech(config: &Config) -> Result<Option<Arc<dyn Transcriber>>> {
    Ok(match config.speech.kind {
        SpeechKind::None | SpeechKind::Sidecar => None,
        SpeechKind::Whisper => Some(open_whisper(config)?),
        SpeechKind::Openai => {
            let engine = OpenAiSpeech::new(config.speech.clone());
            Some(Arc::new(engine.map_err(|e| CliError::Service(e.to_string()))?))
        }
    })
}

#[cfg(feature = "whisper")]
pub fn open_whisper(config: &Config) -> Result<Arc<dyn Transcriber>> {
    let engine = crate::speech::whisper::WhisperSpeech::load(&config.speech);
    Ok(Arc::new(engine.map_err(|e| CliError::Service(e.to_string()))?))
}

/// Said where the engine was left out of the build.
#[cfg(not(feature = "whisper"))]
pub const WITHOUT_WHISPER: &str = "this unsaid was built without whisper: build it with \
`cargo build --release` (needs cmake)";

#[cfg(not(feature = "whisper"))]
pub fn open_whisper(_: &Config) -> Result<Arc<dyn Transcriber>> {
    Err(CliError::Usage(format!("speech.kind is \"whisper\", but {WITHOUT_WHISPER}")))
}

/// The model of `[redact.ner]`, where one is named.
#[cfg(feature = "ner")]
fn open_entities(ner: &NerConfig) -> Result<Option<Arc<dyn Entities>>> {
    if !ner.is_on() {
        return Ok(None);
    }
    let model = crate::ner::OnnxEntities::load(ner).map_err(|e| CliError::Service(e.to_string()))?;
    Ok(Some(Arc::new(model)))
}

#[cfg(not(feature = "ner"))]
fn open_entities(ner: &NerConfig) -> Result<Option<Arc<dyn Entities>>> {
    if ner.is_on() {
        return Err(CliError::Usage(
            "redact.ner.model_dir names a model, but this unsaid was built without ner: build it with \
             `cargo build --release --features ner`"
                .to_owned(),
        ));
    }
    Ok(None)
}

fn open_analyst(config: &Config) -> Result<Option<Arc<dyn Analyst>>> {
    Ok(match config.analysis.kind {
        AnalysisKind::None => None,
        AnalysisKind::Openai => {
            let engine = OpenAiAnalyst::new(&config.analysis);
            Some(Arc::new(engine.map_err(|e| CliError::Service(e.to_string()))?))
        }
    })
}
