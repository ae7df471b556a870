//! Recordings over SFTP (draft-ietf-secsh-filexfer-02, as OpenSSH speaks it),
//! by russh. One pooled connection a PBX; reads and writes are pipelined; the
//! server's host key is pinned; every path is resolved by the server and must
//! lie below the base.

use super::sftp_shell;
use super::ssh_auth::sign_in;
use super::{Entry, EntryKind, Recordings, RecordingsError, Result, Stat};
use crate::call::RecordingPath;
use crate::config::pbx::SftpConfig;
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use russh::Disconnect;
use russh::client::{self, Handle};
use russh::keys::{HashAlg, PublicKeyOrCertificate};
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::client::{Config as SessionConfig, RawSftpSession};
use russh_sftp::protocol::{FileAttributes, OpenFlags, Packet, StatusCode};
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
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

struct Link {
    ssh: Handle<PinnedHost>,
    sftp: RawSftpSession,
}

/// A session, seen from a base folder.
struct Connection {
    link: Arc<Link>,
    /// The base path as the server resolves it.
    base: String,
}

impl std::ops::Deref for Connection {
    type Target = Link;

    fn deref(&self) -> &Link {
        &self.link
    }
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
        let connecting = tokio::time::timeout(limit, self.connect()).await;
        let link = Arc::new(connecting.map_err(|_| RecordingsError::TimedOut)??);
        *slot = Some(link.clone());
        Ok(link)
    }

    async fn connect(&self) -> Result<Link> {
        let seen = Arc::new(Mutex::new(None));
        let pinned = self.config.host_key.clone();
        let handler = PinnedHost { pinned: pinned.clone(), seen: seen.clone() };
        let address = (self.config.host.as_str(), self.config.port);
        let connected = client::connect(Arc::new(ssh_config(&self.config)), address, handler).await;
        let mut ssh =
            connected.map_err(|error| match seen.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(seen) if seen != pinned => RecordingsError::HostKeyChanged { seen, pinned },
                _ => RecordingsError::Unreachable(error.to_string()),
            })?;
        sign_in(&mut ssh, &self.config).await?;
        let channel = ssh.channel_open_session().await.map_err(|e| of_ssh(&e))?;
        channel.request_subsystem(true, "sftp").await.map_err(|e| of_ssh(&e))?;
        let session = SessionConfig {
            max_concurrent_reads: PIPELINE,
            max_concurrent_writes: PIPELINE,
            request_timeout_secs: self.config.timeout.as_secs().max(1),
            ..SessionConfig::default()
        };
        let sftp = RawSftpSession::new_with_config(channel.into_stream(), session);
        sftp.init().await.map_err(|e| of_sftp(&e))?;
        Ok(Link { ssh, sftp })
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

/// By the whole type field: a link's bits contain a plain file's (`inode(7)`).
fn kind_of(attrs: &FileAttributes) -> EntryKind {
    match attrs.permissions.unwrap_or(0) & 0o170_000 {
        0o100_000 => EntryKind::File,
        0o040_000 => EntryKind::Folder,
        _ => EntryKind::Other,
    }
}

/// The server tells of each name what `lstat` says.
fn entry_of(file: russh_sftp::protocol::File) -> Option<Entry> {
    let attrs = &file.attrs;
    let kind = kind_of(attrs);
    let (len, mtime_s) = (attrs.size.unwrap_or(0), i64::from(attrs.mtime.unwrap_or(0)));
    let name = file.filename;
    (!matches!(name.as_str(), "." | "..")).then_some(Entry { name, kind, len, mtime_s })
}

impl Connection {
    /// The path as the server resolves it; it must lie below the base.
    async fn confined(&self, path: &RecordingPath) -> Result<String> {
        let names = self.sftp.realpath(self.beneath(path)).await.map_err(|e| of_sftp(&e))?;
        let real = names.files.first().map(|f| f.filename.clone()).unwrap_or_default();
        let below = real.strip_prefix(self.base.trim_end_matches('/'));
        if below.is_some_and(|rest| rest.starts_with('/')) {
            Ok(real)
        } else {
            Err(RecordingsError::OutsideBase)
        }
    }

    fn beneath(&self, path: &RecordingPath) -> String {
        format!("{}/{}", self.base.trim_end_matches('/'), path.as_str())
    }

    /// The path of a file that is not there yet: its folder is the server's own, through no link.
    async fn new_name(&self, path: &RecordingPath) -> Result<String> {
        let wanted = self.beneath(path);
        let folder = wanted.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let names = self.sftp.realpath(folder.clone()).await.map_err(|e| of_sftp(&e))?;
        match names.files.first() {
            Some(real) if real.filename == folder => Ok(wanted),
            _ => Err(RecordingsError::Linked),
        }
    }

    async fn create(&self, real: &str, bytes: &[u8]) -> Result<()> {
        let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCLUDE;
        let mode = FileAttributes { permissions: Some(0o600), ..FileAttributes::empty() };
        let handle = self.sftp.open(real, flags, mode).await.map_err(|e| of_sftp(&e))?.handle;
        let whole = [unsaid_dsp::mute::Patch { offset: 0, bytes: bytes.to_vec() }];
        self.write_and_close(handle, &whole).await
    }

    /// Owner, mode and time of another file.
    async fn adopt(&self, own: &str, like: &str) -> Result<()> {
        let stat = |path: &str| self.sftp.lstat(path.to_owned());
        let like = stat(like).await.map_err(|e| of_sftp(&e))?.attrs;
        let before = stat(own).await.map_err(|e| of_sftp(&e))?.attrs;
        if (before.uid, before.gid) != (like.uid, like.gid) {
            let owner = FileAttributes { uid: like.uid, gid: like.gid, ..FileAttributes::empty() };
            self.sftp.setstat(own, owner).await.map_err(|_| RecordingsError::OwnerNotKept)?;
        }
        let mode =
            FileAttributes { permissions: like.permissions.map(|p| p & 0o7777), ..FileAttributes::empty() };
        self.sftp.setstat(own, mode).await.map_err(|e| of_sftp(&e))?;
        let times = FileAttributes { atime: like.mtime, mtime: like.mtime, ..FileAttributes::empty() };
        self.sftp.setstat(own, times).await.map(|_| ()).map_err(|e| of_sftp(&e))
    }

    /// posix-rename@openssh.com (OpenSSH's PROTOCOL, 4.3): plain RENAME refuses a name that is taken.
    async fn rename_over(&self, from: &str, to: &str) -> Result<()> {
        let mut data = Vec::with_capacity(8 + from.len() + to.len());
        for name in [from, to] {
            data.extend_from_slice(&(name.len() as u32).to_be_bytes());
            data.extend_from_slice(name.as_bytes());
        }
        match self.sftp.extended("posix-rename@openssh.com", data).await {
            Ok(Packet::Status(s)) if s.status_code == StatusCode::Ok => Ok(()),
            Ok(Packet::Status(s)) if s.status_code == StatusCode::OpUnsupported => {
                Err(RecordingsError::NoAtomicRename)
            }
            Ok(Packet::Status(s)) => Err(of_sftp(&SftpError::Status(s))),
            Ok(_) => Err(RecordingsError::BrokenOff),
            Err(SftpError::Status(s)) if s.status_code == StatusCode::OpUnsupported => {
                Err(RecordingsError::NoAtomicRename)
            }
            Err(error) => Err(of_sftp(&error)),
        }
    }

    /// A folder below the base; `None` is the base itself. It must be the server's own, through no link.
    async fn folder(&self, folder: Option<&RecordingPath>) -> Result<String> {
        let Some(folder) = folder else { return Ok(self.base.clone()) };
        let wanted = self.beneath(folder);
        let names = self.sftp.realpath(wanted.clone()).await.map_err(|e| of_sftp(&e))?;
        match names.files.first() {
            Some(real) if real.filename == wanted => Ok(wanted),
            _ => Err(RecordingsError::Linked),
        }
    }

    async fn list(&self, folder: &str) -> Result<Vec<Entry>> {
        let handle = self.sftp.opendir(folder).await.map_err(|e| of_sftp(&e))?.handle;
        let mut entries = Vec::new();
        let read = loop {
            match self.sftp.readdir(handle.as_str()).await {
                Ok(page) => entries.extend(page.files.into_iter().filter_map(entry_of)),
                Err(SftpError::Status(s)) if s.status_code == StatusCode::Eof => break Ok(entries),
                Err(error) => break Err(of_sftp(&error)),
            }
        };
        let closed = self.sftp.close(handle).await;
        let entries = read?;
        closed.map(|_| entries).map_err(|e| of_sftp(&e))
    }

    async fn attributes(&self, real: &str) -> Result<Stat> {
        let attrs = self.sftp.lstat(real).await.map_err(|e| of_sftp(&e))?.attrs;
        if kind_of(&attrs) != EntryKind::File {
            return Err(RecordingsError::NotAFile);
        }
        Ok(Stat { len: attrs.size.unwrap_or(0), mtime_s: i64::from(attrs.mtime.unwrap_or(0)) })
    }

    async fn open(&self, real: &str, flags: OpenFlags) -> Result<String> {
        let opened = self.sftp.open(real, flags, FileAttributes::empty()).await;
        Ok(opened.map_err(|e| of_sftp(&e))?.handle)
    }

    /// `len` bytes from `offset`, in chunks that are all asked for at once.
    async fn read(&self, real: &str, offset: u64, len: u64) -> Result<Vec<u8>> {
        let handle = self.open(real, OpenFlags::READ).await?;
        let end = offset + len;
        let chunks = (offset..end).step_by(CHUNK as usize);
        let read = futures::stream::iter(chunks)
            .map(|at| self.read_chunk(&handle, at, CHUNK.min(end - at)))
            .buffered(PIPELINE)
            .try_fold(Vec::with_capacity(len as usize), |mut all, chunk| async move {
                all.extend_from_slice(&chunk);
                Ok(all)
            })
            .await;
        let closed = self.sftp.close(handle).await;
        let bytes = read?;
        closed.map_err(|e| of_sftp(&e))?;
        Ok(bytes)
    }

    /// A server may answer with less than was asked; the rest is asked for again.
    async fn read_chunk(&self, handle: &str, mut at: u64, mut left: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(left as usize);
        while left > 0 {
            match self.sftp.read(handle, at, left as u32).await {
                Ok(data) if data.data.is_empty() => break,
                Ok(data) => {
                    let got = (data.data.len() as u64).min(left);
                    bytes.extend_from_slice(&data.data[..got as usize]);
                    at += got;
                    left -= got;
                }
                Err(SftpError::Status(s)) if s.status_code == StatusCode::Eof => break,
                Err(error) => return Err(of_sftp(&error)),
            }
        }
        Ok(bytes)
    }

    async fn overwrite(&self, real: &str, patches: &[unsaid_dsp::mute::Patch]) -> Result<()> {
        let handle = self.open(real, OpenFlags::WRITE).await?;
        self.write_and_close(handle, patches).await
    }

    /// Writes, flushes and closes, whatever went wrong before.
    async fn write_and_close(&self, handle: String, patches: &[unsaid_dsp::mute::Patch]) -> Result<()> {
        let chunks = patches.iter().flat_map(|p| {
            let parts = p.bytes.chunks(CHUNK as usize).enumerate();
            parts.map(move |(n, part)| (p.offset + n as u64 * CHUNK, part.to_vec()))
        });
        let chunks: Vec<(u64, Vec<u8>)> = chunks.collect();
        let written = futures::stream::iter(chunks)
            .map(|(at, bytes)| self.sftp.write(handle.as_str(), at, bytes))
            .buffered(PIPELINE)
            .try_for_each(|_| async { Ok(()) })
            .await;
        let flushed = match written {
            Ok(()) => self.flush(&handle).await,
            Err(error) => Err(of_sftp(&error)),
        };
        let closed = self.sftp.close(handle).await;
        flushed?;
        closed.map(|_| ()).map_err(|e| of_sftp(&e))
    }

    /// fsync@openssh.com; a server without it answers "unsupported", which is all that can be had.
    async fn flush(&self, handle: &str) -> Result<()> {
        match self.sftp.fsync(handle).await {
            Ok(_) => Ok(()),
            Err(SftpError::Status(s)) if s.status_code == StatusCode::OpUnsupported => Ok(()),
            Err(error) => Err(of_sftp(&error)),
        }
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
            let found = tokio::time::timeout(limit, sftp_shell::files(&c.ssh, &c.base)).await;
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
