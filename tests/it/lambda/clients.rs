//! Clients that people use, unchanged, against the functions.

use super::{LOOPS, Watched};
use crate::clients::passes_at;

async fn passes(loops: usize, script: &str) {
    let watched = Watched::start(loops).await;
    passes_at(watched.emulator.address(), &watched.app, script).await;
}

#[tokio::test]
async fn grafana_client_manages_and_queries_data_sources() {
    passes(1, "with_grafana_client.py").await;
}

#[tokio::test]
async fn grafana_client_manages_and_queries_data_sources_with_eight_loops() {
    passes(LOOPS, "with_grafana_client.py").await;
}

#[tokio::test]
async fn grafana_client_manages_organisations_users_and_service_accounts() {
    passes(1, "with_grafana_client_admin.py").await;
}

#[tokio::test]
async fn grafana_client_manages_organisations_users_and_service_accounts_with_eight_loops() {
    passes(LOOPS, "with_grafana_client_admin.py").await;
}
