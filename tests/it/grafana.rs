//! The Grafana dialect as its clients see it: one file per group of rules.

mod access;
mod access_credentials;
mod basics;
mod correlations;
mod correlations_bad;
mod correlations_rights;
mod datasources;
mod datasources_bad;
mod datasources_secrets;
mod datasources_update;
mod datasources_urls;
mod page_guard;
mod permissions;
mod permissions_bad;
mod permissions_rights;
mod proxy;
mod proxy_answers;
mod proxy_freshness;
mod proxy_headers;
mod proxy_paths;
mod user;
