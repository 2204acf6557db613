//! Events as JSON, one object per line.
//!
//! tracing-subscriber's own format took a quarter of what a proxied request costs in instructions.

use std::fmt::{self, Write};
use std::time::{Duration, SystemTime};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, format::Writer};
use tracing_subscriber::registry::LookupSpan;

use super::emf::Metrics;

/// The canonical line's target.
const REQUEST: &str = "request";

/// Room for nearly every line.
const LINE_BYTES: usize = 1 << 10;

/// `timestamp`, `level`, `message`, the event's own fields, `target`. Spans are not shown: the canonical line has all there is
/// to know of a request, and is known by its fields, so that it has neither message nor target.
///
/// With metrics, as on Lambda, what makes the line one, and no `timestamp`: the platform's log has its own.
pub(super) struct JsonLines(pub(super) Option<Metrics>);

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (mut line, now) = (String::with_capacity(LINE_BYTES), SystemTime::now());
        line.push('{');
        if self.0.is_none() {
            line.push_str("\"timestamp\":\"");
            push_time(&mut line, now);
            line.push_str("\",");
        }
        line.push_str("\"level\":\"");
        line.push_str(event.metadata().level().as_str());
        line.push('"');
        let is_request = event.metadata().target() == REQUEST;
        event.record(&mut Fields { line: &mut line, is_request });
        match &self.0 {
            Some(metrics) if is_request => metrics.push(&mut line, event, now),
            _ if is_request => {}
            _ => {
                line.push_str(",\"target\":");
                push_text(&mut line, event.metadata().target());
            }
        }
        line.push_str("}\n");
        writer.write_str(&line)
    }
}

struct Fields<'a> {
    line: &'a mut String,
    is_request: bool,
}

impl Fields<'_> {
    /// Names are in the source, so that they hold nothing to escape.
    fn name(&mut self, field: &Field) -> &mut String {
        self.line.push_str(",\"");
        self.line.push_str(field.name());
        self.line.push_str("\":");
        self.line
    }

    fn plain(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        // A String takes everything.
        self.name(field).write_fmt(value).ok();
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        match value.is_finite() {
            true => self.plain(field, format_args!("{value:?}")),
            false => self.plain(field, format_args!("null")),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, format_args!("{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, format_args!("{value}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        push_text(self.name(field), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.is_request && field.name() == "message" {
            return;
        }
        let line = self.name(field);
        line.push('"');
        write!(Escaped(line), "{value:?}").ok();
        line.push('"');
    }
}

/// Escapes what is written through it.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text);
        Ok(())
    }
}

pub(super) fn push_text(line: &mut String, text: &str) {
    line.push('"');
    escape(line, text);
    line.push('"');
}

/// Escapes what JSON does not allow and, beyond that, what could drive a terminal: DEL and C1.
fn escape(line: &mut String, text: &str) {
    // C1 controls begin with 0xc2 in UTF-8. Without an early end this is done many bytes at once.
    let special =
        |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\' || byte == 0x7f || byte == 0xc2;
    if !text.bytes().fold(false, |found, byte| found | special(byte)) {
        line.push_str(text);
        return;
    }
    for char in text.chars() {
        match char {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            char if char.is_control() => {
                write!(line, "\\u{:04x}", u32::from(char)).ok();
            }
            char => line.push(char),
        }
    }
}

/// RFC 3339 in UTC with microseconds.
fn push_time(line: &mut String, time: SystemTime) {
    // A clock before 1970 is not set yet.
    let time = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let (days, second) = (time.as_secs() / 86_400, time.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    push_digits::<4>(line, year, "-");
    push_digits::<2>(line, month, "-");
    push_digits::<2>(line, day, "T");
    push_digits::<2>(line, second / 3_600, ":");
    push_digits::<2>(line, second / 60 % 60, ":");
    push_digits::<2>(line, second % 60, ".");
    push_digits::<6>(line, time.subsec_micros().into(), "Z");
}

/// Year, month and day of a number of days after 1970-01-01, counted in years that begin in March, so
/// that the leap day comes last (Hinnant, `chrono`-Compatible Low-Level Date Algorithms).
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let (month, next) = match from_march {
        0..10 => (from_march + 3, 0),
        _ => (from_march - 9, 1),
    };
    (era * 400 + year + next, month, day)
}

fn push_digits<const COUNT: usize>(line: &mut String, mut value: u64, then: &str) {
    let mut digits = ['0'; COUNT];
    for digit in digits.iter_mut().rev() {
        *digit = char::from(b'0' + (value % 10) as u8);
        value /= 10;
    }
    line.extend(digits);
    line.push_str(then);
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::*;

    fn logged(work: impl FnOnce()) -> String {
        logged_with(None, work)
    }

    fn logged_with(metrics: Option<Metrics>, work: impl FnOnce()) -> String {
        #[derive(Clone, Default)]
        struct Buffer(Arc<Mutex<Vec<u8>>>);
        impl io::Write for Buffer {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let buffer = Buffer::default();
        let lines = tracing_subscriber::fmt().event_format(JsonLines(metrics));
        let own = buffer.clone();
        tracing::subscriber::with_default(lines.with_writer(move || own.clone()).finish(), work);
        let text = buffer.0.lock().unwrap().clone();
        String::from_utf8(text).unwrap()
    }

    #[track_caller]
    fn check_time(seconds: u64, expected: &str) {
        let mut text = String::new();
        push_time(&mut text, SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(text, expected);
    }

    #[test]
    fn each_event_is_one_object_in_one_line() {
        let text = logged(|| {
            let (absent, one) = (None::<u64>, Some(1_u64));
            tracing::warn!(
                target: "place", {
                a.b = "text", number = -7, share = 1.0, odd = f64::NAN, yes = true, absent, one,
                shown = %"shown", debug = ?"quoted" },
                "said {}", 1
            );
        });
        let mut value: Value = serde_json::from_str(text.strip_suffix('\n').unwrap()).unwrap();
        let timestamp = value.as_object_mut().unwrap().remove("timestamp").unwrap();
        assert_eq!(timestamp.as_str().unwrap().len(), "2026-01-01T00:00:00.000000Z".len());
        assert_eq!(
            value,
            json!({
                "level": "WARN", "message": "said 1", "a.b": "text", "number": -7, "share": 1.0,
                "odd": null, "yes": true, "one": 1, "shown": "shown", "debug": "\"quoted\"",
                "target": "place",
            })
        );
        assert!(text.contains("\"share\":1.0,"), "{text}");
    }

    #[test]
    fn t16_a_logged_value_stays_on_its_line_and_in_its_string() {
        let odd = "a\n\",\"level\":\"x\\ \u{1b}[31m \u{7f} \u{9b}m é \u{2028}";
        let text = logged(|| tracing::info!(odd, shown = %odd));
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.trim_end().contains(char::is_control), "{text}");
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&value["odd"], &value["shown"]), (&json!(odd), &json!(odd)));
    }

    fn request(work: impl FnOnce()) -> Value {
        let text = logged_with(Some(Metrics::new("prod", "http-proxy")), work);
        serde_json::from_str(&text).unwrap()
    }

    /// The metrics that a line names; each has a number in the line, as the format demands.
    #[track_caller]
    fn check_metrics(line: &Value, expected: &[&str]) {
        let [directive] = &line["_aws"]["CloudWatchMetrics"].as_array().unwrap()[..] else {
            panic!("{line}")
        };
        assert!(line["_aws"]["Timestamp"].as_u64().unwrap() > 1_700_000_000_000, "{line}");
        assert_eq!(directive["Namespace"], "Sourcegate");
        assert_eq!(directive["Dimensions"], json!([["Deployment", "Function"]]));
        assert_eq!(
            (&line["Deployment"], &line["Function"]),
            (&json!("prod"), &json!("http-proxy"))
        );
        let metrics = directive["Metrics"].as_array().unwrap().iter();
        let names: Vec<_> = metrics.map(|metric| metric["Name"].as_str().unwrap()).collect();
        assert_eq!(names, expected, "{line}");
        assert!(names.iter().all(|name| line[*name].is_number()), "{line}");
    }

    #[test]
    fn the_canonical_line_is_known_by_its_fields_and_timed_by_the_platform_on_lambda() {
        let work = || tracing::info!(target: "request", method = "GET", status = 200, "request");
        let here: Value = serde_json::from_str(&logged(work)).unwrap();
        let names: Vec<_> = here.as_object().unwrap().keys().collect();
        assert_eq!(names, ["level", "method", "status", "timestamp"]);
        let expected = json!({ "level": "INFO", "method": "GET", "status": 200, "cold_start": 1 });
        assert_eq!(request(work), expected);
    }

    #[test]
    fn the_line_of_a_failure_is_its_metrics_too() {
        let failed = request(|| tracing::warn!(target: "request", duration_ms = 2.0, "request"));
        check_metrics(&failed, &["UpstreamFaults"]);
        let cause = "denied_egress";
        let denied =
            request(|| tracing::warn!(target: "request", { error.cause = cause }, "request"));
        check_metrics(&denied, &["UpstreamFaults", "DeniedEgress"]);
        let cause = "kms";
        let keyless =
            request(|| tracing::error!(target: "request", { error.cause = cause }, "request"));
        check_metrics(&keyless, &["Faults", "KmsFailures"]);
        let other = request(|| tracing::error!("something else"));
        assert_eq!((&other["_aws"], &other["Function"]), (&Value::Null, &Value::Null));
    }

    #[test]
    fn t19_whatever_is_asked_for_the_dimensions_are_two() {
        let text = logged_with(Some(Metrics::new("prod", "http-proxy")), || {
            for n in 0..10_000 {
                let (uid, path) = (format!("uid-{n}"), format!("/api/x/{n}"));
                tracing::warn!(target: "request", { datasource.uid = uid, path }, "request");
            }
        });
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let series: std::collections::BTreeSet<_> = lines
            .map(|line| {
                let of = |name: &str| line[name].to_string();
                (line["_aws"]["CloudWatchMetrics"].to_string(), of("Deployment"), of("Function"))
            })
            .collect();
        assert_eq!(series.len(), 1);
    }

    #[test]
    fn only_a_process_s_first_request_is_a_cold_start() {
        let text = logged_with(Some(Metrics::new("prod", "http-proxy")), || {
            tracing::info!("before any request");
            for _ in 0..3 {
                tracing::info!(target: "request", duration_ms = 1.0);
            }
        });
        let cold = text.lines().map(|line| line.contains("\"cold_start\":1}"));
        assert_eq!(cold.collect::<Vec<_>>(), [false, true, false, false]);
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        check_time(0, "1970-01-01T00:00:00.000000Z");
        check_time(951_782_399, "2000-02-28T23:59:59.000000Z");
        check_time(951_782_400, "2000-02-29T00:00:00.000000Z");
        check_time(951_868_800, "2000-03-01T00:00:00.000000Z");
        check_time(1_798_761_599, "2026-12-31T23:59:59.000000Z");
        check_time(4_107_542_400, "2100-03-01T00:00:00.000000Z");
    }
}
