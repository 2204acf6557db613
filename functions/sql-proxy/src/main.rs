//! Statements for databases, and what else is asked of a data source itself or of one that is not saved.

use egress::{Dns, Egress, Timeouts};
use gateway::{Engines, Gateway};
use perses::Settings;
use sourcegate_core::{Policy, RdsRules};
use sql::Sql;
use store::{Aws, Config, Endpoint, Keyring, RdsTokens, Store, Vault};
use upstream::{Limits, Upstream};
use web::{Options, Router};

fn main() -> anyhow::Result<()> {
    Ok(web::serve::function(web::env, start)?)
}

async fn start() -> anyhow::Result<(Router, Options)> {
    web::telemetry::init_function("sql-proxy", web::env)?;
    let policy = Policy::read(web::env)?;
    let settings = Settings::read(web::env)?;
    let options = Options::read(web::env)?;
    let aws = Aws::read(web::env)?;
    let keyring = Keyring::read(web::env, &aws)?;
    let rds = RdsRules::read(web::env)?.map(|rules| RdsTokens::new(rules, aws.clone()));
    let store = Store::connect(Config::read(web::env), Endpoint::Aws(aws));
    let vault = Vault::new(keyring, store.deployment().to_owned());
    let egress = Egress::new(policy, Dns::System, Timeouts::default());
    let limits = Limits::of_process(web::serve::at_once(web::env));
    let upstream = Upstream::new(egress.clone(), limits);
    let sql = Some(Sql::new(egress, sql::Limits::default()));
    let gateway = Gateway::new(store, vault, Engines { upstream, sql, rds });
    let router = perses::sql::router(gateway.clone(), settings);
    let router = router.merge(perses::unsaved::router(gateway, settings));
    Ok((router.fallback(perses::fallback), options))
}
