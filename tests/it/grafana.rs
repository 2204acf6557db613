//! The Grafana dialect as its clients see it: one file per group of rules.

mod access;
mod access_credentials;
mod accounts;
mod accounts_bad;
mod accounts_lists;
mod accounts_tokens;
mod basics;
mod datasources;
mod datasources_bad;
mod datasources_secrets;
mod datasources_update;
mod datasources_urls;
mod page_guard;
mod proxy;
mod proxy_answers;
mod proxy_freshness;
mod proxy_headers;
mod proxy_paths;
mod tokens_scoped;
mod tokens_scoped_made;
