use super::*;

#[track_caller]
fn check(traceparent: &str, expected: Option<&str>) {
    let found = Parent::w3c(&HeaderValue::from_str(traceparent).unwrap());
    let found = found.map(|parent| TraceId(parent.trace).to_string());
    assert_eq!(found.as_deref(), expected, "{traceparent}");
}

#[test]
fn only_a_valid_traceparent_names_the_trace() {
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    check(&format!("00-{id}-00f067aa0ba902b7-01"), Some(id));
    check(&format!("01-{id}-00f067aa0ba902b7-01-more"), Some(id));
    check(&format!("00-{id}-00f067aa0ba902b7-01-more"), None);
    check(&format!("ff-{id}-00f067aa0ba902b7-01"), None);
    check(&format!("00-{id}-0000000000000000-01"), None);
    check("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None);
    check(&format!("00-{}-00f067aa0ba902b7-01", id.to_uppercase()), None);
    check(&format!("00-+{}-00f067aa0ba902b7-01", &id[1..]), None);
    check(&format!("00-{}-00f067aa0ba902b7-01", &id[1..]), None);
    check("", None);
}

fn carried(sent: &[(HeaderName, &'static str)]) -> (TraceId, Vec<String>) {
    let lines = sent.iter().map(|(name, text)| (name.clone(), HeaderValue::from_static(text)));
    let mut headers: HeaderMap = lines.collect();
    let id = TraceId::of(&headers);
    carry(&mut headers, None);
    let shown = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
    let mut shown: Vec<_> = shown.collect();
    shown.sort();
    (id, shown)
}

const CALLERS: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const AMAZONS: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

#[test]
fn a_caller_s_own_trace_passes_as_it_came() {
    let sent = [(TRACEPARENT, CALLERS), (TRACESTATE, "a=b"), (XRAY, AMAZONS)];
    let (id, shown) = carried(&sent);
    assert_eq!(id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    let expected = [
        format!("traceparent: {CALLERS}"),
        "tracestate: a=b".to_owned(),
        format!("x-amzn-trace-id: {AMAZONS}"),
    ];
    assert_eq!(shown, expected);
}

#[test]
fn what_x_ray_says_is_said_in_w3c_s_words_too() {
    let (id, shown) = carried(&[(XRAY, AMAZONS)]);
    assert_eq!(id.to_string(), "5759e988bd862e3fe1be46a994272793");
    let parent = "traceparent: 00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
    assert_eq!(shown, [parent.to_owned(), format!("x-amzn-trace-id: {AMAZONS}")]);
    // Without a decision of whoever began the trace there is none of ours.
    let (id, shown) = carried(&[(XRAY, "Self=1-x; Root=1-5759e988-bd862e3fe1be46a994272793")]);
    assert_eq!(id.to_string(), "5759e988bd862e3fe1be46a994272793");
    assert_eq!(shown.len(), 1);
}

#[test]
fn what_is_no_trace_is_not_passed_on() {
    let twice = [(TRACEPARENT, CALLERS), (TRACEPARENT, CALLERS), (TRACESTATE, "a=b")];
    assert_eq!(carried(&twice).1, [""; 0]);
    assert_eq!(carried(&[(TRACEPARENT, "00-1-2-01"), (TRACESTATE, "a=b")]).1, [""; 0]);
    assert_eq!(carried(&[(TRACESTATE, "a=b")]).1, ["tracestate: a=b"]);
    for odd in [
        "Root=1-5759e988-bd862e3fe1be46a99427279",
        "Root=2-5759e988-bd862e3fe1be46a994272793",
        "Root=1-00000000-000000000000000000000000",
        "Parent=53995c3f42cd8ad8",
        "",
        ";;=;",
    ] {
        assert_eq!(XRay::parse(odd), None, "{odd}");
    }
}

#[test]
fn own_ids_differ_and_have_32_digits() {
    let ids: std::collections::HashSet<_> =
        (0..1_000).map(|_| TraceId::unique().to_string()).collect();
    assert_eq!(ids.len(), 1_000);
    assert!(ids.iter().all(|id| id.len() == 32));
}
