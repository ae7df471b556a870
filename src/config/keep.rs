//! Where files of our own are kept: a folder, or a bucket of an S3-compatible store.

use secrecy::SecretString;
use serde::Deserialize;
use std::path::PathBuf;

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum KeepConfig {
    Local(KeepFolder),
    S3(KeepBucket),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepFolder {
    pub dir: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepBucket {
    pub bucket: String,
    /// Before every name; empty: none.
    #[serde(default)]
    pub prefix: String,
    #[serde(default = "us_east")]
    pub region: String,
    /// Of a store that is not Amazon's; empty: Amazon's.
    #[serde(default)]
    pub endpoint: String,
    pub access_key_id: String,
    pub secret_access_key: SecretString,
}

/// Originals are kept, sealed to public keys whose private halves are elsewhere.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OriginalsConfig {
    /// age public keys, `age1…`; whoever has a private key to one of them can open the originals.
    pub recipients: Vec<String>,
    /// Days after which a sealed original is deleted.
    pub keep_days: u32,
    /// Absent: the folder `originals` in data.dir.
    #[serde(default)]
    pub keep: Option<KeepConfig>,
}

fn us_east() -> String {
    "us-east-1".to_owned()
}
