//! Requests to data sources, streamed both ways. It opens secrets, as sql-proxy does and no other.

use egress::{Dns, Egress, Timeouts};
use gateway::Gateway;
use sourcegate_core::Policy;
use store::{Aws, Config, Endpoint, Keyring, Store, Vault};
use upstream::{Limits, Upstream};
use web::{Options, Router};

fn main() -> anyhow::Result<()> {
    Ok(web::serve::function(web::env, start)?)
}

async fn start() -> anyhow::Result<(Router, Options)> {
    web::telemetry::init_function("http-proxy", web::env)?;
    let policy = Policy::read(web::env)?;
    let options = Options::read(web::env)?;
    let aws = Aws::read(web::env)?;
    let keyring = Keyring::read(web::env, &aws)?;
    let store = Store::connect(Config::read(web::env), Endpoint::Aws(aws));
    let vault = Vault::new(keyring, store.deployment().to_owned());
    let egress = Egress::new(policy, Dns::System, Timeouts::default());
    let limits = Limits::of_process(web::serve::at_once(web::env));
    let gateway = Gateway::new(store, vault, Upstream::new(egress, limits));
    let router = grafana::proxy::router(gateway.clone()).merge(perses::proxy::router(gateway));
    Ok((router.fallback(grafana::fallback), options))
}
