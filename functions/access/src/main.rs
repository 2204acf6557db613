//! Who may do what: organisations, users, service accounts and their tokens. It makes the key pairs of new organisations, and can unwrap none.

use anyhow::Context as _;
use grafana::{accounts, fallback, orgs, users};
use store::{Config, Endpoint, Keyring, Store};
use web::serve::LambdaConfig;
use web::telemetry::Format;
use web::{Jwt, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    web::telemetry::init(Format::Json, web::env("SOURCEGATE_LOG").as_deref())?;
    let lambda = LambdaConfig::read(web::env)?;
    let options = Options { jwt: Jwt::read(web::env)?, ..Options::default() };
    let store = Store::connect(Config::read(web::env), Endpoint::Aws).await;
    let router = orgs::router(store.clone(), keyring().await?)
        .merge(users::router(store.clone()))
        .merge(accounts::router(store));
    Ok(web::serve::lambda(router.fallback(fallback), options, &lambda).await?)
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
