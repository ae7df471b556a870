//! What is done to files, with paths that the server resolves below the base.

use super::session::Link;
use super::{CHUNK, PIPELINE, of_sftp};
use crate::call::RecordingPath;
use crate::recordings::{Entry, EntryKind, RecordingsError, Result, Stat};
use futures::{StreamExt, TryStreamExt};
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::protocol::{FileAttributes, OpenFlags, Packet, StatusCode};
use std::sync::Arc;

/// A session, seen from a base folder.
pub(super) struct Connection {
    pub link: Arc<Link>,
    /// The base path as the server resolves it.
    pub base: String,
}

impl std::ops::Deref for Connection {
    type Target = Link;

    fn deref(&self) -> &Link {
        &self.link
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
    pub async fn confined(&self, path: &RecordingPath) -> Result<String> {
        let names = self.sftp.realpath(self.beneath(path)).await.map_err(|e| of_sftp(&e))?;
        let real = names.files.first().map(|f| f.filename.clone()).unwrap_or_default();
        let below = real.strip_prefix(self.base.trim_end_matches('/'));
        if below.is_some_and(|rest| rest.starts_with('/')) {
            Ok(real)
        } else {
            Err(RecordingsError::OutsideBase)
        }
    }

    pub fn beneath(&self, path: &RecordingPath) -> String {
        format!("{}/{}", self.base.trim_end_matches('/'), path.as_str())
    }

    /// The path of a file that is not there yet: its folder is the server's own, through no link.
    pub async fn new_name(&self, path: &RecordingPath) -> Result<String> {
        let wanted = self.beneath(path);
        let folder = wanted.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let names = self.sftp.realpath(folder.clone()).await.map_err(|e| of_sftp(&e))?;
        match names.files.first() {
            Some(real) if real.filename == folder => Ok(wanted),
            _ => Err(RecordingsError::Linked),
        }
    }

    pub async fn create(&self, real: &str, bytes: &[u8]) -> Result<()> {
        let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCLUDE;
        let mode = FileAttributes { permissions: Some(0o600), ..FileAttributes::empty() };
        let handle = self.sftp.open(real, flags, mode).await.map_err(|e| of_sftp(&e))?.handle;
        let whole = [unsaid_dsp::mute::Patch { offset: 0, bytes: bytes.to_vec() }];
        self.write_and_close(handle, &whole).await
    }

    /// Owner, mode and time of another file.
    pub async fn adopt(&self, own: &str, like: &str) -> Result<()> {
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

    /// hardlink@openssh.com (OpenSSH's PROTOCOL, 4.5). "Failure" is all that it says of a file system
    /// without links.
    pub async fn link(&self, from: &str, to: &str) -> Result<bool> {
        match self.sftp.hardlink(from, to).await {
            Ok(_) => Ok(true),
            Err(SftpError::Status(s))
                if matches!(
                    s.status_code,
                    StatusCode::OpUnsupported | StatusCode::PermissionDenied | StatusCode::Failure
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(of_sftp(&error)),
        }
    }

    /// posix-rename@openssh.com (OpenSSH's PROTOCOL, 4.3): plain RENAME refuses a name that is taken.
    pub async fn rename_over(&self, from: &str, to: &str) -> Result<()> {
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
    pub async fn folder(&self, folder: Option<&RecordingPath>) -> Result<String> {
        let Some(folder) = folder else { return Ok(self.base.clone()) };
        let wanted = self.beneath(folder);
        let names = self.sftp.realpath(wanted.clone()).await.map_err(|e| of_sftp(&e))?;
        match names.files.first() {
            Some(real) if real.filename == wanted => Ok(wanted),
            _ => Err(RecordingsError::Linked),
        }
    }

    pub async fn list(&self, folder: &str) -> Result<Vec<Entry>> {
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

    pub async fn attributes(&self, real: &str) -> Result<Stat> {
        let attrs = self.sftp.lstat(real).await.map_err(|e| of_sftp(&e))?.attrs;
        if kind_of(&attrs) != EntryKind::File {
            return Err(RecordingsError::NotAFile);
        }
        Ok(Stat { len: attrs.size.unwrap_or(0), mtime_s: i64::from(attrs.mtime.unwrap_or(0)) })
    }

    pub async fn open(&self, real: &str, flags: OpenFlags) -> Result<String> {
        let opened = self.sftp.open(real, flags, FileAttributes::empty()).await;
        Ok(opened.map_err(|e| of_sftp(&e))?.handle)
    }

    /// `len` bytes from `offset`, in chunks that are all asked for at once.
    pub async fn read(&self, real: &str, offset: u64, len: u64) -> Result<Vec<u8>> {
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
    pub async fn read_chunk(&self, handle: &str, mut at: u64, mut left: u64) -> Result<Vec<u8>> {
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

    pub async fn overwrite(&self, real: &str, patches: &[unsaid_dsp::mute::Patch]) -> Result<()> {
        let handle = self.open(real, OpenFlags::WRITE).await?;
        self.write_and_close(handle, patches).await
    }

    /// Writes, flushes and closes, whatever went wrong before.
    pub async fn write_and_close(&self, handle: String, patches: &[unsaid_dsp::mute::Patch]) -> Result<()> {
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
    pub async fn flush(&self, handle: &str) -> Result<()> {
        match self.sftp.fsync(handle).await {
            Ok(_) => Ok(()),
            Err(SftpError::Status(s)) if s.status_code == StatusCode::OpUnsupported => Ok(()),
            Err(error) => Err(of_sftp(&error)),
        }
    }
}
