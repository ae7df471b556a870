//! One recording and its replacement, on a server whose every request a test
//! meddles with: it dies, somebody writes, deletes or sweeps meanwhile.

use async_trait::async_trait;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use unsaid::call::RecordingPath;
use unsaid::recordings::local::LocalRecordings;
use unsaid::recordings::write_back::{Which, recover};
use unsaid::recordings::{Entry, Recordings, RecordingsError, Result, Stat};
use unsaid_dsp::mute::Patch;

pub const BEFORE: &[u8] = b"the original with its secret";
pub const AFTER: &[u8] = b"the redacted one, of another length";
/// What somebody appends.
pub const TAIL: &[u8] = b" and more";
pub const ID: &str = "0190-id";

pub fn path() -> RecordingPath {
    RecordingPath::parse("2024/05/14/call.flac").unwrap()
}

pub fn which(bytes: &[u8]) -> Which {
    match bytes {
        BEFORE => Which::Old,
        AFTER => Which::New,
        _ => Which::Other,
    }
}

/// What happens to a call, counted from one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    Nothing,
    /// This call and every later one fail: the process or the wire is dead.
    DiesAt(usize),
    /// As if it died after the call had its effect.
    DiesAfter(usize),
    /// Somebody writes the recording anew before this call; size and time tell nothing of it.
    AltersAt(usize),
    /// Somebody appends to the recording before this call.
    AppendsAt(usize),
    /// The same, and the process dies before a later one.
    AppendsAndDies(usize, usize),
    /// Somebody deletes the recording before this call.
    GoesAt(usize),
    /// Another process sweeps leftovers before this call.
    SweptAt(usize),
}

/// What a server can do.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    pub renames_over: bool,
    pub links: bool,
}

pub const BEST: Server = Server { renames_over: true, links: true };
pub const SERVERS: [Server; 4] = [
    BEST,
    Server { renames_over: true, links: false },
    Server { renames_over: false, links: true },
    Server { renames_over: false, links: false },
];

/// Recordings that a test meddles with.
pub struct Meddled {
    pub inner: Arc<dyn Recordings>,
    base: std::path::PathBuf,
    fate: Fate,
    server: Server,
    pub calls: AtomicUsize,
}

impl Meddled {
    pub fn new(base: &Path, fate: Fate, server: Server) -> Meddled {
        let inner = Arc::new(LocalRecordings::new(base));
        Meddled { inner, base: base.to_owned(), fate, server, calls: AtomicUsize::new(0) }
    }

    fn meddle(&self, n: usize) {
        let file = self.base.join(path().as_str());
        match self.fate {
            Fate::AltersAt(at) if n == at => {
                let time = std::fs::metadata(&file).unwrap().modified().unwrap();
                std::fs::write(&file, BEFORE.to_ascii_uppercase()).unwrap();
                std::fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
            }
            Fate::AppendsAt(at) | Fate::AppendsAndDies(at, _) if n == at => {
                std::fs::File::options().append(true).open(&file).unwrap().write_all(TAIL).unwrap();
            }
            Fate::GoesAt(at) if n == at => std::fs::remove_file(&file).unwrap(),
            _ => {}
        }
    }

    async fn through<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let n = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        match self.fate {
            Fate::DiesAt(at) if n >= at => return Err(RecordingsError::BrokenOff),
            Fate::AppendsAndDies(_, at) if n >= at => return Err(RecordingsError::BrokenOff),
            Fate::DiesAfter(at) if n > at => return Err(RecordingsError::BrokenOff),
            Fate::SweptAt(at) if n == at => {
                recover(self.inner.as_ref(), &path(), ID, 1 << 20, which).await.unwrap();
            }
            _ => self.meddle(n),
        }
        let result = work.await;
        if self.fate == Fate::DiesAfter(n) { Err(RecordingsError::BrokenOff) } else { result }
    }
}

#[async_trait]
impl Recordings for Meddled {
    async fn stat(&self, path: &RecordingPath) -> Result<Stat> {
        self.through(self.inner.stat(path)).await
    }
    async fn fetch(&self, path: &RecordingPath, limit: u64) -> Result<Vec<u8>> {
        self.through(self.inner.fetch(path, limit)).await
    }
    async fn read(&self, path: &RecordingPath, offset: u64, len: u64) -> Result<Vec<u8>> {
        self.through(self.inner.read(path, offset, len)).await
    }
    async fn overwrite(&self, path: &RecordingPath, patches: &[Patch]) -> Result<()> {
        self.through(self.inner.overwrite(path, patches)).await
    }
    async fn set_mtime(&self, path: &RecordingPath, mtime_s: i64) -> Result<()> {
        self.through(self.inner.set_mtime(path, mtime_s)).await
    }
    async fn check_sole_name(&self, path: &RecordingPath) -> Result<()> {
        self.through(self.inner.check_sole_name(path)).await
    }
    async fn create(&self, path: &RecordingPath, bytes: &[u8]) -> Result<()> {
        self.through(self.inner.create(path, bytes)).await
    }
    async fn adopt(&self, path: &RecordingPath, like: &RecordingPath) -> Result<()> {
        self.through(self.inner.adopt(path, like)).await
    }
    async fn link(&self, from: &RecordingPath, to: &RecordingPath) -> Result<bool> {
        if !self.server.links {
            return self.through(async { Ok(false) }).await;
        }
        self.through(self.inner.link(from, to)).await
    }
    async fn rename_over(&self, from: &RecordingPath, to: &RecordingPath) -> Result<()> {
        if !self.server.renames_over {
            return self.through(async { Err(RecordingsError::NoAtomicRename) }).await;
        }
        self.through(self.inner.rename_over(from, to)).await
    }
    async fn rename(&self, from: &RecordingPath, to: &RecordingPath) -> Result<()> {
        self.through(self.inner.rename(from, to)).await
    }
    async fn remove(&self, path: &RecordingPath) -> Result<()> {
        self.through(self.inner.remove(path)).await
    }
    async fn list(&self, folder: Option<&RecordingPath>) -> Result<Vec<Entry>> {
        self.through(self.inner.list(folder)).await
    }
    async fn remove_folder(&self, folder: &RecordingPath) -> Result<()> {
        self.through(self.inner.remove_folder(folder)).await
    }
}
