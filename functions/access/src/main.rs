//! Who may do what: organisations, users, service accounts and their tokens; roles, users and logins of the Perses dialect.
//! It makes the key pairs of new organisations, and can unwrap none.

use grafana::{accounts, fallback, orgs, users};
use store::{Aws, Config, Endpoint, Keyring, Store};
use web::{Options, Router};

fn main() -> anyhow::Result<()> {
    Ok(web::serve::function(web::env, start)?)
}

async fn start() -> anyhow::Result<(Router, Options)> {
    web::telemetry::init_function("access", web::env)?;
    let options = Options::read(web::env)?;
    let aws = Aws::read(web::env)?;
    let keyring = Keyring::read(web::env, &aws)?;
    let store = Store::connect(Config::read(web::env), Endpoint::Aws(aws));
    let router = orgs::router(store.clone(), keyring)
        .merge(users::router(store.clone()))
        .merge(accounts::router(store.clone()))
        .merge(perses::roles::router(store.clone()))
        .merge(perses::login::router(store.clone()))
        .merge(perses::users::router(store));
    Ok((router.fallback(fallback), options))
}
