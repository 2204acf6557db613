use sourcegate_core::Classify;

use super::*;

const LISTED: &str = "not allowed on proxied prometheus datasource";
const DENIED: &str = "plugin proxy route access denied";

/// Gives what the caller reads, or `pass`.
fn verdict(kind: &str, role: Role, request: &str) -> String {
    let (method, tail) = request.split_once(' ').unwrap();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let decided = Readings::of(tail)
        .map_err(Error::Path)
        .and_then(|readings| decide(Plugin::parse(kind), role, &method, &readings));
    decided.map_or_else(|error| error.public(), |()| "pass".to_owned())
}

#[track_caller]
fn check(kind: &str, role: Role, request: &str, expected: &str) {
    let found = verdict(kind, role, request);
    assert!(found.contains(expected), "{kind} {role} {request}: {found}, not {expected}");
}

const PROMETHEUS_FORMS: [&str; 3] =
    ["prometheus", "grafana-amazonprometheus-datasource", "grafana-azureprometheus-datasource"];

#[test]
fn t77_elasticsearch_takes_searches_alone() {
    let kind = "elasticsearch";
    check(kind, Role::Viewer, "POST _msearch", "pass");
    check(kind, Role::Viewer, "GET a/_search", "pass");
    let post = "posts not allowed on proxied Elasticsearch datasource except on /_msearch";
    for path in ["_search", "_msearch/", "a/_msearch", "_msearch/x", "_%6dsearch", "/_search", ""] {
        check(kind, Role::Admin, &format!("POST {path}"), post);
    }
    check(kind, Role::Admin, "PUT a", "puts not allowed on proxied Elasticsearch datasource");
    check(kind, Role::Admin, "DELETE a", "deletes not allowed on proxied Elasticsearch datasource");
}

#[test]
fn t78_prometheus_takes_listed_writes_alone() {
    for kind in PROMETHEUS_FORMS {
        for path in ["query", "query_range", "series", "labels", "query_exemplars"] {
            check(kind, Role::Viewer, &format!("POST api/v1/{path}"), "pass");
            check(kind, Role::Viewer, &format!("GET api/v1/{path}"), "pass");
        }
        let post = "non allow-listed POSTs not allowed on proxied prometheus datasource";
        check(kind, Role::Admin, "POST api/v1/admin/tsdb/delete_series", post);
        check(kind, Role::Admin, "POST ", post);
        let delete = "non allow-listed DELETEs not allowed on proxied prometheus datasource";
        check(kind, Role::Admin, "DELETE api/v1/query", delete);
        let put = "non allow-listed PUTs not allowed on proxied prometheus datasource";
        check(kind, Role::Admin, "PUT rules/x", put);
        check(kind, Role::Viewer, "PATCH api/v1/query", "pass");
    }
}

#[test]
fn t79_routes_ask_for_their_role() {
    for kind in PROMETHEUS_FORMS {
        check(kind, Role::Viewer, "GET api/v1/status/flags", DENIED);
        check(kind, Role::Viewer, "HEAD api/v1/status/flags", DENIED);
        check(kind, Role::Editor, "GET api/v1/status/flags/", DENIED);
        check(kind, Role::Admin, "GET api/v1/status/flags", "pass");
        check(kind, Role::Viewer, "GET api/v1/status/config", "pass");
    }
    for kind in ["prometheus", "loki"] {
        check(kind, Role::Viewer, "POST rules/x", DENIED);
        check(kind, Role::Viewer, "DELETE rules/x/y", DENIED);
        check(kind, Role::Editor, "POST rules", "pass");
        check(kind, Role::Editor, "DELETE rules/x/y", "pass");
        check(kind, Role::Viewer, "GET rules/x", "pass");
    }
    check("loki", Role::Admin, "POST loki/api/v1/push", LISTED);
    check("loki", Role::Viewer, "GET loki/api/v1/query_range", "pass");
}

#[test]
fn t80_p01_no_spelling_reaches_what_a_route_guards() {
    for path in [
        "/api/v1/status/flags",
        "//api/v1/status/flags",
        "api//v1/status/flags",
        "api/v1/status//flags/",
        "api%2Fv1%2Fstatus%2Fflags",
        "api/v1/status%2fflags",
        "%61pi/v1/status/flags",
        "api/v1/status/fl%61gs",
        "api%5cv1%5cstatus%5cflags",
        "api/v1;x/status/flags",
        "api/v1/;/status/flags",
        "api/v1/status/flags%3fx",
        "api/v1/status/flags;a=b/x",
        "api/v1/status/flags%23",
    ] {
        check("prometheus", Role::Editor, &format!("GET {path}"), DENIED);
    }
    for path in [
        "./api/v1/status/flags",
        "x/../api/v1/status/flags",
        "%2e%2e/api/v1/status/flags",
        "x/%2e%2e/api/v1/status/flags",
        "api/v1/x/..%2fstatus/flags",
        "..;/api/v1/status/flags",
    ] {
        check("prometheus", Role::Admin, &format!("GET {path}"), "path has a dot segment");
    }
}

#[test]
fn p05_a_write_is_listed_in_every_reading_or_refused() {
    check("prometheus", Role::Admin, "POST api%2Fv1%2Fquery", LISTED);
    check("prometheus", Role::Admin, "POST //api/v1/query", LISTED);
    check("prometheus", Role::Admin, "POST api/v1//query", LISTED);
    check("prometheus", Role::Admin, "POST api/v1/query%2f", LISTED);
    check("prometheus", Role::Viewer, "POST api/v1/query%2Fx", LISTED);
    check("prometheus", Role::Viewer, "POST /api/v1/query", "pass");
}

#[test]
fn p07_routes_match_whole_segments() {
    for path in ["api/v1/queryfoo", "api/v1/query_rang", "xapi/v1/query", "rulesx", "x/rules"] {
        check("prometheus", Role::Admin, &format!("POST {path}"), LISTED);
    }
    check("prometheus", Role::Viewer, "GET api/v1/status/flagsx", "pass");
    check("prometheus", Role::Viewer, "POST api/v1/query/x", "pass");
}

#[test]
fn other_types_are_free() {
    for kind in ["graphite", "influxdb", "no-such-plugin"] {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "FOO"] {
            check(kind, Role::Viewer, &format!("{method} a//b%2Fc"), "pass");
        }
    }
}

#[test]
fn p21_routes_that_overlap_have_different_paths_or_methods() {
    for table in [PROMETHEUS, LOKI] {
        for (at, one) in table.iter().enumerate() {
            let same = |other: &&Route| other.method == one.method && other.path == one.path;
            assert_eq!(table[at + 1..].iter().find(same).map(|route| route.path), None);
        }
    }
}

/// Checks whether a read-only token may send a request; whoever may send it by his role at all is asked elsewhere.
#[track_caller]
fn check_reading(kind: &str, request: &str, may: bool) {
    let (method, tail) = request.split_once(' ').unwrap();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let readings = Readings::of(tail).unwrap();
    let decided = decide_reading(Plugin::parse(kind), &method, &readings);
    let told = decided.as_ref().map_err(|error| (error.kind(), error.cause()));
    let refused = Err((sourcegate_core::Kind::Forbidden, Some("token_limits")));
    assert_eq!(told, if may { Ok(&()) } else { refused }, "{kind} {request}");
}

#[test]
fn a17_a_read_only_token_posts_where_the_type_says_that_it_reads() {
    for kind in PROMETHEUS_FORMS {
        for path in ["query", "query_range", "series", "labels", "query_exemplars"] {
            check_reading(kind, &format!("POST api/v1/{path}"), true);
            check_reading(kind, &format!("POST /api%2Fv1/{path}"), false);
            check_reading(kind, &format!("POST api/v1/{path}/x"), false);
            check_reading(kind, &format!("POST api/v1/{path}/"), false);
            check_reading(kind, &format!("POST //api/v1/{path}"), false);
            check_reading(kind, &format!("PUT api/v1/{path}"), false);
            check_reading(kind, &format!("PATCH api/v1/{path}"), false);
        }
        for request in ["POST rules", "DELETE rules/a", "POST api/v1/write", "POST ", "FOO rules"] {
            check_reading(kind, request, false);
        }
    }
    check_reading("elasticsearch", "POST _msearch", true);
    for request in ["POST _msearch/x", "POST a/_msearch", "POST _search", "PATCH _msearch"] {
        check_reading("elasticsearch", request, false);
    }
    check_reading("loki", "POST rules", false);
    for kind in ["plain-http", "influxdb", "prometheus", "elasticsearch", "loki"] {
        check_reading(kind, "POST write", false);
        for method in ["GET", "HEAD", "OPTIONS"] {
            check_reading(kind, &format!("{method} anything/at/all"), true);
        }
    }
}
