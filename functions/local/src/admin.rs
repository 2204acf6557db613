//! `sourcegate admin`: what an operator does against the data folder or AWS, by the same store.

mod archive;
mod args;
mod bootstrap;
mod export;
mod fsck;
mod import;
mod notes;
mod password;
mod progress;
mod rotation;
mod said;
mod target;
mod tokens;
mod users;

use std::process::ExitCode;

use crate::args::Args;

pub(crate) use said::{Said, complain};
use target::Target;

pub use args::{
    AdminArgs, AdminCommand, InOrg, NewPassword, OnConflict, Passphrase, RoleName, UserCommand,
};

/// Runs a command and says what came of it.
pub async fn run(asked: &AdminArgs, args: &Args) -> ExitCode {
    let log = web::env("SOURCEGATE_LOG");
    // What commands say is theirs; the log keeps to what is wrong unless it is asked for more.
    let log = log.as_deref().or(Some("warn"));
    let format = web::telemetry::Format::Text;
    let done = match web::telemetry::init(format, log) {
        Ok(()) => Box::pin(command(asked, args)).await,
        Err(error) => Err(error.into()),
    };
    let failed = if matches!(asked.what, AdminCommand::Fsck { .. }) { 2 } else { 1 };
    match done.and_then(|said| said.print(asked.json)) {
        Ok(code) => code,
        Err(error) => {
            complain(&error, asked.json);
            ExitCode::from(failed)
        }
    }
}

async fn command(asked: &AdminArgs, args: &Args) -> anyhow::Result<Said> {
    if let AdminCommand::Bootstrap = asked.what {
        return match asked.aws {
            true => bootstrap::on_aws(&Target::aws().await?).await,
            false => bootstrap::in_folder(&args.data).await,
        };
    }
    let target = if asked.aws { Target::aws().await? } else { Target::folder(&args.data).await? };
    let bars = progress::Bars::new(asked.json);
    match &asked.what {
        AdminCommand::Bootstrap => anyhow::bail!("it was done before"),
        AdminCommand::Token { role, org, name, ttl } => {
            let wanted =
                tokens::Wanted { role: *role, org: org.id, name: name.as_deref(), ttl: *ttl };
            tokens::create(&target, &wanted).await
        }
        AdminCommand::Password { login, new } => users::password(&target, login, new).await,
        AdminCommand::User { what } => users::run(&target, what).await,
        AdminCommand::Orgs => users::orgs(&target).await,
        AdminCommand::Export { file, org, force, passphrase } => {
            let wanted = export::Wanted { file, org: *org, force: *force };
            export::run(&target, &wanted, passphrase, &bars).await
        }
        AdminCommand::Import { file, org, on_conflict, passphrase } => {
            let wanted = import::Wanted { file, org: *org, on_conflict: *on_conflict };
            let policy = args.egress_allow.clone();
            import::run(&target, &wanted, (passphrase, policy), &bars).await
        }
        AdminCommand::Rotate { org } => rotation::rotate(&target, *org).await,
        AdminCommand::Reseal { org, pause } => rotation::reseal(&target, *org, *pause, &bars).await,
        AdminCommand::Fsck { repair } => fsck::run(&target, *repair, &bars).await,
    }
}
