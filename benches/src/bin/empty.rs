//! A function that does nothing: what a start and an event cost in the runtime that AWS gives for Rust.

use lambda_runtime::{LambdaEvent, run, service_fn};
use serde_json::{Value, json};

async fn nothing(_event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    Ok(json!({ "statusCode": 200, "body": "" }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(service_fn(nothing)).await
}
