//! Every file in `events/` in each form in which AWS could have sent it: all mean the same.

use std::collections::{BTreeMap, BTreeSet};

use harness::build::{plain, with};
use harness::process::root;
use harness::runtime_api::{Answered, Call, recorded};
use harness::upstream::{Answer, FakeUpstream, Recorded};
use insta::assert_snapshot;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::functions::{Function, Functions};

/// What each function is sent, in this order.
const ACCESS: [&str; 5] =
    ["org-create", "org-list", "org-users", "url-org-users", "account-create"];
const DATASOURCES: [&str; 8] =
    ["bad-base64", "create", "list", "by-uid", "update", "by-name", "url-create", "url-list"];
const HTTP_PROXY: [&str; 10] = [
    "proxy-encoded-path",
    "proxy-odd-path",
    "proxy-dot-segments",
    "proxy-query",
    "binary-body",
    "multi-value-headers",
    "url-proxy-query",
    "url-binary-body",
    "url-headers",
    "url-dot-segments",
];

#[test]
fn every_file_is_replayed() {
    let entries = std::fs::read_dir(root().join("events/grafana")).expect("the events");
    let files: BTreeSet<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    let replayed = [&ACCESS[..], &DATASOURCES, &HTTP_PROXY].concat();
    assert_eq!(files, replayed.iter().map(|name| format!("{name}.json").into()).collect());
}

/// How an event is sent.
#[derive(Clone, Copy, Debug)]
enum Form {
    AsRecorded,
    Rest,
    FunctionUrl,
}

impl Form {
    fn of(self, event: Value) -> Value {
        match (self, Call::of(&event)) {
            (Self::Rest, Some(call)) => call.rest(),
            (Self::FunctionUrl, Some(call)) => call.http(),
            // What no client can have sent comes as it is.
            (Self::AsRecorded, _) | (_, None) => event,
        }
    }
}

/// What became of an event: the answer, and the request that a data source got.
#[derive(Debug, PartialEq)]
struct Outcome {
    name: &'static str,
    status: u16,
    body: Value,
    sent: Option<Sent>,
}

#[derive(Debug, PartialEq)]
struct Sent {
    method: String,
    path: String,
    /// Decoded, and of each name the values in their order: a REST API leaves no more of a query.
    query: BTreeMap<String, Vec<String>>,
    /// Of each name the values joined: a function URL leaves no more of repeated headers.
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Sent {
    fn of(request: &Recorded) -> Self {
        let (path, pairs) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let decoded = |text: &str| {
            let text = text.replace('+', " ");
            percent_decode_str(&text).decode_utf8().expect("UTF-8").into_owned()
        };
        let mut query = BTreeMap::<_, Vec<_>>::new();
        for pair in pairs.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            query.entry(decoded(name)).or_default().push(decoded(value));
        }
        let mut headers = BTreeMap::<String, String>::new();
        for (name, value) in &request.headers {
            let known = headers.entry(name.to_ascii_lowercase());
            known.and_modify(|v| *v = format!("{v},{value}")).or_insert_with(|| value.clone());
        }
        // The upstream's own address, and what each request has anew.
        headers.retain(|name, _| !["host", "traceparent"].contains(&name.as_str()));
        let (method, path) = (request.method.clone(), path.to_owned());
        Self { method, path, query, headers, body: request.body.clone() }
    }
}

/// All functions with an upstream, and how their events are sent.
struct Replay {
    functions: Functions,
    upstream: FakeUpstream,
    form: Form,
    outcomes: Vec<Outcome>,
}

impl Replay {
    async fn send(&mut self, function: impl Fn(&Functions) -> &Function, name: &'static str) {
        let event = recorded(&format!("grafana/{name}")).to_string();
        let app = &self.functions.app;
        // Only who administers the server makes organisations.
        let (token, admin) = (app.as_admin(), app.as_admin_user());
        let caller = if name.contains("org") { admin } else { token };
        let event = event.replace("Bearer TOKEN", caller.authorization());
        let event = self.form.of(serde_json::from_str(&event).unwrap());
        let before = self.upstream.requests().len();
        let answer = function(&self.functions).api.invoke(event).await;
        assert!(answer.whole, "{name}");
        let sent = self.upstream.requests().get(before).map(Sent::of);
        self.outcomes.push(Outcome { name, status: answer.status, body: body(&answer), sent });
    }
}

/// An answer without what each has anew.
fn body(answer: &Answered) -> Value {
    let mut body = serde_json::from_slice(&answer.body).unwrap_or_else(|_| answer.text().into());
    forget(&mut body);
    body
}

fn forget(body: &mut Value) {
    match body {
        Value::Array(all) => all.iter_mut().for_each(forget),
        Value::Object(fields) => {
            for name in ["traceID", "lastSeenAt", "lastSeenAtAge", "created", "updated"] {
                fields.remove(name);
            }
            fields.values_mut().for_each(forget);
        }
        _ => {}
    }
}

async fn replay(form: Form) -> Vec<Outcome> {
    let (functions, upstream) = (Functions::start().await, FakeUpstream::start().await);
    upstream.answer(Answer::ok("ok"));
    let mut replay = Replay { functions, upstream, form, outcomes: Vec::new() };
    for name in ACCESS {
        replay.send(|functions| &functions.access, name).await;
    }
    for name in DATASOURCES {
        replay.send(|functions| &functions.datasources, name).await;
    }
    let moved = with(
        plain("Prometheus", &replay.upstream.url()),
        json!({ "uid": "prom", "secureJsonData": { "basicAuthPassword": "x" } }),
    );
    let call = replay.functions.call("PUT", "/api/datasources/uid/prom").json(&moved);
    let answer = replay.functions.datasources.api.invoke(call.rest()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    for name in HTTP_PROXY {
        replay.send(|functions| &functions.http_proxy, name).await;
    }
    replay.outcomes
}

/// One line: what a reader would want to know first.
fn line(outcome: &Outcome) -> String {
    let Outcome { name, status, body, sent } = outcome;
    let said = match (body, sent) {
        (_, Some(sent)) => format!("{} {} {:?}", sent.method, sent.path, sent.query),
        (Value::Array(all), _) => format!("{} of them", all.len()),
        (body, _) => match (&body["cause"], &body["message"], &body["name"]) {
            (Value::String(cause), ..) => cause.clone(),
            (_, Value::String(message), _) => message.clone(),
            (.., name) => name.to_string(),
        },
    };
    format!("{name}: {status} {said}")
}

#[tokio::test]
async fn l14_l15_every_file_means_the_same_in_each_form() {
    let recorded = replay(Form::AsRecorded).await;
    let lines: Vec<_> = recorded.iter().map(line).collect();
    assert_snapshot!(lines.join("\n"), @r#"
    org-create: 200 Organization created
    org-list: 200 2 of them
    org-users: 200 1 of them
    url-org-users: 200 1 of them
    account-create: 201 "robot"
    bad-base64: 400 body_encoding
    create: 200 Datasource added
    list: 200 1 of them
    by-uid: 200 "Prometheus"
    update: 200 Datasource updated
    by-name: 200 "Prom/e ä +1"
    url-create: 200 Datasource added
    url-list: 200 2 of them
    proxy-encoded-path: 200 GET /api/v1/label/a%2Fb%20%C3%A4//values {}
    proxy-odd-path: 200 GET /a%2Fb//c;v=1/~(x)!*'/%2B+/@:$&=,/ {}
    proxy-dot-segments: 400 bad_path
    proxy-query: 200 GET /api/v1/query {"flag": [""], "match[]": ["up", "b+c"], "query": ["sum by (job)(rate(http_requests_total{path=~\"/a/b\"}[5m]))"]}
    binary-body: 200 POST /api/v1/write {}
    multi-value-headers: 200 GET /api/v1/query {"query": ["up"]}
    url-proxy-query: 200 GET /api/v1/label/a%2Fb%20%C3%A4//values {"flag": [""], "match[]": ["up", "b+c"], "q": ["a b"]}
    url-binary-body: 200 POST /api/v1/write {}
    url-headers: 200 GET /x {}
    url-dot-segments: 400 bad_path
    "#);
    for form in [Form::Rest, Form::FunctionUrl] {
        for (expected, found) in recorded.iter().zip(replay(form).await) {
            assert_eq!(*expected, found, "{form:?}");
        }
    }
}
