//! Where the tables are, and how patiently they are asked.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::{Aws, Tables};

/// What the store needs to know of its surroundings.
#[derive(Clone, Debug)]
pub struct Config {
    /// The names of the tables.
    pub tables: Tables,
    /// `SOURCEGATE_DEPLOYMENT`, default `local`: sealed values are bound to it.
    pub deployment: String,
}

impl Config {
    /// Reads the settings named at the fields; an unset one has its default.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let name =
            |variable: &str, default: &str| get(variable).unwrap_or_else(|| default.to_owned());
        Self {
            tables: Tables {
                access: name("SOURCEGATE_TABLE_ACCESS", "sourcegate-access"),
                registry: name("SOURCEGATE_TABLE_REGISTRY", "sourcegate-registry"),
                scratch: name("SOURCEGATE_TABLE_SCRATCH", "sourcegate-scratch"),
            },
            deployment: name("SOURCEGATE_DEPLOYMENT", "local"),
        }
    }
}

/// How the SDK reaches AWS, or what stands in for it.
#[derive(Clone, Debug)]
pub enum Endpoint {
    /// AWS, or what `AWS_ENDPOINT_URL…` names, with the credentials of the process.
    Aws(Aws),
    /// An engine within this process, which every request is handed to.
    InProcess(SharedHttpClient),
}

/// Makes the client of the tables. The SDK shares one budget of tries between all clients of a region in a process, so
/// that what is ill is not asked ever more; an engine in the process is its own service and has its own.
pub(crate) async fn client(endpoint: &Endpoint) -> aws_sdk_dynamodb::Client {
    match endpoint {
        Endpoint::Aws(aws) => aws_sdk_dynamodb::Client::new(aws.sdk().await),
        Endpoint::InProcess(http) => {
            let tries = TokenBucket::builder().build();
            let alone = RetryPartition::custom("engine").token_bucket(tries).build();
            let client = aws_sdk_dynamodb::config::Builder::from(&in_process(http.clone()));
            aws_sdk_dynamodb::Client::from_conf(client.retry_partition(alone).build())
        }
    }
}

fn in_process(http: SharedHttpClient) -> SdkConfig {
    let nobody = Credentials::new("in-process", "in-process", None, None, "sourcegate");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("local"))
        .endpoint_url("http://in-process.invalid")
        .credentials_provider(SharedCredentialsProvider::new(nobody))
        .http_client(http)
        .retry_config(retries())
        .timeout_config(local_timeouts())
        .sleep_impl(aws_smithy_async::rt::sleep::SharedAsyncSleep::new(
            aws_smithy_async::rt::sleep::TokioSleep::new(),
        ))
        .time_source(aws_smithy_async::time::SharedTimeSource::new(
            aws_smithy_async::time::SystemTimeSource::new(),
        ))
        .build()
}

/// Six tries with pauses of 50 ms, 100 ms and so on, less a random part: about 0.8 s in all. The SDK's default first
/// pause is one second, which no caller waits for.
pub(crate) fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(6).with_initial_backoff(Duration::from_millis(50))
}

pub(crate) fn network_timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(500))
        .read_timeout(Duration::from_millis(1_000))
        .operation_attempt_timeout(Duration::from_millis(1_500))
        .operation_timeout(Duration::from_secs(5))
        .build()
}

/// The engine in the process serialises writes: a queue is not a fault.
fn local_timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().operation_timeout(Duration::from_secs(30)).build()
}
