//! What the demo's upstream knows: three series that follow the clock, in Prometheus' API.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// Name and labels of each series.
const SERIES: &[(&str, &str)] =
    &[("up", "gateway"), ("up", "upstream"), ("demo_temperature_celsius", "kitchen")];

/// How many points a range may have, as Prometheus.
const MOST_POINTS: f64 = 11_000.0;

/// Answers one request; the error is an answer too.
pub(super) fn answer(path: &str, form: &str) -> Result<String, String> {
    let data = match path {
        "/api/v1/query" => vector(form)?,
        "/api/v1/query_range" => matrix(form)?,
        "/api/v1/labels" => json!(["__name__", "job"]),
        "/api/v1/label/__name__/values" => json!(["demo_temperature_celsius", "up"]),
        "/api/v1/label/job/values" => json!(["gateway", "kitchen", "upstream"]),
        "/api/v1/series" => SERIES.iter().map(|series| labels(*series)).collect(),
        "/api/v1/metadata" => json!({
            "up": [{ "type": "gauge", "help": "whether it runs", "unit": "" }],
            "demo_temperature_celsius": [{ "type": "gauge", "help": "a wave", "unit": "" }],
        }),
        "/api/v1/status/buildinfo" => json!({ "version": "2.42.0", "application": "demo" }),
        "/-/healthy" | "/-/ready" => return Ok("\"the demo is healthy\"".to_owned()),
        _ => return Err(bad("the demo knows no such path")),
    };
    Ok(json!({ "status": "success", "data": data }).to_string())
}

/// Writes an error in Prometheus' shape.
pub(super) fn bad(error: &str) -> String {
    json!({ "status": "error", "errorType": "bad_data", "error": error }).to_string()
}

fn vector(form: &str) -> Result<Value, String> {
    let at = number(form, "time")?.unwrap_or_else(now);
    let points = wanted(form)?.map(
        |series| json!({ "metric": labels(series), "value": [at, value(series, at).to_string()] }),
    );
    Ok(json!({ "resultType": "vector", "result": points.collect::<Value>() }))
}

fn matrix(form: &str) -> Result<Value, String> {
    let missing = |name| bad(&format!("`{name}` is missing or no number"));
    let start = number(form, "start")?.ok_or_else(|| missing("start"))?;
    let end = number(form, "end")?.ok_or_else(|| missing("end"))?;
    let step = number(form, "step")?.filter(|step| *step > 0.0).ok_or_else(|| missing("step"))?;
    if end < start || (end - start) / step > MOST_POINTS {
        return Err(bad("the range ends before it starts, or has more than 11,000 points"));
    }
    let times = || {
        std::iter::successors(Some(start), move |at| Some(at + step))
            .take_while(move |at| *at <= end)
    };
    let ranges = wanted(form)?.map(|series| {
        let values: Value = times().map(|at| json!([at, value(series, at).to_string()])).collect();
        json!({ "metric": labels(series), "values": values })
    });
    Ok(json!({ "resultType": "matrix", "result": ranges.collect::<Value>() }))
}

/// The series whose name the query begins with; the demo reads no more of PromQL than that.
fn wanted(form: &str) -> Result<impl Iterator<Item = (&'static str, &'static str)>, String> {
    let query = field(form, "query").ok_or_else(|| bad("`query` is missing"))?.to_owned();
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = query.find(|c| !name(c)).unwrap_or(query.len());
    let wanted = query[..end].to_owned();
    Ok(SERIES.iter().copied().filter(move |(name, _)| *name == wanted))
}

fn labels((name, job): (&str, &str)) -> Value {
    json!({ "__name__": name, "job": job })
}

fn value((name, _): (&str, &str), at: f64) -> f64 {
    match name {
        "up" => 1.0,
        _ => (21.0 + 3.0 * (at / 600.0).sin()).mul_add(100.0, 0.0).round() / 100.0,
    }
}

fn field<'a>(form: &'a str, name: &str) -> Option<&'a str> {
    form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

fn number(form: &str, name: &str) -> Result<Option<f64>, String> {
    match field(form, name) {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| bad(&format!("`{name}` is no number"))),
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, form: &str, expected: &str) {
        let answered = answer(path, form).unwrap_or_else(|body| body);
        assert_eq!(answered, expected);
    }

    #[test]
    fn instant_queries_answer_the_series_of_a_name() {
        let one = r#"{"data":{"result":[{"metric":{"__name__":"demo_temperature_celsius","job":"kitchen"},"value":[0.0,"21"]}],"resultType":"vector"},"status":"success"}"#;
        check("/api/v1/query", "query=demo_temperature_celsius&time=0", one);
        let none = r#"{"data":{"result":[],"resultType":"vector"},"status":"success"}"#;
        check("/api/v1/query", "query=nothing&time=0", none);
    }

    #[test]
    fn ranges_have_a_point_per_step_and_a_limit() {
        let answered = answer("/api/v1/query_range", "query=up&start=0&end=60&step=15").unwrap();
        assert_eq!(answered.matches("\"1\"").count(), 2 * 5);
        assert!(answer("/api/v1/query_range", "query=up&start=0&end=1e9&step=1").is_err());
        assert!(answer("/api/v1/query_range", "query=up&start=0&end=60").is_err());
    }
}
