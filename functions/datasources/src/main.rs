//! The registry of data sources, who may do what with them, correlations, the small endpoints that clients call first, and
//! the document of the API. It can seal secrets and open none.

use grafana::provisioning::{self, Provisioning};
use grafana::{Settings, basics, correlations, datasources, docs, fallback, permissions};
use sourcegate_core::Policy;
use store::{Aws, Config, Endpoint, Provisioner, Store};
use web::{Options, Router};

fn main() -> anyhow::Result<()> {
    Ok(web::serve::function(web::env, start)?)
}

async fn start() -> anyhow::Result<(Router, Options)> {
    web::telemetry::init_function("datasources", web::env)?;
    let policy = Policy::read(web::env)?;
    let (options, settings) = (Options::read(web::env)?, Settings::read(web::env)?);
    let store = Store::connect(Config::read(web::env), Endpoint::Aws(Aws::read(web::env)?));
    // Read when an administrator asks, never by itself: any request may start any number of these.
    let folder = web::env("SOURCEGATE_PROVISIONING").map(Into::into);
    let provisioner = Provisioner::new(store.clone(), None);
    let router = datasources::router(store.clone(), policy.clone(), settings)
        .merge(permissions::router(store.clone()))
        .merge(correlations::router(store.clone()))
        .merge(basics::router(store))
        .merge(docs::router())
        .merge(provisioning::router(Provisioning::new(folder, provisioner, policy)));
    Ok((router.fallback(fallback), options))
}
