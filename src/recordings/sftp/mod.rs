//! Recordings over SFTP (draft-ietf-secsh-filexfer-02, as OpenSSH speaks it),
//! by russh. One pooled connection a PBX; reads and writes are pipelined; the
//! server's host key is pinned; every path is resolved by the server and must
//! lie below the base.

mod auth;
mod files;
mod legacy_key;
mod session;
mod shell;

use super::{Entry, Recordings, RecordingsError, Result, Stat};
use crate::call::RecordingPath;
use crate::config::pbx::SftpConfig;
use async_trait::async_trait;
use files::Connection;
use russh::Disconnect;
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::protocol::{FileAttributes, StatusCode};
use session::{Link, connect};
use std::sync::Arc;
use std::time::Duration;

/// Requests on their way at once; at 80 ms of round trip still 100 MiB/s.
const PIPELINE: usize = 64;
/// OpenSSH answers reads of up to 256 KiB; 32 KiB is what every server takes.
const CHUNK: u64 = 32 << 10;

/// A server that does not let in by then does not at all: others' calls wait meanwhile.
const SIGN_IN: Duration = Duration::from_secs(20);

/// A base folder on an SFTP server.
pub struct SftpRecordings {
    config: SftpConfig,
    connection: tokio::sync::Mutex<Option<Arc<Connection>>>,
    link: Shared,
}

/// The one session with a server, which several base folders share.
type Shared = Arc<tokio::sync::Mutex<Option<Arc<Link>>>>;

impl SftpRecordings {
    /// Connects on first use.
    pub fn new(config: SftpConfig) -> SftpRecordings {
        let (connection, link) = (tokio::sync::Mutex::new(None), Shared::default());
        SftpRecordings { config, connection, link }
    }

    /// Another base folder of the same server, over the same connection.
    pub fn beside(&self, base: &str) -> SftpRecordings {
        let config = SftpConfig { base: base.to_owned(), ..self.config.clone() };
        SftpRecordings { config, connection: tokio::sync::Mutex::new(None), link: self.link.clone() }
    }

    /// The pooled connection, seen from the base.
    async fn connection(&self) -> Result<Arc<Connection>> {
        let mut slot = self.connection.lock().await;
        let limit = self.config.timeout.min(SIGN_IN);
        let link = self.link(limit).await?;
        if let Some(connection) = slot.as_ref().filter(|c| Arc::ptr_eq(&c.link, &link)) {
            return Ok(connection.clone());
        }
        let resolved = tokio::time::timeout(limit, self.resolved(&link)).await;
        let base = match resolved.unwrap_or(Err(RecordingsError::TimedOut)) {
            Ok(base) => base,
            Err(error) => {
                self.drop_link(&link).await;
                return Err(error);
            }
        };
        let connection = Arc::new(Connection { link, base });
        *slot = Some(connection.clone());
        Ok(connection)
    }

    /// The session, made anew after it broke.
    async fn link(&self, limit: Duration) -> Result<Arc<Link>> {
        let mut slot = self.link.lock().await;
        if let Some(link) = slot.as_ref().filter(|l| !l.ssh.is_closed()) {
            return Ok(link.clone());
        }
        let connecting = tokio::time::timeout(limit, connect(&self.config)).await;
        let link = Arc::new(connecting.map_err(|_| RecordingsError::TimedOut)??);
        *slot = Some(link.clone());
        Ok(link)
    }

    async fn resolved(&self, link: &Link) -> Result<String> {
        let base = link.sftp.realpath(self.config.base.as_str()).await.map_err(|e| match of_sftp(&e) {
            RecordingsError::NotFound => {
                RecordingsError::Unreachable(format!("the base path {} is not there", self.config.base))
            }
            other => other,
        })?;
        Ok(base.files.first().map(|f| f.filename.clone()).unwrap_or_default())
    }

    /// Runs `work` on the connection and drops the connection when it failed under it.
    async fn run<T, F>(&self, work: impl FnOnce(Arc<Connection>) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let connection = self.connection().await?;
        let result = work(connection.clone()).await;
        if result.as_ref().is_err_and(RecordingsError::is_outage) {
            self.drop_link(&connection.link).await;
        }
        result
    }

    /// The next call signs in anew.
    async fn drop_link(&self, link: &Arc<Link>) {
        let mut slot = self.link.lock().await;
        if slot.as_ref().is_some_and(|l| Arc::ptr_eq(l, link)) {
            *slot = None;
        }
        drop(slot);
        let _ = link.ssh.disconnect(Disconnect::ByApplication, "", "en").await;
    }
}

fn of_sftp(error: &SftpError) -> RecordingsError {
    match error {
        SftpError::Status(status) => match status.status_code {
            StatusCode::NoSuchFile => RecordingsError::NotFound,
            StatusCode::PermissionDenied => RecordingsError::PermissionDenied,
            StatusCode::NoConnection | StatusCode::ConnectionLost => RecordingsError::BrokenOff,
            // OpenSSH says "Failure" for a full disk, and for much else.
            code => RecordingsError::Io(code.to_string()),
        },
        SftpError::Timeout => RecordingsError::TimedOut,
        _ => RecordingsError::BrokenOff,
    }
}

#[async_trait]
impl Recordings for SftpRecordings {
    async fn stat(&self, path: &RecordingPath) -> Result<Stat> {
        self.run(|c| async move { c.attributes(&c.confined(path).await?).await }).await
    }

    async fn fetch(&self, path: &RecordingPath, limit: u64) -> Result<Vec<u8>> {
        self.run(|c| async move {
            let real = c.confined(path).await?;
            let len = c.attributes(&real).await?.len;
            if len > limit {
                return Err(RecordingsError::TooLarge { len, limit });
            }
            c.read(&real, 0, len).await
        })
        .await
    }

    async fn read(&self, path: &RecordingPath, offset: u64, len: u64) -> Result<Vec<u8>> {
        self.run(|c| async move { c.read(&c.confined(path).await?, offset, len).await }).await
    }

    async fn overwrite(&self, path: &RecordingPath, patches: &[unsaid_dsp::mute::Patch]) -> Result<()> {
        self.run(|c| async move { c.overwrite(&c.confined(path).await?, patches).await }).await
    }

    async fn set_mtime(&self, path: &RecordingPath, mtime_s: i64) -> Result<()> {
        let at =
            u32::try_from(mtime_s).map_err(|_| RecordingsError::Io("the time is out of range".into()))?;
        self.run(|c| async move {
            let real = c.confined(path).await?;
            let times = FileAttributes { atime: Some(at), mtime: Some(at), ..FileAttributes::empty() };
            c.sftp.setstat(real, times).await.map(|_| ()).map_err(|e| of_sftp(&e))
        })
        .await
    }

    /// SFTP 3 tells nothing of hard links; a symbolic one resolves to another path.
    async fn check_sole_name(&self, path: &RecordingPath) -> Result<()> {
        self.run(|c| async move {
            let real = c.confined(path).await?;
            if real == c.beneath(path) { Ok(()) } else { Err(RecordingsError::Linked) }
        })
        .await
    }

    async fn create(&self, path: &RecordingPath, bytes: &[u8]) -> Result<()> {
        self.run(|c| async move { c.create(&c.new_name(path).await?, bytes).await }).await
    }

    async fn adopt(&self, path: &RecordingPath, like: &RecordingPath) -> Result<()> {
        self.run(|c| async move {
            let (own, like) = (c.confined(path).await?, c.confined(like).await?);
            c.adopt(&own, &like).await
        })
        .await
    }

    async fn link(&self, from: &RecordingPath, to: &RecordingPath) -> Result<bool> {
        self.run(|c| async move { c.link(&c.confined(from).await?, &c.new_name(to).await?).await }).await
    }

    async fn rename_over(&self, from: &RecordingPath, to: &RecordingPath) -> Result<()> {
        self.run(|c| async move { c.rename_over(&c.confined(from).await?, &c.confined(to).await?).await })
            .await
    }

    async fn rename(&self, from: &RecordingPath, to: &RecordingPath) -> Result<()> {
        self.run(|c| async move {
            let (from, to) = (c.confined(from).await?, c.new_name(to).await?);
            c.sftp.rename(from, to).await.map(|_| ()).map_err(|e| of_sftp(&e))
        })
        .await
    }

    async fn remove(&self, path: &RecordingPath) -> Result<()> {
        self.run(|c| async move {
            let real = c.confined(path).await?;
            c.sftp.remove(real).await.map(|_| ()).map_err(|e| of_sftp(&e))
        })
        .await
    }

    async fn list(&self, folder: Option<&RecordingPath>) -> Result<Vec<Entry>> {
        self.run(|c| async move { c.list(&c.folder(folder).await?).await }).await
    }

    async fn all_files(&self) -> Result<Option<Vec<(u64, String)>>> {
        if !self.config.shell {
            return Ok(None);
        }
        let limit = self.config.timeout;
        let all = self.run(|c| async move {
            let found = tokio::time::timeout(limit, shell::files(&c.ssh, &c.base)).await;
            // A folder of years: the walk takes longer, but tells that it goes on.
            found.unwrap_or(Ok(None))
        });
        all.await
    }

    async fn remove_folder(&self, folder: &RecordingPath) -> Result<()> {
        self.run(|c| async move {
            let real = c.folder(Some(folder)).await?;
            c.sftp.rmdir(real).await.map(|_| ()).map_err(|e| of_sftp(&e))
        })
        .await
    }
}
