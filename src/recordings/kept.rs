//! Files of our own: sealed originals, and redacted copies of recordings that
//! their service cannot take back. In a folder or in an S3-compatible bucket.

use super::{Entry, EntryKind, RecordingsError, Result};
use crate::config::keep::KeepConfig;
use futures::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{Error, ObjectStore, ObjectStoreExt};
use secrecy::ExposeSecret;
use std::os::unix::fs::DirBuilderExt;
use std::sync::Arc;

/// A place for whole files by name.
#[derive(Clone, Debug)]
pub struct KeptFiles {
    store: Arc<dyn ObjectStore>,
}

impl KeptFiles {
    /// The place of the settings; a folder is made, readable by its owner alone.
    ///
    /// # Errors
    /// When the folder cannot be made or the bucket's settings do not fit together.
    pub fn open(config: &KeepConfig) -> Result<KeptFiles> {
        let io = |e: String| RecordingsError::Io(e);
        let store: Arc<dyn ObjectStore> = match config {
            KeepConfig::Local(folder) => {
                let dir = &folder.dir;
                let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
                made.map_err(|e| io(format!("{} cannot be made: {e}", dir.display())))?;
                let files = LocalFileSystem::new_with_prefix(dir).map_err(|e| failed(&e))?;
                Arc::new(files.with_fsync(true).with_automatic_cleanup(true))
            }
            KeepConfig::S3(bucket) => {
                let mut builder = AmazonS3Builder::new()
                    .with_bucket_name(&bucket.bucket)
                    .with_region(&bucket.region)
                    .with_access_key_id(&bucket.access_key_id)
                    .with_secret_access_key(bucket.secret_access_key.expose_secret());
                if !bucket.endpoint.is_empty() {
                    let plain = bucket.endpoint.starts_with("http://");
                    builder = builder.with_endpoint(&bucket.endpoint).with_allow_http(plain);
                }
                let s3 = builder.build().map_err(|e| failed(&e))?;
                Arc::new(PrefixStore::new(s3, bucket.prefix.as_str()))
            }
        };
        Ok(KeptFiles { store })
    }

    /// Writes a file, flushed, and reads it back. What had the name before is replaced.
    ///
    /// # Errors
    /// [`RecordingsError::NotReadBack`] when what is there is not what was written.
    pub async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        let bytes = bytes::Bytes::from(bytes);
        self.store.put(&path(name)?, bytes.clone().into()).await.map_err(|e| failed(&e))?;
        if self.get(name, bytes.len() as u64).await? != bytes {
            return Err(RecordingsError::NotReadBack);
        }
        Ok(())
    }

    /// A whole file, at most `limit` bytes.
    ///
    /// # Errors
    /// [`RecordingsError::NotFound`], [`RecordingsError::TooLarge`], and those of the place.
    pub async fn get(&self, name: &str, limit: u64) -> Result<Vec<u8>> {
        let found = self.store.get(&path(name)?).await.map_err(|e| failed(&e))?;
        if found.meta.size > limit {
            return Err(RecordingsError::TooLarge { len: found.meta.size, limit });
        }
        let mut bytes = Vec::with_capacity(found.meta.size as usize);
        let mut chunks = found.into_stream();
        while let Some(chunk) = chunks.try_next().await.map_err(|e| failed(&e))? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// `len` bytes from `offset`; fewer at the end of the file.
    ///
    /// # Errors
    /// [`RecordingsError::NotFound`], and those of the place.
    pub async fn get_range(&self, name: &str, offset: u64, len: u64) -> Result<Vec<u8>> {
        let size = self.size(name).await?;
        let end = size.min(offset.saturating_add(len));
        if offset >= end {
            return Ok(Vec::new());
        }
        let range = self.store.get_range(&path(name)?, offset..end).await;
        Ok(range.map_err(|e| failed(&e))?.to_vec())
    }

    /// A file's length in bytes.
    ///
    /// # Errors
    /// [`RecordingsError::NotFound`], and those of the place.
    pub async fn size(&self, name: &str) -> Result<u64> {
        Ok(self.store.head(&path(name)?).await.map_err(|e| failed(&e))?.size)
    }

    /// What lies in a folder, or in the place itself.
    ///
    /// # Errors
    /// Those of the place.
    pub async fn list(&self, folder: Option<&str>) -> Result<Vec<Entry>> {
        let prefix = folder.map(path).transpose()?;
        let found = self.store.list_with_delimiter(prefix.as_ref()).await.map_err(|e| failed(&e))?;
        let last = |path: &Path| path.filename().unwrap_or_default().to_owned();
        let folders = found.common_prefixes.iter().map(|p| Entry {
            name: last(p),
            kind: EntryKind::Folder,
            len: 0,
            mtime_s: 0,
        });
        let files = found.objects.iter().map(|o| Entry {
            name: last(&o.location),
            kind: EntryKind::File,
            len: o.size,
            mtime_s: o.last_modified.timestamp(),
        });
        Ok(folders.chain(files).collect())
    }

    /// Deletes a file; one that is not there is deleted already.
    ///
    /// # Errors
    /// Those of the place.
    pub async fn delete(&self, name: &str) -> Result<()> {
        match self.store.delete(&path(name)?).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(&error)),
        }
    }
}

fn path(name: &str) -> Result<Path> {
    Path::parse(name).map_err(|_| RecordingsError::OutsideBase)
}

/// Never the address: it may hold what signs it.
fn failed(error: &Error) -> RecordingsError {
    match error {
        Error::NotFound { .. } => RecordingsError::NotFound,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => RecordingsError::PermissionDenied,
        Error::Generic { store: "S3", .. } => {
            RecordingsError::Unreachable("the object store did not answer as it should".to_owned())
        }
        other => RecordingsError::Io(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keep::KeepFolder;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn what_is_kept_is_read_back_in_whole_and_in_part_and_stays_in_its_folder() {
        let dir = tempfile::tempdir().expect("a folder");
        let place = dir.path().join("originals");
        let kept = KeptFiles::open(&KeepConfig::Local(KeepFolder { dir: place.clone() })).expect("opened");
        let mode = std::fs::metadata(&place).expect("made").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "nobody else looks in");
        let bytes: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
        let name = "default/office/2024/05/14/a call +1 555.wav.age";
        kept.put(name, bytes.clone()).await.expect("written");
        assert!(kept.get(name, 100_000).await.expect("read") == bytes);
        assert!(matches!(kept.get(name, 99_999).await, Err(RecordingsError::TooLarge { .. })));
        assert_eq!(kept.get_range(name, 99_998, 10).await.expect("read"), &bytes[99_998..]);
        assert_eq!(kept.get_range(name, 200_000, 10).await.expect("read"), Vec::<u8>::new());
        assert!(kept.put("../outside", bytes).await.is_err());
        let names = |entries: Vec<Entry>| entries.into_iter().map(|e| (e.name, e.len)).collect::<Vec<_>>();
        assert_eq!(names(kept.list(None).await.expect("listed")), [("default".to_owned(), 0)]);
        let day = kept.list(Some("default/office/2024/05/14")).await.expect("listed");
        assert_eq!(names(day), [("a call +1 555.wav.age".to_owned(), 100_000)]);
        for _ in 0..2 {
            kept.delete(name).await.expect("deleted");
        }
        assert!(matches!(kept.get(name, 1).await, Err(RecordingsError::NotFound)));
        assert!(kept.list(None).await.expect("listed").is_empty(), "folders go with their last file");
    }
}
