//! The registry of data sources, and the small endpoints that clients call first. It can seal secrets and open none.

use grafana::{Settings, basics, datasources, fallback};
use sourcegate_core::Policy;
use store::{Config, Endpoint, Store};
use web::serve::LambdaConfig;
use web::telemetry::Format;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    web::telemetry::init(Format::Json, web::env("SOURCEGATE_LOG").as_deref())?;
    let (lambda, policy) = (LambdaConfig::read(web::env)?, Policy::read(web::env)?);
    let settings = Settings::read(web::env)?;
    let store = Store::connect(Config::read(web::env), Endpoint::Aws).await;
    let registry = datasources::router(store.clone(), policy, settings);
    let router = registry.merge(basics::router(store)).fallback(fallback);
    Ok(web::serve::lambda(router, &lambda).await?)
}
