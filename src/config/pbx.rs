//! One PBX: where its CDRs come from and where its recordings lie.

use super::ConfigError;
use super::keep::OriginalsConfig;
use super::twilio::{TwilioConfig, TwilioRecordingsConfig};
use crate::call::Zone;
use crate::call::{PbxId, TenantId};
use chrono::{NaiveDate, NaiveTime};
use secrecy::SecretString;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PbxConfig {
    #[serde(default = "default_tenant")]
    pub tenant: TenantId,
    pub id: PbxId,
    /// IANA name of the time zone of the PBX's clock.
    #[serde(default = "utc")]
    pub timezone: String,
    #[serde(default)]
    pub trunks: Vec<String>,
    pub source: SourceConfig,
    pub recordings: RecordingsConfig,
    #[serde(default)]
    pub write_back: WriteBack,
    /// Absent: recordings are kept.
    #[serde(default)]
    pub retention: Option<RetentionConfig>,
    /// Days of folders in which recordings are looked for that no CDR names; 0: none.
    #[serde(default = "three")]
    pub sweep_folders_days: u32,
    /// FreePBX's AMPPLAYBACK, where the recordings lie.
    #[serde(default)]
    pub player_cache: Option<String>,
    /// Channels of `.raw` and other headerless recordings; absent: a `.raw` file is listened to.
    #[serde(default)]
    pub raw_channels: Option<u16>,
    /// Absent: no original is kept.
    #[serde(default)]
    pub originals: Option<OriginalsConfig>,
}

/// When recordings are deleted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionConfig {
    /// Calendar days that are kept, today among them.
    pub days: u32,
    /// Daily, `HH:MM` by the clock in `timezone`.
    #[serde(deserialize_with = "hours_and_minutes")]
    pub at: NaiveTime,
    /// IANA name; the PBX's where it is absent.
    #[serde(default)]
    pub timezone: Option<String>,
}

fn hours_and_minutes<'de, D: serde::Deserializer<'de>>(from: D) -> Result<NaiveTime, D::Error> {
    let text = String::deserialize(from)?;
    NaiveTime::parse_from_str(&text, "%H:%M")
        .map_err(|_| serde::de::Error::custom("a time is HH:MM, such as 03:30"))
}

/// How a redacted recording comes to where it lay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteBack {
    /// The muted bytes alone are overwritten; formats whose length changes (FLAC) are replaced.
    #[default]
    InPlace,
    /// Always a whole new file beside it, renamed over it.
    Replace,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SourceConfig {
    Freepbx(Box<FreepbxConfig>),
    Csv(CsvConfig),
    Twilio(Box<TwilioConfig>),
}

/// How far the connection to MariaDB must be protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    Off,
    /// TLS where the server offers it.
    #[default]
    Preferred,
    /// TLS, whatever the certificate.
    Required,
    /// TLS, with a certificate of `ca_file` for this host.
    VerifyCa,
}

/// By what calls are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Follow {
    /// By CEL where the PBX keeps it, else by date.
    #[default]
    Auto,
    Cel,
    Calldate,
    /// By the server's binary log, as rows are written; by the others where that cannot be had.
    Binlog,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreepbxConfig {
    pub host: String,
    #[serde(default = "mysql_port")]
    pub port: u16,
    pub user: String,
    #[serde(default)]
    pub password: SecretString,
    #[serde(default = "cdr_database")]
    pub database: String,
    #[serde(default = "cdr_table")]
    pub table: String,
    /// The column that names the recording; empty: `recordingfile`, else what others call it.
    #[serde(default)]
    pub recording_column: String,
    #[serde(default)]
    pub follow: Follow,
    #[serde(default = "cel_table")]
    pub cel_table: String,
    /// FreePBX's own, where its trunks stand; the user may read `trunks` there, or trunks are named in the settings.
    #[serde(default = "settings_database")]
    pub settings_database: String,
    /// After a call's end by CEL, until its CDRs are written.
    #[serde(default = "half_a_minute", with = "humantime_serde")]
    pub grace: Duration,
    /// Days of CDRs that are read again at the start and once a day, for what CEL missed.
    #[serde(default = "three")]
    pub sweep_days: u32,
    #[serde(default)]
    pub tls: TlsMode,
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    #[serde(default = "ten_minutes", with = "humantime_serde")]
    pub interval: Duration,
    #[serde(default = "six_hours", with = "humantime_serde")]
    pub overlap: Duration,
    /// Calls from this day on are read at first; without it, from the first start on.
    #[serde(default)]
    pub since: Option<NaiveDate>,
    #[serde(default = "half_a_minute", with = "humantime_serde")]
    pub statement_timeout: Duration,
    #[serde(default = "two")]
    pub max_connections: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvConfig {
    /// Asterisk's `Master.csv`, or a table with a header line of cdr columns.
    pub path: PathBuf,
    #[serde(default = "two_seconds", with = "humantime_serde")]
    pub interval: Duration,
    /// The column that names the recording; empty: `recordingfile`, else what others call it.
    #[serde(default)]
    pub recording_column: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RecordingsConfig {
    Local(LocalConfig),
    Sftp(SftpConfig),
    /// At Twilio, and redacted copies in a place of our own; the account is that of `[pbx.source]`.
    Twilio(TwilioRecordingsConfig),
}

impl RecordingsConfig {
    /// One of the two folders is the other, or lies in it, on the same machine.
    pub fn shares(&self, other: &RecordingsConfig) -> bool {
        self.holds(other) || other.holds(self)
    }

    /// The other's folder is this one, or lies in it.
    pub fn holds(&self, other: &RecordingsConfig) -> bool {
        match (self, other) {
            (RecordingsConfig::Local(a), RecordingsConfig::Local(b)) => b.base.starts_with(&a.base),
            (RecordingsConfig::Sftp(a), RecordingsConfig::Sftp(b)) => {
                let is_same_server = (&a.host, a.port) == (&b.host, b.port);
                is_same_server && Path::new(&b.base).starts_with(&a.base)
            }
            _ => false,
        }
    }

    /// The same machine and user, another folder.
    pub fn at(&self, base: &str) -> RecordingsConfig {
        match self {
            RecordingsConfig::Local(_) => RecordingsConfig::Local(LocalConfig { base: base.into() }),
            RecordingsConfig::Sftp(sftp) => {
                RecordingsConfig::Sftp(SftpConfig { base: base.to_owned(), ..sftp.clone() })
            }
            RecordingsConfig::Twilio(_) => self.clone(),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalConfig {
    pub base: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SftpConfig {
    pub host: String,
    #[serde(default = "ssh_port")]
    pub port: u16,
    pub user: String,
    #[serde(default)]
    pub password: SecretString,
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    #[serde(default)]
    pub key_passphrase: SecretString,
    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    #[serde(default)]
    pub host_key: String,
    pub base: String,
    #[serde(default = "one_minute", with = "humantime_serde")]
    pub timeout: Duration,
    /// The user may run commands there: folders are counted by `find`.
    #[serde(default)]
    pub shell: bool,
}

impl PbxConfig {
    /// The PBX's time zone; checked at start.
    pub fn zone(&self) -> Zone {
        Zone::parse(&self.timezone).unwrap_or(Zone::UTC)
    }

    /// The base path as `recordingfile` may spell it.
    pub fn base(&self) -> String {
        match &self.recordings {
            RecordingsConfig::Local(local) => local.base.to_string_lossy().into_owned(),
            RecordingsConfig::Sftp(sftp) => sftp.base.clone(),
            RecordingsConfig::Twilio(_) => "twilio".to_owned(),
        }
    }

    /// Recordings at Twilio are asked for with the account that calls are read with.
    pub(super) fn share_account(&mut self) {
        if let (SourceConfig::Twilio(account), RecordingsConfig::Twilio(kept)) =
            (&self.source, &mut self.recordings)
        {
            kept.account = Some(account.clone());
        }
    }

    fn check_twilio(&self) -> Result<(), ConfigError> {
        let limit = |key, value: &str, limit| Err(ConfigError::Limit { key, value: value.to_owned(), limit });
        match (&self.source, &self.recordings) {
            (SourceConfig::Twilio(account), RecordingsConfig::Twilio(_)) => {
                let sid = &account.account_sid;
                let is_sid = sid.len() == 34
                    && sid.starts_with("AC")
                    && sid.bytes().all(|b| b.is_ascii_alphanumeric());
                if !is_sid {
                    return limit("pbx.source.account_sid", sid, "it must be AC and 32 digits or letters");
                }
                if Zone::parse(&self.timezone) != Some(Zone::UTC) {
                    return limit("pbx.timezone", &self.timezone, "Twilio's times are UTC");
                }
                if self.write_back == WriteBack::Replace {
                    return limit("pbx.write_back", "replace", "a recording at Twilio cannot be replaced");
                }
                Ok(())
            }
            (SourceConfig::Twilio(_), _) | (_, RecordingsConfig::Twilio(_)) => {
                limit("pbx.recordings.kind", "twilio", "source and recordings must both be twilio")
            }
            _ => Ok(()),
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let limit = |key, value: &str, limit| Err(ConfigError::Limit { key, value: value.to_owned(), limit });
        if Zone::parse(&self.timezone).is_none() {
            return limit("pbx.timezone", &self.timezone, "it must be an IANA name such as America/New_York");
        }
        if let Some(r) = &self.retention {
            if !(1..=36_500).contains(&r.days) {
                return limit("pbx.retention.days", &r.days.to_string(), "it must be 1 to 36500");
            }
            if let Some(zone) = r.timezone.as_deref().filter(|t| Zone::parse(t).is_none()) {
                return limit(
                    "pbx.retention.timezone",
                    zone,
                    "it must be an IANA name such as America/New_York",
                );
            }
        }
        if let Some(o) = self.originals.as_ref().filter(|o| !(1..=36_500).contains(&o.keep_days)) {
            return limit("pbx.originals.keep_days", &o.keep_days.to_string(), "it must be 1 to 36500");
        }
        self.check_twilio()?;
        if let SourceConfig::Freepbx(f) = &self.source {
            let plain = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !plain(&f.table) {
                return limit("pbx.source.table", &f.table, "it must be letters, digits and '_'");
            }
            if !plain(&f.cel_table) {
                return limit("pbx.source.cel_table", &f.cel_table, "it must be letters, digits and '_'");
            }
            if !plain(&f.settings_database) {
                let value = &f.settings_database;
                return limit("pbx.source.settings_database", value, "it must be letters, digits and '_'");
            }
            if f.sweep_days > 366 {
                return limit("pbx.source.sweep_days", &f.sweep_days.to_string(), "it must be 366 or less");
            }
            if f.tls == TlsMode::VerifyCa && f.ca_file.is_none() {
                return limit("pbx.source.tls", "verify-ca", "that needs pbx.source.ca_file");
            }
        }
        if let RecordingsConfig::Sftp(s) = &self.recordings
            && !s.host_key.starts_with("SHA256:")
        {
            return limit(
                "pbx.recordings.host_key",
                &s.host_key,
                "it must be the server's fingerprint SHA256:…, as `ssh-keyscan HOST | ssh-keygen -lf -` prints it",
            );
        }
        Ok(())
    }
}

/// What no two PBXs may have in common: their name within a tenant, by which all that is known is kept;
/// and a folder of recordings out of which one deletes.
pub(super) fn check_together(all: &[PbxConfig]) -> Result<(), ConfigError> {
    for (n, pbx) in all.iter().enumerate() {
        for other in &all[..n] {
            if (&other.tenant, &other.id) == (&pbx.tenant, &pbx.id) {
                return Err(ConfigError::Limit {
                    key: "pbx.id",
                    value: format!("{} twice in tenant {}", pbx.id, pbx.tenant),
                    limit: "each PBX of a tenant needs an id of its own",
                });
            }
            if pbx.recordings.shares(&other.recordings)
                && (pbx.retention.is_some() || other.retention.is_some())
            {
                return Err(ConfigError::Limit {
                    key: "pbx.retention",
                    value: format!(
                        "set where PBX {} of {} and PBX {} of {} share a folder of recordings",
                        other.id, other.tenant, pbx.id, pbx.tenant
                    ),
                    limit: "it would delete the other's; leave it out, or give each a folder of its own",
                });
            }
        }
    }
    Ok(())
}

fn default_tenant() -> TenantId {
    TenantId::default_tenant()
}
fn utc() -> String {
    "UTC".to_owned()
}
fn mysql_port() -> u16 {
    3306
}
fn ssh_port() -> u16 {
    22
}
fn cdr_database() -> String {
    "asteriskcdrdb".to_owned()
}
fn cdr_table() -> String {
    "cdr".to_owned()
}
fn cel_table() -> String {
    "cel".to_owned()
}
fn settings_database() -> String {
    "asterisk".to_owned()
}
fn three() -> u32 {
    3
}
fn two() -> usize {
    2
}
fn two_seconds() -> Duration {
    Duration::from_secs(2)
}
fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}
fn one_minute() -> Duration {
    Duration::from_secs(60)
}
fn ten_minutes() -> Duration {
    Duration::from_secs(600)
}
fn six_hours() -> Duration {
    Duration::from_secs(6 * 3_600)
}
