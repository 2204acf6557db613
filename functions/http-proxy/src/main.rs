//! Requests to data sources, streamed both ways. The one function that opens secrets.

use anyhow::Context as _;
use egress::{Dns, Egress, Timeouts};
use gateway::Gateway;
use sourcegate_core::Policy;
use store::{Config, Endpoint, Keyring, Store, Vault};
use upstream::{Limits, Upstream};
use web::serve::LambdaConfig;
use web::telemetry::Format;
use web::{Jwt, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    web::telemetry::init(Format::Json, web::env("SOURCEGATE_LOG").as_deref())?;
    let (lambda, policy) = (LambdaConfig::read(web::env)?, Policy::read(web::env)?);
    let options = Options { jwt: Jwt::read(web::env)?, ..Options::default() };
    let store = Store::connect(Config::read(web::env), Endpoint::Aws).await;
    let vault = Vault::new(keyring().await?, store.deployment().to_owned());
    let egress = Egress::new(policy, Dns::System, Timeouts::default());
    let gateway = Gateway::new(store, vault, Upstream::new(egress, Limits::default()));
    let router = grafana::proxy::router(gateway).fallback(grafana::fallback);
    Ok(web::serve::lambda(router, options, &lambda).await?)
}

/// `SOURCEGATE_KEY_FILE`, the key file of a local process on the same machine; else KMS with the key that
/// `SOURCEGATE_KMS_KEY` names.
async fn keyring() -> anyhow::Result<Keyring> {
    let Some(path) = web::env("SOURCEGATE_KEY_FILE") else {
        let key = web::env("SOURCEGATE_KMS_KEY");
        let key = key.context("neither SOURCEGATE_KMS_KEY nor SOURCEGATE_KEY_FILE is set")?;
        return Ok(Keyring::kms(key).await);
    };
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    Keyring::local(&text).with_context(|| format!("{path} is damaged"))
}
