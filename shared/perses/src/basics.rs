//! The small endpoints that clients call first (contract/perses.md 4.5).

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use serde_json::json;
use store::Store;

use crate::answer::{Form, json as answer};
use crate::route;

/// Makes the routes.
pub fn router(store: Store) -> Router {
    let only = "OPTIONS, GET";
    let router = route(Router::new(), "/api/config", only, get(config));
    let router = route(router, "/api/v1/health", only, get(health));
    let router = route(router, "/api/v1/plugins", only, get(plugins));
    router.with_state(store)
}

/// What percli and the UI read of a server's configuration, in Perses' own type.
async fn config(form: Form) -> Response {
    let open = json!({ "disable": false });
    let value = json!({
        "security": {
            "readonly": false,
            "cookie": { "same_site": "lax", "secure": false },
            "encryption_key": "<secret>",
            "enable_auth": true,
            "authorization": {},
            "authentication": {
                "access_token_ttl": "15m",
                "refresh_token_ttl": "1d",
                "disable_sign_up": true,
                "providers": { "enable_native": true },
            },
            "cors": { "enable": false },
        },
        "database": { "file": { "folder": "", "extension": "json", "case_sensitive": false } },
        "dashboard": {},
        "provisioning": { "interval": "1h" },
        "datasource": { "global": open, "project": open, "disable_local": false },
        "variable": {
            "global": { "disable": true }, "project": { "disable": true }, "disable_local": false,
        },
        "ephemeral_dashboard": { "enable": false, "cleanup_interval": "0s" },
        "frontend": { "disable": true, "explorer": { "enable": false } },
        "plugin": { "path": "", "archive_paths": [], "enable_dev": false },
        "search": {
            "check_latest_update_interval": "30s",
            "index_keys": { "dashboard": ["metadata.name", "spec.display.name"] },
        },
    });
    answer(StatusCode::OK, &value, form)
}

async fn health(State(store): State<Store>, form: Form) -> Response {
    let is_well = store.ping().await.inspect_err(|error| {
        tracing::warn!(error = %web::Chain(error), "the tables do not answer");
    });
    let status = if is_well.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let value = json!({
        "buildTime": "", "version": "", "commit": "", "database": is_well.is_ok(),
    });
    answer(status, &value, form)
}

async fn plugins(form: Form) -> Response {
    answer(StatusCode::OK, &json!([]), form)
}
