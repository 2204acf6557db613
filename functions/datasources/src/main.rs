//! The registry of data sources, who may do what with them, correlations, the small endpoints that clients call first, and
//! the document of the API. It can seal secrets and open none.

use grafana::{basics, correlations, datasources, docs, fallback, permissions};
use sourcegate_core::Policy;
use store::{Config, Endpoint, Store};
use web::serve::LambdaConfig;
use web::telemetry::Format;
use web::{Jwt, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    web::telemetry::init(Format::Json, web::env("SOURCEGATE_LOG").as_deref())?;
    let (lambda, policy) = (LambdaConfig::read(web::env)?, Policy::read(web::env)?);
    let options = Options { jwt: Jwt::read(web::env)?, ..Options::default() };
    let store = Store::connect(Config::read(web::env), Endpoint::Aws).await;
    let router = datasources::router(store.clone(), policy)
        .merge(permissions::router(store.clone()))
        .merge(correlations::router(store.clone()))
        .merge(basics::router(store))
        .merge(docs::router());
    Ok(web::serve::lambda(router.fallback(fallback), options, &lambda).await?)
}
