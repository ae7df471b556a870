//! `unsaid migrate`: the schema, brought up to date.

use super::roles::open_store;
use super::{Result, load};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Settings; see unsaid.default.toml.
    #[arg(long)]
    config: Option<PathBuf>,
}

pub async fn run(args: Args) -> Result<()> {
    let config = load(args.config.as_ref())?;
    open_store(&config).await?;
    println!("the database is up to date");
    Ok(())
}
