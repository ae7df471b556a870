//! The `unsaid` binary: parse the command line, wire the roles, wait for shutdown.

use std::process::ExitCode;

fn main() -> ExitCode {
    unsaid::cli::run(unsaid::cli::Cli::of_this_process())
}
