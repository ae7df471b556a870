//! `unsaid hook install`: the line for FreePBX's "Post Call Recording Script"
//! (MIXMON_POST), by which a PBX tells of a finished recording by itself.

use super::roles::open_store;
use super::{CliError, Result, load};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use rand::TryRngCore;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a token for a PBX and print the line for its Advanced Settings, "Post Call Recording Script".
    /// The token that the PBX had before is no longer valid.
    Install(Install),
}

#[derive(Debug, clap::Args)]
struct Install {
    /// Settings; see unsaid.default.toml.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The data directory, in place of data.dir.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Which PBX, by its id in the settings; need not be named where there is one.
    #[arg(long)]
    pbx: Option<String>,
    /// Whose, where several tenants have a PBX of that id.
    #[arg(long)]
    tenant: Option<String>,
    /// Where the PBX reaches this server; without it, api.hooks_listen or api.listen.
    #[arg(long)]
    url: Option<String>,
}

pub async fn run(args: Args) -> Result<()> {
    let Command::Install(args) = args.command;
    let mut config = load(args.config.as_ref())?;
    if let Some(data) = args.data {
        config.data.dir = data;
    }
    let mut named = config
        .pbx
        .iter()
        .filter(|p| args.pbx.as_ref().is_none_or(|id| id == p.id.as_str()))
        .filter(|p| args.tenant.as_ref().is_none_or(|t| t == p.tenant.as_str()));
    let (tenant, pbx) = match (named.next(), named.next()) {
        (Some(pbx), None) => (pbx.tenant.clone(), pbx.id.clone()),
        (None, _) => return Err(CliError::Usage("the settings have no such [[pbx]]".to_owned())),
        _ => return Err(CliError::Usage("name one PBX with --pbx, and --tenant where needed".to_owned())),
    };
    let listen = config.api.hooks_listen.unwrap_or(config.api.listen);
    let url = args.url.unwrap_or_else(|| format!("http://{listen}"));
    let token = new_token()?;
    open_store(&config)
        .await?
        .set_hook_token(&tenant, &pbx, &token)
        .await
        .map_err(|e| CliError::Service(e.to_string()))?;
    // No quotes and no commas: Asterisk takes them out of a dialplan application's arguments.
    let url = url.trim_end_matches('/');
    println!("curl -fsS -m 10 -o /dev/null -u unsaid:{token} -X POST {url}/api/v1/hooks/recording");
    eprintln!(
        "Put this line into FreePBX: Settings, Advanced Settings, \"Post Call Recording Script\". \
         Where a script stands there already, call both from one of your own."
    );
    if config.api.hooks_listen.is_none() {
        eprintln!("It works from this machine alone; for a PBX elsewhere set api.hooks_listen first.");
    }
    Ok(())
}

/// 256 bits of the system's randomness.
fn new_token() -> Result<String> {
    let mut bytes = [0u8; 32];
    let filled = rand::rngs::OsRng.try_fill_bytes(&mut bytes);
    filled.map_err(|e| CliError::Failed(format!("no randomness: {e}")))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}
