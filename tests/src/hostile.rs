//! The engine as AWS at its worst: what an engine that serialises everything never shows.
//!
//! Conflicts between transactions, unprocessed keys, throttling, answers lost after the work was done, and reads that
//! are stale where nobody asked for a consistent one.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

/// How often each fault is met: in percent of the calls that can meet it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// `TransactWriteItems` is cancelled by another transaction.
    pub conflict: u64,
    /// `BatchGetItem` leaves some keys unprocessed.
    pub unprocessed: u64,
    /// Any call exceeds the provisioned throughput.
    pub throttled: u64,
    /// The call is done and its answer lost.
    pub lost: u64,
    /// The service fails without doing anything (500).
    pub failing: u64,
    /// The service cannot be reached at all.
    pub down: bool,
    /// Calls that name the scratch table alone do not reach it.
    pub no_scratch: bool,
}

impl Faults {
    /// Everything at once, as often as a client should still get through.
    #[must_use]
    pub fn worst() -> Self {
        Self {
            conflict: 30,
            unprocessed: 30,
            throttled: 10,
            lost: 10,
            failing: 5,
            ..Self::default()
        }
    }
}

/// What stands before the tables.
#[derive(Clone, Debug)]
pub struct Hostile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tables: SharedHttpClient,
    faults: Mutex<Faults>,
    turns: AtomicU64,
    met: AtomicU64,
    /// How many calls are still answered before the process counts as killed.
    left: AtomicI64,
    /// Reads that did not ask to be consistent: there must be none.
    stale: AtomicU64,
}

impl Hostile {
    pub(crate) fn around(tables: SharedHttpClient) -> Self {
        let faults = Mutex::new(Faults::default());
        Self(Arc::new(Inner {
            tables,
            faults,
            turns: AtomicU64::new(0),
            met: AtomicU64::new(0),
            left: AtomicI64::new(i64::MAX),
            stale: AtomicU64::new(0),
        }))
    }

    /// Sets which faults are met from now on.
    pub fn set(&self, faults: Faults) {
        *self.0.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// Lets so many more calls through and then none: what a process that is killed in the middle leaves behind.
    pub fn kill_after(&self, calls: i64) {
        self.0.left.store(calls, Ordering::SeqCst);
    }

    /// Lets all calls through again, as the next process's are.
    pub fn revive(&self) {
        self.kill_after(i64::MAX);
    }

    /// Counts the reads that were answered as if nothing had ever been written, because they did not ask to be
    /// consistent.
    #[must_use]
    pub fn stale_reads(&self) -> u64 {
        self.0.stale.load(Ordering::Relaxed)
    }

    /// Counts the calls that came so far, those too that met a fault instead of the tables.
    #[must_use]
    pub fn met(&self) -> u64 {
        self.0.met.load(Ordering::Relaxed)
    }

    pub(crate) fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }

    fn faults(&self) -> Faults {
        *self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same sequence in every run, whatever the order of tasks gives it to.
    fn happens(&self, percent: u64) -> bool {
        let turn = self.0.turns.fetch_add(1, Ordering::Relaxed);
        // SplitMix64's finaliser: neighbours come out far apart.
        let mut mixed = turn.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % 100 < percent
    }
}

impl HttpClient for Hostile {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let tables = self.0.tables.http_connector(settings, components);
        SharedHttpConnector::new(Connector { hostile: self.clone(), tables })
    }
}

#[derive(Clone, Debug)]
struct Connector {
    hostile: Hostile,
    tables: SharedHttpConnector,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move { this.meet(request).await })
    }
}

impl Connector {
    async fn meet(&self, mut request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let (hostile, faults) = (&self.hostile, self.hostile.faults());
        hostile.0.met.fetch_add(1, Ordering::Relaxed);
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body: Value =
            serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        if hostile.0.left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            // Nothing that a client would try again.
            let dead = "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException";
            return Ok(answer(400, &json!({ "__type": dead, "message": "killed" })));
        }
        let is_scratch = body["TableName"] == "sourcegate-scratch";
        if faults.down || (faults.no_scratch && is_scratch) {
            return Err(ConnectorError::io("the tables are down".into()));
        }
        if hostile.happens(faults.failing) {
            return Ok(answer(
                500,
                &json!({ "__type": "com.amazonaws.dynamodb.v20120810#InternalServerError" }),
            ));
        }
        if hostile.happens(faults.throttled) {
            let throttled =
                "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
            return Ok(answer(400, &json!({ "__type": throttled, "message": "too much" })));
        }
        if is_stale(&operation, &body) {
            hostile.0.stale.fetch_add(1, Ordering::Relaxed);
            return Ok(answer(200, &json!({ "Items": [], "Responses": {} })));
        }
        if operation == "TransactWriteItems" && hostile.happens(faults.conflict) {
            return Ok(answer(400, &conflict(&body)));
        }
        if operation == "BatchGetItem" && hostile.happens(faults.unprocessed) {
            return self.some_of(request, body).await;
        }
        let lost = hostile.happens(faults.lost);
        *request.body_mut() = SdkBody::from(body.to_string());
        let done = self.tables.call(request).await?;
        if lost { Err(ConnectorError::timeout("the answer was lost".into())) } else { Ok(done) }
    }

    /// Processes about half of the keys and names the others.
    async fn some_of(
        &self,
        mut request: HttpRequest,
        mut body: Value,
    ) -> Result<HttpResponse, ConnectorError> {
        let mut left = serde_json::Map::new();
        for (table, wanted) in body["RequestItems"].as_object_mut().into_iter().flatten() {
            let Some(keys) = wanted["Keys"].as_array_mut() else { continue };
            let (kept, put_off): (Vec<_>, Vec<_>) =
                keys.drain(..).partition(|_| self.hostile.happens(50));
            *keys = kept;
            if !put_off.is_empty() {
                left.insert(table.clone(), json!({ "Keys": put_off, "ConsistentRead": true }));
            }
        }
        let asked = body["RequestItems"].as_object_mut();
        let nothing = asked.is_none_or(|asked| {
            asked
                .retain(|_, wanted| wanted["Keys"].as_array().is_some_and(|keys| !keys.is_empty()));
            asked.is_empty()
        });
        if nothing {
            return Ok(answer(200, &json!({ "Responses": {}, "UnprocessedKeys": left })));
        }
        *request.body_mut() = SdkBody::from(body.to_string());
        let done = self.tables.call(request).await?;
        let mut found: Value =
            serde_json::from_slice(done.body().bytes().unwrap_or_default()).unwrap_or_default();
        found["UnprocessedKeys"] = Value::Object(left);
        Ok(answer(done.status().as_u16(), &found))
    }
}

/// Tells whether a read did not ask to be consistent.
fn is_stale(operation: &str, body: &Value) -> bool {
    match operation {
        "GetItem" | "Query" => body["ConsistentRead"] != true,
        "BatchGetItem" => {
            let mut asked = body["RequestItems"].as_object().into_iter().flatten();
            asked.any(|(_, wanted)| wanted["ConsistentRead"] != true)
        }
        _ => false,
    }
}

fn conflict(body: &Value) -> Value {
    let parts = body["TransactItems"].as_array().map_or(0, Vec::len);
    let mut reasons = vec![json!({ "Code": "None" }); parts];
    if let Some(first) = reasons.first_mut() {
        *first = json!({ "Code": "TransactionConflict", "Message": "Transaction is ongoing for the item" });
    }
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled",
        "CancellationReasons": reasons,
    })
}

fn answer(status: u16, body: &Value) -> HttpResponse {
    let status = status.try_into().expect("a status");
    let mut response = HttpResponse::new(status, SdkBody::from(body.to_string()));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    response
}
