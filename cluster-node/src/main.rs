//! The binary: a wrong command line is exit 2, what the node cannot do is one sentence and exit 1.

use std::io::Write;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use cluster_node::cli::Args;
use cluster_node::process;

fn main() -> ExitCode {
    let args = Args::parse();
    if args.list_bugs {
        return match writeln!(std::io::stdout(), "{}", args.bug_list()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    let settings = match args.settings() {
        Ok(settings) => settings,
        Err(error) => Args::command().error(ErrorKind::ValueValidation, error).exit(),
    };
    match process::run(&args, settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is there to be told if that fails.
            let _ = writeln!(
                std::io::stderr(),
                "cluster-node: {} cannot go on: {error:#}",
                args.id
            );
            ExitCode::FAILURE
        }
    }
}
