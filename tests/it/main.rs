//! The black-box suite: what callers, operators and the platform see.

mod architecture;
mod clients;
mod crowd;
mod egress;
mod events;
mod fleet;
mod floods;
mod grafana;
mod jwt;
mod kms;
mod lambda;
mod lifecycle;
mod local;
mod openapi;
mod outages;
mod passwords;
mod perses;
mod routes;
mod secrets;
mod sql;
mod store;
mod streaming;
mod template;
mod tenants;
mod tls;
mod verify;
