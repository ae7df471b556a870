//! Settings: the commented defaults compiled in, a file, the environment; one
//! struct a subsystem, limits checked at start.

pub mod keep;
pub mod pbx;
pub mod twilio;

use crate::call::{Reason, TenantId};
use crate::detect::Settings;
use crate::telemetry::LogFormat;
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use pbx::PbxConfig;
use secrecy::SecretString;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file that documents every key and gives its default.
pub const DEFAULTS: &str = include_str!("../../unsaid.default.toml");

/// A setting that cannot be: one sentence with its key and its limit.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the settings cannot be read: {0}")]
    Read(Box<figment::Error>),
    #[error("{key} is {value}, but {limit}")]
    Limit { key: &'static str, value: String, limit: &'static str },
}

/// All settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub log: String,
    pub log_format: LogFormat,
    pub data: DataConfig,
    pub store: StoreConfig,
    pub bus: BusConfig,
    pub limits: LimitsConfig,
    pub api: ApiConfig,
    pub redact: RedactConfig,
    pub speech: SpeechConfig,
    pub analysis: AnalysisConfig,
    #[serde(default)]
    pub pbx: Vec<PbxConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    pub dir: PathBuf,
    /// 0 keeps them.
    pub keep_transcripts_days: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// Holds a password.
    pub url: SecretString,
    pub max_connections: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BusKind {
    Embedded,
    Kafka,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusConfig {
    pub kind: BusKind,
    pub brokers: String,
    pub topic_prefix: String,
    pub partitions: i32,
    pub replication: i32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    pub messages: usize,
    pub memory_mib: u64,
    pub recording_mib: u64,
    pub attempts: u32,
    #[serde(with = "humantime_serde")]
    pub retry_base: Duration,
    #[serde(with = "humantime_serde")]
    pub retry_most: Duration,
    pub rejects_per_minute: usize,
    #[serde(with = "humantime_serde")]
    pub drain: Duration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiConfig {
    pub listen: SocketAddr,
    /// For what PBXs on other machines call by themselves, and nothing else.
    #[serde(default)]
    pub hooks_listen: Option<SocketAddr>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedactConfig {
    /// Everything but the write.
    #[serde(default)]
    pub dry_run: bool,
    #[serde(with = "humantime_serde")]
    pub settle: Duration,
    #[serde(with = "humantime_serde")]
    pub padding: Duration,
    #[serde(with = "humantime_serde")]
    pub padding_dob: Duration,
    pub tones: TonePolicy,
    pub tones_least: usize,
    #[serde(with = "humantime_serde")]
    pub tones_blanket: Duration,
    pub window_words: usize,
    /// Where it differs from `padding`.
    #[serde(default)]
    pub padding_of: BTreeMap<Reason, Padding>,
    /// Languages besides those that are compiled in, or instead of them: files as docs/detection.md tells.
    #[serde(default)]
    pub lexicons: Vec<PathBuf>,
    pub rules: Settings,
    pub ner: NerConfig,
    /// What differs for one tenant.
    #[serde(default)]
    pub tenants: BTreeMap<TenantId, TenantRedactConfig>,
}

/// A named-entity model as a second detector; needs a build with the feature `ner`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NerConfig {
    /// Holds `model.onnx`, `tokenizer.json`, `config.json`; empty is off.
    pub model_dir: PathBuf,
    /// Lower-case hex; empty is not checked.
    pub model_sha256: String,
    /// ONNX Runtime's libonnxruntime.so; empty is the system's.
    pub runtime: PathBuf,
    /// Probability from which an entity counts.
    pub least: f32,
    pub threads: usize,
    /// What the model's labels mean, where it is not known.
    #[serde(default)]
    pub labels: BTreeMap<String, Reason>,
}

impl NerConfig {
    pub fn is_on(&self) -> bool {
        !self.model_dir.as_os_str().is_empty()
    }
}

/// What of `[redact]` differs for one tenant; `rules` replaces the whole of
/// `[redact.rules]`, so that a tenant's rules can be read in one place.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TenantRedactConfig {
    pub padding: Option<Padding>,
    pub padding_of: BTreeMap<Reason, Padding>,
    pub window_words: Option<usize>,
    pub rules: Option<Settings>,
}

impl TenantRedactConfig {
    /// The settings of all with this tenant's over them.
    pub fn over(&self, all: &RedactConfig) -> RedactConfig {
        let mut own = all.clone();
        own.padding = self.padding.map_or(own.padding, |p| p.0);
        own.padding_of.extend(&self.padding_of);
        own.window_words = self.window_words.unwrap_or(own.window_words);
        own.rules = self.rules.clone().unwrap_or(own.rules);
        own
    }
}

/// A time such as "500ms".
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Padding(#[serde(with = "humantime_serde")] Duration);

impl Padding {
    pub fn as_secs_f64(self) -> f64 {
        self.0.as_secs_f64()
    }
}

/// Which keyed tones are silenced; see [`unsaid_dsp::dtmf::Policy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TonePolicy {
    Every,
    Runs,
    Blanket,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpeechKind {
    None,
    Sidecar,
    Openai,
    /// In this process; needs a build with the feature `whisper`.
    Whisper,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpeechConfig {
    pub kind: SpeechKind,
    pub base_url: String,
    pub api_key: SecretString,
    pub model: String,
    pub language: String,
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    pub upload_mib: u64,
    pub upload: Upload,
    /// What follows `base_url`.
    pub path: String,
    pub auth: SpeechAuth,
    /// Azure's; empty elsewhere.
    pub api_version: String,
    pub attempts: u32,
    /// Requests at once.
    pub concurrency: usize,
    /// Requests a minute and tenant; 0 is without a limit.
    pub requests_per_minute: u32,
    /// US dollars a minute of audio, for the measure of cost.
    pub price_per_minute: f64,
    /// Whisper's: a ggml file.
    pub model_path: PathBuf,
    /// Lower-case hex; empty is not checked.
    pub model_sha256: String,
    /// Threads of one decode; fewer than there are cores.
    pub threads: usize,
}

/// How audio is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Upload {
    Flac,
    Wav,
}

/// How a speech server knows us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpeechAuth {
    Bearer,
    /// Azure's header `api-key`.
    ApiKey,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnalysisKind {
    None,
    Openai,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnalysisConfig {
    pub kind: AnalysisKind,
    pub base_url: String,
    pub api_key: SecretString,
    pub model: String,
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl Config {
    /// Defaults, then `file` where given, then `UNSAID_SECTION__KEY` of the environment.
    ///
    /// # Errors
    /// [`ConfigError`] naming the key.
    pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
        let mut figment = Figment::from(Toml::string(DEFAULTS));
        if let Some(file) = file {
            figment = figment.merge(Toml::file_exact(file));
        }
        Self::from_figment(figment.merge(Env::prefixed("UNSAID_").split("__")))
    }

    /// Defaults and the TOML text `over` alone.
    ///
    /// # Errors
    /// [`ConfigError`] naming the key.
    pub fn from_text(over: &str) -> Result<Config, ConfigError> {
        Self::from_figment(Figment::from(Toml::string(DEFAULTS)).merge(Toml::string(over)))
    }

    fn from_figment(figment: Figment) -> Result<Config, ConfigError> {
        let mut config: Config = figment.extract().map_err(|e| ConfigError::Read(Box::new(e)))?;
        config.pbx.iter_mut().for_each(PbxConfig::share_account);
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let limit = |ok: bool, key, value: String, limit| {
            if ok { Ok(()) } else { Err(ConfigError::Limit { key, value, limit }) }
        };
        let l = &self.limits;
        limit(
            (1..=1024).contains(&l.messages),
            "limits.messages",
            l.messages.to_string(),
            "it must be 1 to 1024",
        )?;
        limit(
            (16..=1 << 20).contains(&l.memory_mib),
            "limits.memory_mib",
            l.memory_mib.to_string(),
            "it must be 16 to 1048576",
        )?;
        limit(
            (1..=l.memory_mib).contains(&l.recording_mib),
            "limits.recording_mib",
            l.recording_mib.to_string(),
            "it must be 1 to limits.memory_mib",
        )?;
        limit(
            l.drain < Duration::from_secs(45),
            "limits.drain",
            format!("{:?}", l.drain),
            "it must be shorter than Kafka's session timeout of 45 s",
        )?;
        limit(
            (1..=1024).contains(&self.bus.partitions),
            "bus.partitions",
            self.bus.partitions.to_string(),
            "it must be 1 to 1024",
        )?;
        limit(
            self.api.listen.ip().is_loopback(),
            "api.listen",
            self.api.listen.to_string(),
            "without a sign-in the API may listen on a loopback address only, such as 127.0.0.1:8080",
        )?;
        limit(
            (1..=100).contains(&self.redact.window_words),
            "redact.window_words",
            self.redact.window_words.to_string(),
            "it must be 1 to 100",
        )?;
        for (tenant, own) in &self.redact.tenants {
            limit(
                own.window_words.is_none_or(|w| (1..=100).contains(&w)),
                "redact.tenants.NAME.window_words",
                format!("{:?} for {tenant}", own.window_words.unwrap_or_default()),
                "it must be 1 to 100",
            )?;
        }
        let textual = self.speech.model.starts_with("gpt-");
        limit(
            self.speech.kind != SpeechKind::Openai || !textual,
            "speech.model",
            self.speech.model.clone(),
            "it gives no word times; use whisper-1 or another model with verbose_json",
        )?;
        for pbx in &self.pbx {
            pbx.check()?;
        }
        pbx::check_together(&self.pbx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_is_complete() {
        let config = Config::from_text("").expect("defaults");
        assert_eq!(config.bus.kind, BusKind::Embedded);
        assert!(config.pbx.is_empty());
    }

    #[test]
    fn a_wrong_setting_is_one_sentence_that_names_its_key() {
        for (text, key) in [
            ("[api]\nlisten = \"0.0.0.0:8080\"", "api.listen"),
            ("[limits]\nmessages = 0", "limits.messages"),
            ("[limits]\ndrain = \"2m\"", "limits.drain"),
            ("[bus]\nkind = \"rabbit\"", "bus.kind"),
            ("[bus]\nbroker = \"x\"", "broker"),
            ("[speech]\nkind = \"openai\"\nmodel = \"gpt-4o-transcribe\"", "speech.model"),
        ] {
            let error = Config::from_text(text).expect_err(text).to_string();
            assert!(error.contains(key), "{error}");
        }
    }

    fn office(tenant: &str, id: &str, base: &str, more: &str) -> String {
        format!(
            "[[pbx]]\ntenant = \"{tenant}\"\nid = \"{id}\"\n[pbx.source]\nkind = \"csv\"\npath = \"/x\"\n\
             [pbx.recordings]\nkind = \"local\"\nbase = \"{base}\"\n{more}\n"
        )
    }

    #[test]
    fn two_pbxs_of_a_tenant_with_one_id_are_refused_in_a_sentence_and_those_of_two_tenants_are_not() {
        let of = |first: &str, second: &str| {
            Config::from_text(&(office(first, "office", "/a", "") + &office(second, "office", "/b", "")))
        };
        let error = of("acme", "acme").expect_err("one id twice").to_string();
        assert_eq!(
            error,
            "pbx.id is office twice in tenant acme, but each PBX of a tenant needs an id of its own"
        );
        assert_eq!(of("acme", "other").expect("two tenants").pbx.len(), 2);
    }

    #[test]
    fn retention_is_refused_where_a_folder_is_shared_with_another_pbx() {
        let of = |base: &str, retention: &str| {
            Config::from_text(
                &(office("acme", "one", "/spool/monitor", "") + &office("acme", "two", base, retention)),
            )
        };
        let retention = "[pbx.retention]\ndays = 30\nat = \"03:30\"";
        for shared in ["/spool/monitor", "/spool/monitor/", "/spool/monitor/two", "/spool"] {
            assert!(of(shared, "").is_ok(), "{shared}");
            let error = of(shared, retention).expect_err(shared).to_string();
            assert!(error.contains("PBX one of acme") && error.contains("PBX two of acme"), "{error}");
        }
        assert!(of("/spool/monitor-2", retention).is_ok());
    }

    #[test]
    fn a_tenants_rules_stand_over_those_of_all() {
        let config = Config::from_text(
            "[redact]\npadding = \"400ms\"\n[redact.tenants.acme]\nwindow_words = 20\nrules.categories = [\"phone\"]\n",
        )
        .expect("settings");
        let acme = config.redact.tenants.values().next().expect("a tenant").over(&config.redact);
        assert_eq!((acme.window_words, acme.padding), (20, Duration::from_millis(400)));
        assert_eq!(acme.rules.categories, [Reason::Phone]);
        assert_eq!(config.redact.window_words, 15);
        let wide = Config::from_text("[redact.tenants.acme]\nwindow_words = 1000\n");
        assert!(wide.expect_err("a limit").to_string().contains("acme"));
    }

    #[test]
    fn settings_print_without_their_secrets() {
        let config = Config::from_text(
            "[store]\nurl = \"postgres://u:hunter2@h/d\"\n[speech]\napi_key = \"sk-hunter2\"",
        );
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
