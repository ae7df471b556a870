//! Recordings on this machine. Every open goes through `openat2` with
//! `RESOLVE_BENEATH`: the kernel itself refuses a path that leaves the base,
//! by `..`, by an absolute path or through a link.

use super::{Recordings, RecordingsError, Result, Stat};
use crate::call::RecordingPath;
use async_trait::async_trait;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use unsaid_dsp::mute::Patch;

/// A base folder on this machine.
pub struct LocalRecordings {
    base: PathBuf,
}

impl LocalRecordings {
    pub fn new(base: &Path) -> LocalRecordings {
        LocalRecordings { base: base.to_owned() }
    }

    async fn run<T: Send + 'static>(
        &self,
        path: &RecordingPath,
        write: bool,
        work: impl FnOnce(&File) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (base, path) = (self.base.clone(), path.as_str().to_owned());
        tokio::task::spawn_blocking(move || {
            let file = open_beneath(&base, &path, write)?;
            work(&file).map_err(|e| of_io(&e))
        })
        .await
        .map_err(|e| RecordingsError::Io(e.to_string()))?
    }
}

/// Opens `path` below `base` for reading, or for reading and writing.
fn open_beneath(base: &Path, path: &str, write: bool) -> Result<File> {
    let root =
        File::open(base).map_err(|e| RecordingsError::Unreachable(format!("{}: {e}", base.display())))?;
    let access = if write { OFlags::RDWR } else { OFlags::RDONLY };
    let flags = access | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let how = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let opened = rustix::fs::openat2(&root, path, flags, Mode::empty(), how).map_err(|e| {
        if e == rustix::io::Errno::XDEV { RecordingsError::OutsideBase } else { of_io(&e.into()) }
    })?;
    let file = File::from(opened);
    let metadata = file.metadata().map_err(|e| of_io(&e))?;
    if metadata.is_file() { Ok(file) } else { Err(RecordingsError::NotAFile) }
}

fn of_io(error: &std::io::Error) -> RecordingsError {
    use std::io::ErrorKind as K;
    match error.kind() {
        K::NotFound => RecordingsError::NotFound,
        K::PermissionDenied | K::ReadOnlyFilesystem => RecordingsError::PermissionDenied,
        K::StorageFull | K::QuotaExceeded => RecordingsError::NoSpace,
        K::IsADirectory => RecordingsError::NotAFile,
        _ => RecordingsError::Io(error.kind().to_string()),
    }
}

#[async_trait]
impl Recordings for LocalRecordings {
    async fn stat(&self, path: &RecordingPath) -> Result<Stat> {
        let metadata = self.run(path, false, |f| f.metadata()).await?;
        Ok(Stat { len: metadata.len(), mtime_s: metadata.mtime() })
    }

    async fn fetch(&self, path: &RecordingPath, limit: u64) -> Result<Vec<u8>> {
        let len = self.stat(path).await?.len;
        if len > limit {
            return Err(RecordingsError::TooLarge { len, limit });
        }
        self.read(path, 0, limit).await
    }

    async fn read(&self, path: &RecordingPath, offset: u64, len: u64) -> Result<Vec<u8>> {
        self.run(path, false, move |file| {
            let there = file.metadata()?.len().saturating_sub(offset).min(len);
            let mut bytes = vec![0u8; there as usize];
            file.read_exact_at(&mut bytes, offset)?;
            Ok(bytes)
        })
        .await
    }

    async fn overwrite(&self, path: &RecordingPath, patches: &[Patch]) -> Result<()> {
        let patches = patches.to_vec();
        self.run(path, true, move |file| {
            for patch in &patches {
                file.write_all_at(&patch.bytes, patch.offset)?;
            }
            file.sync_all()
        })
        .await
    }

    async fn set_mtime(&self, path: &RecordingPath, mtime_s: i64) -> Result<()> {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(mtime_s.max(0) as u64);
        self.run(path, true, move |file| file.set_modified(at)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(s: &str) -> RecordingPath {
        RecordingPath::parse(s).expect("a path")
    }

    #[tokio::test]
    async fn links_that_lead_outside_are_refused_and_those_within_are_followed() {
        let dir = tempfile::tempdir().expect("a folder");
        let (base, outside) = (dir.path().join("monitor"), dir.path().join("outside.wav"));
        std::fs::create_dir_all(base.join("2024")).expect("folders");
        std::fs::write(&outside, b"secret").expect("a file");
        std::fs::write(base.join("2024/a.wav"), b"inside").expect("a file");
        std::os::unix::fs::symlink(&outside, base.join("out.wav")).expect("a link");
        std::os::unix::fs::symlink(dir.path(), base.join("up")).expect("a link");
        std::os::unix::fs::symlink("2024/a.wav", base.join("in.wav")).expect("a link");
        let recordings = LocalRecordings::new(&base);
        for bad in ["out.wav", "up/outside.wav"] {
            let got = recordings.fetch(&path(bad), 100).await;
            assert!(matches!(got, Err(RecordingsError::OutsideBase)), "{bad}: {got:?}");
        }
        assert_eq!(recordings.fetch(&path("in.wav"), 100).await.expect("bytes"), b"inside");
        assert!(matches!(recordings.stat(&path("2024")).await, Err(RecordingsError::NotAFile)));
        assert!(matches!(recordings.stat(&path("no.wav")).await, Err(RecordingsError::NotFound)));
        assert!(matches!(
            recordings.fetch(&path("in.wav"), 3).await,
            Err(RecordingsError::TooLarge { len: 6, limit: 3 })
        ));
    }

    #[tokio::test]
    async fn an_overwrite_changes_its_bytes_alone_and_keeps_the_inode() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("a.wav");
        std::fs::write(&file, b"0123456789").expect("a file");
        let inode = std::fs::metadata(&file).expect("metadata").ino();
        let recordings = LocalRecordings::new(dir.path());
        let patches = [Patch { offset: 2, bytes: b"--".to_vec() }, Patch { offset: 8, bytes: b"+".to_vec() }];
        recordings.overwrite(&path("a.wav"), &patches).await.expect("written");
        recordings.set_mtime(&path("a.wav"), 1_715_693_412).await.expect("a time");
        assert_eq!(std::fs::read(&file).expect("bytes"), b"01--4567+9");
        let after = std::fs::metadata(&file).expect("metadata");
        assert_eq!((after.ino(), after.mtime()), (inode, 1_715_693_412));
    }
}
