//! The documents of the Perses dialect, and the small endpoints that its clients call first. It can seal secrets and open none.

use store::{Aws, Config, Endpoint, Store};
use web::{Options, Router};

fn main() -> anyhow::Result<()> {
    Ok(web::serve::function(web::env, start)?)
}

async fn start() -> anyhow::Result<(Router, Options)> {
    web::telemetry::init_function("perses-api", web::env)?;
    let options = Options::read(web::env)?;
    let store = Store::connect(Config::read(web::env), Endpoint::Aws(Aws::read(web::env)?));
    let router = perses::documents::router(store.clone()).merge(perses::basics::router(store));
    Ok((router.fallback(perses::fallback), options))
}
