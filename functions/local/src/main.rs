//! The local binary: every router in one process, on one port.

use std::io::Write as _;

use anyhow::Context;
use clap::Parser;
use local::args::{AdminCommand, Args, Command};
use local::{Server, Setup, admin_token};
use secrecy::ExposeSecret;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    web::telemetry::init(args.log.into(), web::env("SOURCEGATE_LOG").as_deref())?;
    match &args.command {
        Some(Command::Admin { what: AdminCommand::Token { role } }) => {
            let token = admin_token(&args.data, (*role).into()).await?;
            writeln!(std::io::stdout(), "{}", token.expose_secret())?;
            Ok(())
        }
        None => serve(&args).await,
    }
}

async fn serve(args: &Args) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let server = Server::start(Setup::from(args)).await?;
    // Standard error, since standard output is the log's where it is JSON.
    write!(std::io::stderr(), "{}", server.greeting()?)?;
    let stop = async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    };
    server.serve(stop).await
}
