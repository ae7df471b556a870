//! `unsaid originals`: what was sealed before it was muted, for whoever holds a
//! private key to it.

use super::roles::open_store;
use super::{CliError, Result, load};
use crate::call::{RecordingPath, TenantId};
use crate::config::Config;
use crate::config::pbx::PbxConfig;
use crate::recordings::write_back::{self, Replacement, Which};
use crate::recordings::{self, RecordingsError};
use crate::stage::redact::plan::sha256;
use crate::store::Store;
use crate::store::originals::SealedOriginal;
use crate::vault::originals::{Originals, identities, open_sealed};
use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// A sealed file is a little longer than what is in it.
const OVERHEAD: u64 = 1 << 20;
/// Longer than putting one back takes.
const LEASE_S: i64 = 600;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// Settings; see unsaid.default.toml.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    /// The data directory, in place of data.dir.
    #[arg(long, global = true)]
    data: Option<PathBuf>,
    /// Whose.
    #[arg(long, global = true, default_value = "default")]
    tenant: String,
    /// Who does this, for the audit trail; without it, the user of this machine.
    #[arg(long = "as", global = true)]
    actor: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List what is kept, a JSON line each, newest first.
    List {
        /// Of one recording alone, by its id.
        #[arg(long)]
        recording: Option<String>,
        #[arg(long, default_value_t = 10_000)]
        most: i64,
    },
    /// Open a sealed original: by its id of `list`, or a sealed file on a machine without unsaid's data.
    Open {
        original: String,
        /// The private key: a file as `age-keygen` writes it.
        #[arg(long)]
        identity: PathBuf,
        /// Where the recording is written; "-" for the standard output.
        #[arg(long)]
        out: PathBuf,
    },
    /// Put an original back in its recording's place. It holds its secrets again, is not played, and is left alone.
    Restore {
        original: String,
        /// The private key: a file as `age-keygen` writes it.
        #[arg(long)]
        identity: PathBuf,
    },
}

pub async fn run(args: Args) -> Result<()> {
    let mut config = load(args.config.as_ref())?;
    if let Some(data) = &args.data {
        config.data.dir.clone_from(data);
    }
    let tenant = TenantId::try_from(args.tenant.clone()).map_err(|e| CliError::Usage(e.to_string()))?;
    if let Command::Open { original, identity, out } = &args.command
        && Path::new(original).is_file()
    {
        let sealed = std::fs::read(original).map_err(|e| CliError::Usage(format!("{original}: {e}")))?;
        return write_out(out, &opened(&sealed, identity)?);
    }
    let desk = Desk { store: open_store(&config).await?, config, tenant, actor: actor(args.actor) };
    match args.command {
        Command::List { recording, most } => desk.list(recording.as_deref(), most).await,
        Command::Open { original, identity, out } => desk.open(&original, &identity, &out).await,
        Command::Restore { original, identity } => desk.restore(&original, &identity).await,
    }
}

/// Who stands before the keyboard.
fn actor(named: Option<String>) -> String {
    let var = |key| std::env::var(key).ok().filter(|v| !v.is_empty());
    named.or_else(|| var("SUDO_USER")).or_else(|| var("USER")).unwrap_or_else(|| "unknown".to_owned())
}

fn opened(sealed: &[u8], identity: &Path) -> Result<Vec<u8>> {
    let keys = identities(identity).map_err(|e| CliError::Usage(e.to_string()))?;
    open_sealed(sealed, &keys).map_err(|e| CliError::NotUnderstood(e.to_string()))
}

/// Never over a file that is there, never to a screen, readable by its owner alone.
fn write_out(out: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |e: std::io::Error| CliError::Failed(format!("{} cannot be written: {e}", out.display()));
    if out == Path::new("-") {
        if std::io::stdout().is_terminal() {
            return Err(CliError::Usage("a recording is not written to a terminal; name a file".to_owned()));
        }
        return std::io::stdout().write_all(bytes).map_err(failed);
    }
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(out);
    file.and_then(|mut file| file.write_all(bytes)).map_err(failed)
}

/// One tenant's originals.
struct Desk {
    config: Config,
    store: Store,
    tenant: TenantId,
    actor: String,
}

fn service(error: impl std::fmt::Display) -> CliError {
    CliError::Service(error.to_string())
}

impl Desk {
    async fn list(&self, recording: Option<&str>, most: i64) -> Result<()> {
        for original in self.store.originals(&self.tenant, recording, most).await.map_err(service)? {
            let line = serde_json::to_string(&original).map_err(service)?;
            super::files::to_stdout(format!("{line}\n").as_bytes())?;
        }
        Ok(())
    }

    async fn open(&self, id: &str, identity: &Path, out: &Path) -> Result<()> {
        let (original, _) = self.find(id).await?;
        let bytes = self.unseal(&original, identity).await?;
        self.store.note_original_opened(&original, &self.actor).await.map_err(service)?;
        write_out(out, &bytes)
    }

    async fn restore(&self, id: &str, identity: &Path) -> Result<()> {
        let (original, pbx) = self.find(id).await?;
        let bytes = self.unseal(&original, identity).await?;
        let path = RecordingPath::parse(&original.path).map_err(service)?;
        let (name, holder) = (path.on_disk().to_string(), format!("restore:{}", Uuid::new_v4()));
        let file = (&self.tenant, &pbx.id, name.as_str());
        if !self.store.take_lease(file, &holder, LEASE_S).await.map_err(service)? {
            return Err(CliError::Service(format!(
                "{} is being redacted now; try again in a minute",
                original.path
            )));
        }
        let restored = self.put_back(&original, pbx, &bytes).await;
        self.store.end_lease(file, &holder).await.map_err(service)?;
        restored
    }

    async fn put_back(&self, original: &SealedOriginal, pbx: &PbxConfig, bytes: &[u8]) -> Result<()> {
        let row = self.store.recording(&self.tenant, &original.recording_id).await.map_err(service)?;
        let redacted = row.and_then(|r| r.redacted_sha256);
        let recordings = recordings::open(&pbx.recordings);
        let path = RecordingPath::parse(&original.path).map_err(service)?;
        let failed = |e: RecordingsError| CliError::Service(format!("{}: {e}", original.path));
        let limit = self.config.limits.recording_mib << 20;
        let (old, new) = (redacted.as_deref().unwrap_or_default(), original.original_sha256.as_str());
        let which = |bytes: &[u8]| Which::by_sum(&sha256(bytes), old, new);
        // An earlier try may have been cut off.
        let mended = write_back::recover(recordings.as_ref(), &path, &original.recording_id, limit, which);
        mended.await.map_err(failed)?;
        let seen = recordings.stat(&path).await.map_err(failed)?;
        let before = recordings.fetch(&path, limit).await.map_err(failed)?;
        let there = sha256(&before);
        if there != original.original_sha256 {
            if redacted.as_deref() != Some(there.as_str()) {
                return Err(CliError::Failed(format!(
                    "{} is not what unsaid left there, so it is not touched; `unsaid originals open` writes the original elsewhere",
                    original.path
                )));
            }
            // First, so that it is played to nobody from now on.
            self.store.mark_restored(original, &self.actor).await.map_err(service)?;
            let id = original.recording_id.as_str();
            let new = Replacement { id, seen, before: &before, after: bytes, limit_bytes: limit };
            write_back::replace(recordings.as_ref(), &path, new).await.map_err(failed)?;
        } else {
            self.store.mark_restored(original, &self.actor).await.map_err(service)?;
        }
        println!("{} holds its original again, and its secrets with it", original.path);
        Ok(())
    }

    async fn find(&self, id: &str) -> Result<(SealedOriginal, &PbxConfig)> {
        let found = self.store.original(&self.tenant, id).await.map_err(service)?;
        let found = found.ok_or_else(|| {
            CliError::Usage("there is no such original; `unsaid originals list` tells them".to_owned())
        })?;
        let mut pbxs = self.config.pbx.iter();
        let pbx = pbxs.find(|p| p.tenant == self.tenant && p.id.as_str() == found.pbx);
        let pbx = pbx.ok_or_else(|| CliError::Usage(format!("the settings have no PBX {}", found.pbx)))?;
        Ok((found, pbx))
    }

    async fn unseal(&self, original: &SealedOriginal, identity: &Path) -> Result<Vec<u8>> {
        let (_, pbx) = self.find(&original.id).await?;
        let Some(settings) = &pbx.originals else {
            return Err(CliError::Usage(
                "the PBX has no [pbx.originals] in the settings any more".to_owned(),
            ));
        };
        let originals = Originals::open(settings, &self.config.data.dir).map_err(service)?;
        let limit = original.size_bytes.unsigned_abs() + OVERHEAD;
        let sealed = originals.kept.get(&original.object, limit).await.map_err(service)?;
        let bytes = opened(&sealed, identity)?;
        if sha256(&bytes) == original.original_sha256 {
            return Ok(bytes);
        }
        Err(CliError::Failed("what was opened is not the original: its checksum differs".to_owned()))
    }
}
