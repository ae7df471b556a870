//! `unsaid retention`: what is over goes now, or is listed.

use super::roles::open_store;
use super::{CliError, Result, load};
use crate::job::retention::{Retention, RetentionError};
use crate::metrics::Metrics;
use crate::recordings;
use chrono::Utc;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Settings; see unsaid.default.toml.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The data directory, in place of data.dir.
    #[arg(long)]
    data: Option<PathBuf>,
    /// This PBX alone.
    #[arg(long)]
    pbx: Option<String>,
    /// Delete nothing; list what would go.
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(args: Args) -> Result<()> {
    let mut config = load(args.config.as_ref())?;
    if let Some(data) = args.data {
        config.data.dir = data;
    }
    let store = open_store(&config).await?;
    let metrics = Metrics::new().map_err(|e| CliError::Failed(e.to_string()))?;
    let mut any = false;
    for pbx in config.pbx.iter().filter(|p| args.pbx.as_deref().is_none_or(|id| id == p.id.as_str())) {
        let folder = recordings::open(&pbx.recordings);
        let Some(retention) = Retention::of(pbx, &folder, &store, &metrics) else { continue };
        any = true;
        if args.dry_run { list(&retention).await? } else { delete(&retention).await? }
    }
    if any {
        return Ok(());
    }
    Err(CliError::Usage("no such PBX has [pbx.retention] in the settings".to_owned()))
}

async fn list(retention: &Retention) -> Result<()> {
    let now = Utc::now();
    println!("{}: {} and later are kept", retention.pbx, retention.oldest_kept(now));
    let (mut files, mut bytes, mut held) = (0, 0, 0);
    for day in retention.expired(now).await.map_err(|e| failed(&e))? {
        let outgoing = retention.outgoing(&day).await.map_err(|e| failed(&e))?;
        for (path, _) in &outgoing.files {
            println!("{path}");
        }
        files += outgoing.files.len();
        bytes += outgoing.files.iter().map(|(_, len)| len).sum::<u64>();
        held += outgoing.held;
    }
    println!("{}: {files} files of {bytes} bytes would be deleted, {held} are on legal hold", retention.pbx);
    Ok(())
}

async fn delete(retention: &Retention) -> Result<()> {
    let now = Utc::now();
    retention.run(now, now).await.map_err(|e| failed(&e))?;
    let last = retention.store.last_retention(&retention.tenant, &retention.pbx).await;
    if let Some(run) = last.map_err(|e| CliError::Service(e.to_string()))? {
        println!(
            "{}: {} files of {} bytes and {} folders deleted, {} files on legal hold kept",
            retention.pbx, run.files_deleted, run.bytes_deleted, run.folders_deleted, run.files_held
        );
    }
    Ok(())
}

fn failed(error: &RetentionError) -> CliError {
    CliError::Service(error.to_string())
}
