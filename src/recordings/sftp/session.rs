//! The SSH session of a server: its pinned host key, its algorithms, its SFTP channel.

use super::auth::sign_in;
use super::{PIPELINE, of_sftp};
use crate::config::pbx::SftpConfig;
use crate::recordings::{RecordingsError, Result};
use russh::client::{self, Handle};
use russh::keys::{HashAlg, PublicKeyOrCertificate};
use russh_sftp::client::{Config as SessionConfig, RawSftpSession};
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// An SFTP channel on a connection of its own.
pub(super) struct Link {
    pub ssh: Handle<PinnedHost>,
    pub sftp: RawSftpSession,
}

/// Accepts the pinned host key alone, and remembers what it saw.
pub(super) struct PinnedHost {
    pinned: String,
    seen: Arc<Mutex<Option<String>>>,
}

impl client::Handler for PinnedHost {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> std::result::Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else { return Ok(false) };
        let seen = key.fingerprint(HashAlg::Sha256).to_string();
        let matches = seen == self.pinned;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        Ok(matches)
    }
}

/// Signs in and opens the channel.
pub(super) async fn connect(config: &SftpConfig) -> Result<Link> {
    let seen = Arc::new(Mutex::new(None));
    let pinned = config.host_key.clone();
    let handler = PinnedHost { pinned: pinned.clone(), seen: seen.clone() };
    let address = (config.host.as_str(), config.port);
    let connected = client::connect(Arc::new(ssh_config(config)), address, handler).await;
    let mut ssh =
        connected.map_err(|error| match seen.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(seen) if seen != pinned => RecordingsError::HostKeyChanged { seen, pinned },
            _ => RecordingsError::Unreachable(error.to_string()),
        })?;
    sign_in(&mut ssh, config).await?;
    let channel = ssh.channel_open_session().await.map_err(|e| of_ssh(&e))?;
    channel.request_subsystem(true, "sftp").await.map_err(|e| of_ssh(&e))?;
    let session = SessionConfig {
        max_concurrent_reads: PIPELINE,
        max_concurrent_writes: PIPELINE,
        request_timeout_secs: config.timeout.as_secs().max(1),
        ..SessionConfig::default()
    };
    let sftp = RawSftpSession::new_with_config(channel.into_stream(), session);
    sftp.init().await.map_err(|e| of_sftp(&e))?;
    Ok(Link { ssh, sftp })
}

fn ssh_config(config: &SftpConfig) -> client::Config {
    use russh::cipher::{AES_128_CTR, AES_128_GCM, AES_192_CTR, AES_256_CTR, AES_256_GCM, CHACHA20_POLY1305};
    use russh::kex::{ECDH_SHA2_NISTP256, ECDH_SHA2_NISTP384, ECDH_SHA2_NISTP521};
    let ciphers = [AES_256_GCM, AES_128_GCM, CHACHA20_POLY1305, AES_256_CTR, AES_192_CTR, AES_128_CTR];
    let mut preferred = russh::Preferred::default();
    // A server by FIPS 140 has no Curve25519.
    preferred.kex.to_mut().extend([ECDH_SHA2_NISTP256, ECDH_SHA2_NISTP384, ECDH_SHA2_NISTP521]);
    preferred.cipher = Cow::Owned(ciphers.to_vec());
    client::Config {
        window_size: 32 << 20,
        maximum_packet_size: 65_535,
        nodelay: true,
        keepalive_interval: Some((config.timeout / 4).max(Duration::from_secs(5))),
        keepalive_max: 3,
        preferred,
        ..client::Config::default()
    }
}

pub(super) fn of_ssh(error: &russh::Error) -> RecordingsError {
    match error {
        russh::Error::IO(e) if e.kind() == std::io::ErrorKind::TimedOut => RecordingsError::TimedOut,
        russh::Error::ConnectionTimeout | russh::Error::KeepaliveTimeout => RecordingsError::TimedOut,
        russh::Error::Disconnect | russh::Error::HUP | russh::Error::SendError => RecordingsError::BrokenOff,
        other => RecordingsError::Unreachable(other.to_string()),
    }
}
