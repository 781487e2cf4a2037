//! `harness serve`: the store in a browser.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::show;
use crate::exit::{Exit, Failure};
use crate::serve::Server;

const EXAMPLES: &str = "\
Examples:
  harness serve
      the runs under ./store, at http://127.0.0.1:8008/ until Ctrl-C
  harness serve --store /mnt/nightly --listen 127.0.0.1:0
      another store, on any free port";

/// Show the store in a browser: the runs, their reports and files, two runs side by side.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Where to listen; by default this machine alone can ask.
    #[arg(long, default_value = "127.0.0.1:8008", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where the runs are kept.
    #[arg(long, default_value = "store", value_name = "DIR")]
    store: PathBuf,
}

/// Do it, until Ctrl-C.
pub(super) fn serve(args: &Args) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    runtime.block_on(async {
        let server = Server::bind(&args.store, args.listen).await?;
        let address = server.address()?;
        if !address.ip().is_loopback() {
            eprintln!("harness: whoever reaches {address} can read all of the store");
        }
        show(&format!("http://{address}/\n"))?;
        let interrupt = || async {
            let _ = tokio::signal::ctrl_c().await;
        };
        // The first one lets what is being read come to its end, the second one does not wait for it.
        tokio::select! {
            served = server.serve(interrupt()) => served?,
            () = async { interrupt().await; interrupt().await } => {}
        }
        Ok::<(), Failure>(())
    })?;
    Ok(Exit::Pass)
}
