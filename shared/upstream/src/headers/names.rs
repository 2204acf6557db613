//! The names that are taken off, in each direction.

/// Tells whether a header ends at this hop, in both directions.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "http2-settings"
            | "keep-alive"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    ) || name == "proxy"
        || name.starts_with("proxy-")
}

/// Tells whether a caller's header is never passed on as it came. `name` is in lower case.
pub(super) fn is_stripped_from_request(name: &str) -> bool {
    is_hop_by_hop(name) || is_credential(name) || is_identity(name) || changes_the_request(name)
}

/// Credentials of the caller: they are for the gateway.
fn is_credential(name: &str) -> bool {
    matches!(
        name,
        "authorization"
            | "cookie"
            | "cookie2"
            | "x-ds-authorization"
            | "x-id-token"
            | "x-jwt-assertion"
    )
}

/// Who the caller says to be, where from and through whom: data sources would believe it of the gateway.
fn is_identity(name: &str) -> bool {
    matches!(
        name,
        "forwarded"
            | "origin"
            | "referer"
            | "remote-user"
            | "true-client-ip"
            | "x-client-ip"
            | "x-grafana-device-id"
            | "x-grafana-id"
            | "x-grafana-org-id"
            | "x-grafana-referer"
            | "x-grafana-user"
            | "x-real-ip"
            | "x-remote-user"
            | "x-scope-orgid"
            | "x-webauth-user"
    ) || name.starts_with("x-forwarded-")
}

/// Makes another method or path of the request behind the rules that were checked (`faults.md` P19).
fn changes_the_request(name: &str) -> bool {
    matches!(
        name,
        "expect"
            | "x-http-method"
            | "x-http-method-override"
            | "x-method-override"
            | "x-original-url"
            | "x-rewrite-url"
    )
}

/// Tells whether the gateway sets this header of a request itself.
pub(super) fn is_set_on_request(name: &str) -> bool {
    matches!(name, "content-length" | "host" | "user-agent" | "via")
}

/// Tells whether an answer's header is not passed on. `name` is in lower case.
pub(super) fn is_stripped_from_answer(name: &str) -> bool {
    is_hop_by_hop(name)
        || speaks_for_the_origin(name)
        || is_challenge(name)
        || name.starts_with("access-control-")
        || name.starts_with("x-accel-")
}

/// Asks for credentials, or sets some.
fn is_challenge(name: &str) -> bool {
    matches!(name, "authentication-info" | "set-cookie" | "set-cookie2" | "www-authenticate")
}

/// Makes browsers, or a web server before the gateway, do something to the gateway's own origin.
fn speaks_for_the_origin(name: &str) -> bool {
    matches!(
        name,
        "alt-svc"
            | "clear-site-data"
            | "expect-ct"
            | "nel"
            | "public-key-pins"
            | "public-key-pins-report-only"
            | "report-to"
            | "reporting-endpoints"
            | "service-worker-allowed"
            | "strict-transport-security"
            | "x-sendfile"
    )
}
