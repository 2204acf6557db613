//! `sourcegate verify URL`: tries from outside what a gateway promises to withstand, with data sources of its own that it
//! removes.

mod api;
mod args;
mod checks;
mod echo;
mod report;
mod sources;

use std::process::ExitCode;

use anyhow::Context as _;
use http::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::admin::complain;
use api::{Answer, Api, Caller};
use checks::Check;
use echo::{Echo, Seen};
use report::{Miss, Report};
use sources::{Source, Sources};

pub use args::VerifyArgs;

/// Runs the battery and says what came of it.
pub async fn run(args: &VerifyArgs) -> ExitCode {
    let log = web::env("SOURCEGATE_LOG");
    let log = web::telemetry::init(web::telemetry::Format::Text, log.as_deref().or(Some("warn")));
    let done = match log {
        Ok(()) => Box::pin(battery(args)).await,
        Err(error) => Err(error.into()),
    };
    match done.and_then(|report| report.say()?.print(args.json)) {
        Ok(code) => code,
        Err(error) => {
            complain(&error, args.json);
            ExitCode::from(2)
        }
    }
}

/// What the checks work with.
struct Verify {
    admin: Caller,
    /// A caller of another organisation, if one was given.
    other: Option<Caller>,
    nobody: Caller,
    org: u64,
    echo: Echo,
    sources: Sources,
    /// The secrets of [`Verify::echoed`]: a password and the value of a header.
    canaries: [String; 2],
    /// The data source that leads to the echo, or why none does.
    echoed: Result<Source, String>,
}

async fn battery(args: &VerifyArgs) -> anyhow::Result<Report> {
    let mut verify = Verify::start(args).await?;
    let mut found = Vec::new();
    let interrupted = tokio::select! {
        () = verify.try_all(&mut found) => false,
        _ = tokio::signal::ctrl_c() => true,
    };
    let left = verify.sources.remove_all().await;
    let url = verify.admin.api.base().to_owned();
    Ok(Report { url, org: verify.org, found, made: verify.sources.made(), left, interrupted })
}

impl Verify {
    async fn start(args: &VerifyArgs) -> anyhow::Result<Self> {
        let api = Api::new(&args.url)?;
        let bearer = |token: &SecretString| format!("Bearer {}", token.expose_secret().trim());
        let admin = Caller::new(&api, Some(&bearer(&args.token)))?;
        let other = args.other_token.as_ref();
        let other = other.map(|token| Caller::new(&api, Some(&bearer(token)))).transpose()?;
        let answer = admin.get("/api/org").await?;
        let org = answer.json()["id"].as_u64();
        let org = org.with_context(|| format!("the token is of no use: {}", answer.brief()))?;
        let run = hex::<4>()?;
        let mut verify = Self {
            nobody: Caller::new(&api, None)?,
            sources: Sources::new(admin.clone(), run.clone()),
            canaries: [format!("verify-{}", hex::<16>()?), format!("verify-{}", hex::<16>()?)],
            admin,
            other,
            org,
            echo: Echo::listen(args.echo_listen).await?,
            echoed: Err(String::new()),
        };
        verify.canaries.iter().for_each(|canary| api.watch_for(canary));
        let url = args.echo_url.clone();
        let url = url.unwrap_or_else(|| format!("http://{}", verify.echo.address));
        verify.echoed =
            verify.reach_echo(&format!("{}/{run}/base", url.trim_end_matches('/'))).await?;
        Ok(verify)
    }

    /// Registers the echo and asks it once.
    async fn reach_echo(&mut self, url: &str) -> anyhow::Result<Result<Source, String>> {
        let settings = self.with_secrets("echo", url);
        let (answer, source) = self.sources.ask(&settings).await?;
        let advice = "let --echo-listen and --echo-url name where the gateway reaches this machine";
        match answer.status {
            StatusCode::OK => {}
            StatusCode::BAD_REQUEST => {
                return Ok(Err(format!("{url} is refused: {}; {advice}", answer.brief())));
            }
            _ => anyhow::bail!("the token cannot create data sources: {}", answer.brief()),
        }
        let answer = self.admin.get(&proxied(&source, "hello")).await?;
        Ok(match self.echo.take(self.sources.run()).len() {
            0 => Err(format!("{url} is not reached: {}; {advice}", answer.brief())),
            _ => Ok(source),
        })
    }

    /// The settings of a data source that holds both canaries.
    fn with_secrets(&self, what: &str, url: &str) -> Value {
        let mut settings = self.sources.settings(what, url);
        let [password, header] = &self.canaries;
        settings["basicAuth"] = json!(true);
        settings["basicAuthUser"] = json!("verify");
        settings["jsonData"] = json!({ "httpHeaderName1": "X-Verify" });
        settings["secureJsonData"] =
            json!({ "basicAuthPassword": password, "httpHeaderValue1": header });
        settings
    }

    async fn try_all(&mut self, found: &mut Vec<(Check, Result<(), Miss>)>) {
        for check in Check::ALL {
            let outcome = check.run(self).await;
            found.push((check, outcome));
        }
    }

    /// Asks the echo through the gateway, and gives what the gateway answered and what arrived.
    async fn ask_echo(
        &self,
        tail: &str,
        headers: &[(&str, &str)],
    ) -> Result<(Answer, Vec<Seen>), Miss> {
        let source = self.echoed.as_ref().map_err(|why| Miss::NotRun(why.clone()))?;
        // What came late belongs to nobody.
        drop(self.echo.take(self.sources.run()));
        let answer = self.admin.send(Method::GET, &proxied(source, tail), headers, None).await?;
        Ok((answer, self.echo.take(self.sources.run())))
    }
}

/// The path that leads to a data source.
fn proxied(source: &Source, tail: &str) -> String {
    format!("/api/datasources/proxy/uid/{}/{tail}", source.uid)
}

/// Random hex digits, two for each byte.
fn hex<const BYTES: usize>() -> anyhow::Result<String> {
    let mut bytes = [0_u8; BYTES];
    getrandom::fill(&mut bytes).context("the system has no randomness to give")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
