//! `unsaid serve`: the roles of one process, until it is told to stop.

use super::roles::{App, Role};
use super::{Result, load};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Settings; see unsaid.default.toml.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The data directory, in place of data.dir.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Find everything and write nothing to a recording, whatever redact.dry_run says.
    #[arg(long)]
    dry_run: bool,
    /// Which roles this process plays.
    #[arg(long, value_delimiter = ',', default_values_t = Role::ALL)]
    roles: Vec<Role>,
}

pub async fn run(args: Args) -> Result<()> {
    let mut config = load(args.config.as_ref())?;
    if let Some(data) = args.data {
        config.data.dir = data;
    }
    config.redact.dry_run |= args.dry_run;
    crate::telemetry::start(&config.log, config.log_format);
    let shutdown = CancellationToken::new();
    stop_on_signal(shutdown.clone());
    let app = App::open(config).await?;
    app.run(&args.roles, shutdown).await
}

/// SIGTERM and Ctrl-C drain; a second one does not wait.
pub fn stop_on_signal(shutdown: CancellationToken) {
    tokio::spawn(async move {
        signal().await;
        shutdown.cancel();
        signal().await;
        std::process::exit(130);
    });
}

async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = signal(SignalKind::terminate());
    let Ok(mut terminated) = terminated else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}
