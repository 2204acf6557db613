//! The document, put together from what stands beside the handlers.

use utoipa::OpenApi;
use utoipa::openapi;

use super::{everywhere, forms};
use crate::{accounts, basics, correlations, datasources, orgs, permissions, provisioning, users};

/// What is true of the whole API.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sourcegate",
        description = "\
One door to every data source: register it once over Grafana's API, then send requests through it without ever seeing \
its credential.

- A path may have one slash at its end. What is not listed here is a 404 with the message `Not found`, a method that \
a path does not have included; `TRACE` and `CONNECT` are 405.
- Rights are decided before ids and bodies: 401, then 403, then 400.
- Errors are JSON. `message` is Grafana's text where Grafana has one, `cause` a stable word for programs.
- A local gateway answers 421 to hosts that it does not serve and 403 to pages of other origins."
    ),
    servers((url = "/", description = "This gateway, below its stage where it has one.")),
    tags(
        (name = "datasources", description = "The registry of data sources."),
        (name = "permissions", description = "Who may do what with one data source."),
        (name = "correlations", description = "Links from one data source to another."),
        (name = "orgs", description = "Organisations and who belongs to them."),
        (name = "users", description = "Oneself, and all users for who administers the server."),
        (name = "accounts", description = "Service accounts and their tokens."),
        (name = "provisioning", description = "Data sources from files."),
        (name = "proxy", description = "Requests through a data source."),
        (name = "basics", description = "What clients ask first: the server, and how it is."),
        (name = "docs", description = "This document."),
    ),
    components(schemas(crate::envelope::Body))
)]
struct Base;

/// Makes the whole document.
pub(super) fn whole() -> openapi::OpenApi {
    let mut document = Base::openapi();
    let groups = [
        basics::Paths::openapi(),
        datasources::Paths::openapi(),
        permissions::Paths::openapi(),
        correlations::Paths::openapi(),
        orgs::Paths::openapi(),
        users::Paths::openapi(),
        accounts::Paths::openapi(),
        provisioning::Paths::openapi(),
        crate::proxy::Paths::openapi(),
        super::Paths::openapi(),
    ];
    for group in groups {
        document.merge(group);
    }
    forms::add(&mut document);
    everywhere::add(&mut document);
    document
}
