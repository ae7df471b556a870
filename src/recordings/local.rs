//! Recordings on this machine. Every open goes through `openat2` with
//! `RESOLVE_BENEATH`: the kernel itself refuses a path that leaves the base,
//! by `..`, by an absolute path or through a link.

use super::{Entry, EntryKind, Recordings, RecordingsError, Result, Stat};
use crate::call::RecordingPath;
use async_trait::async_trait;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, ResolveFlags};
use rustix::io::Errno;
use std::fs::{File, Permissions};
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
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

impl LocalRecordings {
    /// Runs `work` with the folder of `path` and the name in it.
    async fn in_folder<T: Send + 'static>(
        &self,
        path: &RecordingPath,
        work: impl FnOnce(&File, &str) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (base, path) = (self.base.clone(), path.clone());
        tokio::task::spawn_blocking(move || {
            let (folder, name) = folder_of(&base, &path)?;
            work(&folder, &name)
        })
        .await
        .map_err(|e| RecordingsError::Io(e.to_string()))?
    }

    /// Both names lie in one folder; the folder is flushed, so that the new name outlives a power cut.
    async fn move_to(&self, from: &RecordingPath, to: &RecordingPath, flags: RenameFlags) -> Result<()> {
        let from = from.file_name().to_owned();
        self.in_folder(to, move |folder, to| {
            rustix::fs::renameat_with(folder, from.as_str(), folder, to, flags).map_err(of_errno)?;
            folder.sync_all().map_err(|e| of_io(&e))
        })
        .await
    }
}

/// Opens `path` below `base` for reading, or for reading and writing.
fn open_beneath(base: &Path, path: &str, write: bool) -> Result<File> {
    let root =
        File::open(base).map_err(|e| RecordingsError::Unreachable(format!("{}: {e}", base.display())))?;
    let access = if write { OFlags::RDWR } else { OFlags::RDONLY };
    let flags = access | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let how = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let opened = rustix::fs::openat2(&root, path, flags, Mode::empty(), how)
        .map_err(|e| if e == Errno::XDEV { RecordingsError::OutsideBase } else { of_io(&e.into()) })?;
    let file = File::from(opened);
    let metadata = file.metadata().map_err(|e| of_io(&e))?;
    if metadata.is_file() { Ok(file) } else { Err(RecordingsError::NotAFile) }
}

/// Opens the folder of `path` below `base`, through no link, and gives the name in it.
fn folder_of(base: &Path, path: &RecordingPath) -> Result<(File, String)> {
    let (folder, name) = path.as_str().rsplit_once('/').unwrap_or((".", path.as_str()));
    Ok((open_folder(base, folder)?, name.to_owned()))
}

/// Opens a folder below `base`, through no link.
fn open_folder(base: &Path, folder: &str) -> Result<File> {
    let root =
        File::open(base).map_err(|e| RecordingsError::Unreachable(format!("{}: {e}", base.display())))?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let opened = rustix::fs::openat2(&root, folder, flags, Mode::empty(), how).map_err(|e| match e {
        Errno::XDEV => RecordingsError::OutsideBase,
        Errno::LOOP => RecordingsError::Linked,
        e => of_errno(e),
    })?;
    Ok(File::from(opened))
}

/// What lies in a folder, by `lstat`. A name that is not UTF-8 is none of Asterisk's.
fn list(folder: &File) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in rustix::fs::Dir::read_from(folder).map_err(of_errno)? {
        let entry = entry.map_err(of_errno)?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if matches!(name, "." | "..") {
            continue;
        }
        let stat = match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            // Gone since.
            Err(Errno::NOENT) => continue,
            stat => stat.map_err(of_errno)?,
        };
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => EntryKind::File,
            FileType::Directory => EntryKind::Folder,
            _ => EntryKind::Other,
        };
        let len = u64::try_from(stat.st_size).unwrap_or(0);
        entries.push(Entry { name: name.to_owned(), kind, len, mtime_s: stat.st_mtime });
    }
    Ok(entries)
}

fn of_errno(error: Errno) -> RecordingsError {
    of_io(&error.into())
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

    async fn check_sole_name(&self, path: &RecordingPath) -> Result<()> {
        self.in_folder(path, |folder, name| {
            let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(of_errno)?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile if stat.st_nlink == 1 => Ok(()),
                FileType::RegularFile | FileType::Symlink => Err(RecordingsError::Linked),
                _ => Err(RecordingsError::NotAFile),
            }
        })
        .await
    }

    async fn create(&self, path: &RecordingPath, bytes: &[u8]) -> Result<()> {
        let bytes = bytes.to_vec();
        self.in_folder(path, move |folder, name| {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let opened =
                rustix::fs::openat(folder, name, flags, Mode::RUSR | Mode::WUSR).map_err(of_errno)?;
            let mut file = File::from(opened);
            file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(|e| of_io(&e))
        })
        .await
    }

    async fn adopt(&self, path: &RecordingPath, like: &RecordingPath) -> Result<()> {
        let like = self.run(like, false, |f| f.metadata()).await?;
        let mode = Permissions::from_mode(like.mode() & 0o7777);
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(like.mtime().max(0) as u64);
        let own = self.run(path, true, |f| f.metadata()).await?;
        if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
            let (uid, gid) = (like.uid(), like.gid());
            let given =
                self.run(path, true, move |file| std::os::unix::fs::fchown(file, Some(uid), Some(gid)));
            given.await.map_err(|_| RecordingsError::OwnerNotKept)?;
        }
        self.run(path, true, move |file| {
            file.set_permissions(mode)?;
            file.set_modified(at)?;
            file.sync_all()
        })
        .await
    }

    async fn link(&self, from: &RecordingPath, to: &RecordingPath) -> Result<bool> {
        let from = from.file_name().to_owned();
        self.in_folder(to, move |folder, to| {
            match rustix::fs::linkat(folder, from.as_str(), folder, to, AtFlags::empty()) {
                // A file system without links, too many of them, or a kernel that protects other people's files.
                Err(Errno::PERM | Errno::ACCESS | Errno::NOTSUP | Errno::NOSYS | Errno::MLINK) => Ok(false),
                linked => linked
                    .map_err(of_errno)
                    .and_then(|()| folder.sync_all().map_err(|e| of_io(&e)))
                    .map(|()| true),
            }
        })
        .await
    }

    async fn rename_over(&self, from: &RecordingPath, to: &RecordingPath) -> Result<()> {
        self.move_to(from, to, RenameFlags::empty()).await
    }

    async fn rename(&self, from: &RecordingPath, to: &RecordingPath) -> Result<()> {
        self.move_to(from, to, RenameFlags::NOREPLACE).await
    }

    async fn remove(&self, path: &RecordingPath) -> Result<()> {
        self.in_folder(path, |folder, name| {
            rustix::fs::unlinkat(folder, name, AtFlags::empty()).map_err(of_errno)?;
            folder.sync_all().map_err(|e| of_io(&e))
        })
        .await
    }

    async fn list(&self, folder: Option<&RecordingPath>) -> Result<Vec<Entry>> {
        let (base, folder) = (self.base.clone(), folder.cloned());
        tokio::task::spawn_blocking(move || {
            let folder = open_folder(&base, folder.as_ref().map_or(".", RecordingPath::as_str))?;
            list(&folder)
        })
        .await
        .map_err(|e| RecordingsError::Io(e.to_string()))?
    }

    async fn remove_folder(&self, folder: &RecordingPath) -> Result<()> {
        self.in_folder(folder, |above, name| {
            rustix::fs::unlinkat(above, name, AtFlags::REMOVEDIR).map_err(of_errno)
        })
        .await
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
