use http::HeaderMap;

use super::*;

fn read(given: &[(&str, &str)]) -> Result<Option<Spans>, BadSpans> {
    Spans::read(|name| given.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned()))
}

const COLLECTOR: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");

#[test]
fn without_a_collector_there_are_no_spans() {
    assert!(read(&[]).unwrap().is_none());
    assert!(read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]).unwrap().is_none());
    assert!(read(&[COLLECTOR, ("OTEL_SDK_DISABLED", "true")]).unwrap().is_none());
    assert!(read(&[("OTEL_TRACES_SAMPLER", "nothing reads this")]).unwrap().is_none());
}

#[test]
fn what_cannot_be_done_is_refused_by_name_and_value() {
    let refusal = |variable| read(&[COLLECTOR, variable]).unwrap_err().to_string();
    let protocol = refusal(("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"));
    assert!(protocol.contains("`grpc`") && protocol.contains("http/protobuf"), "{protocol}");
    let sampler = refusal(("OTEL_TRACES_SAMPLER", "xray"));
    assert!(sampler.contains("`xray`") && sampler.contains("traceidratio"), "{sampler}");
    assert!(Sampling::read("traceidratio", "1.5").is_err());
    assert!(Sampling::read("parentbased_traceidratio", "half").is_err());
    assert!(Sampling::read("parentbased_", "1").is_err());
}

fn trace(first: u8) -> TraceId {
    let mut headers = HeaderMap::new();
    let text = format!("00-{first:02x}{}-00f067aa0ba902b7-01", "5".repeat(30));
    headers.insert("traceparent", HeaderValue::try_from(text).unwrap());
    TraceId::of(&headers)
}

/// How many of 256 traces a sampler takes, with a parent that is sampled, one that is not, and none.
#[track_caller]
fn check(name: &str, argument: &str, expected: [usize; 3]) {
    let sampling = Sampling::read(name, argument).unwrap();
    let parent = |sampled| Parent { trace: 1, span: 2, sampled };
    let taken = [Some(parent(true)), Some(parent(false)), None].map(|parent| {
        // The share is of the trace id's last 64 bits, which these have in common.
        let seen = (0..=255).map(|first| sampling.takes(trace(first.max(1)), parent));
        seen.filter(|taken| *taken).count()
    });
    assert_eq!(taken, expected, "{name} {argument}");
}

#[test]
fn a_sampler_is_what_its_name_says() {
    check("always_on", "1", [256, 256, 256]);
    check("always_off", "1", [0, 0, 0]);
    check("parentbased_always_on", "1", [256, 0, 256]);
    check("parentbased_always_off", "1", [256, 0, 0]);
    check("traceidratio", "0", [0, 0, 0]);
    check("traceidratio", "1", [256, 256, 256]);
    check("parentbased_traceidratio", "0.1", [256, 0, 0]);
    check("parentbased_traceidratio", "0.9", [256, 0, 256]);
}

#[test]
fn a_data_source_is_told_of_the_span_and_whether_it_is_kept() {
    let span = |is_sampled| Span {
        trace: trace(0x4b),
        id: 0xf0,
        parent: None,
        is_sampled,
        started: SystemTime::UNIX_EPOCH,
    };
    let told = |is_sampled| span(is_sampled).traceparent().unwrap();
    let start = format!("00-4b{}-00000000000000f0", "5".repeat(30));
    assert_eq!([told(true), told(false)], [format!("{start}-01"), format!("{start}-00")]);
}
