//! The local binary: every router in one process, on one port.

use std::io::Write as _;
use std::pin::pin;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use local::args::{Args, Command};
use local::{Server, Setup, admin, verify};
use sourcegate_core::RdsRules;
use store::{Aws, RdsTokens};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// One thread for all requests: waking a second one costs more than a small request itself does.
/// Passwords and tables have threads of their own.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let ended = match &args.command {
        Some(Command::Admin(asked)) => return admin::run(asked, &args).await,
        Some(Command::Verify(asked)) => return verify::run(asked).await,
        None => serve(&args).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The text and its causes on one line: an operator can do nothing with a stack. Nobody is left to tell if
            // even that cannot be written.
            writeln!(std::io::stderr(), "Error: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: &Args) -> anyhow::Result<()> {
    web::telemetry::init(args.log.into(), web::env("SOURCEGATE_LOG").as_deref())?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut asked = async || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let web::Options { jwt, spans, .. } = web::Options::read(web::env)?;
    let rds = rds_tokens()?;
    let server = Server::start(Setup { jwt, spans, rds, ..Setup::from(args) }).await?;
    // Standard error, since standard output is the log's where it is JSON.
    write!(std::io::stderr(), "{}", server.greeting()?)?;
    let (stop, stopped) = oneshot::channel::<()>();
    let mut serving = pin!(server.serve(async { drop(stopped.await) }));
    tokio::select! {
        served = &mut serving => return served,
        () = asked() => drop(stop),
    }
    tokio::select! {
        served = serving => served,
        () = asked() => anyhow::bail!("asked twice to stop, so what was in flight is abandoned"),
    }
}

/// Of AWS nothing is read where no rule needs it.
fn rds_tokens() -> anyhow::Result<Option<RdsTokens>> {
    let Some(rules) = RdsRules::read(web::env)? else { return Ok(None) };
    Ok(Some(RdsTokens::new(rules, Aws::read(web::env)?)))
}
