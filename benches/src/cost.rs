//! What a million requests cost on AWS, from counted calls and list prices: of us-east-1, arm64, in US dollars, as AWS
//! published them in November 2026 for what is on demand, without its free tiers.

/// A request of Lambda's.
const LAMBDA_REQUEST: f64 = 0.20e-6;
/// A second of Lambda with 1 GB, arm64.
const LAMBDA_GB_SECOND: f64 = 0.000_013_333_4;
/// A read unit of DynamoDB: a strongly consistent read of an item of up to 4 KB.
const READ_UNIT: f64 = 0.125e-6;
/// A write unit of DynamoDB: an item of up to 1 KB.
const WRITE_UNIT: f64 = 0.625e-6;
/// A call of KMS with a symmetric key.
const KMS_CALL: f64 = 0.03 / 10_000.0;
/// A byte that CloudWatch takes into a log of the standard class.
const LOG_BYTE: f64 = 0.50e-9;
/// What CloudWatch counts for each line beside its bytes.
const LOG_LINE_BYTES: f64 = 26.0;
/// A request of API Gateway's REST APIs.
const API_GATEWAY_REQUEST: f64 = 3.50e-6;

/// The function's memory in GB, and how long a request takes.
const MEMORY_GB: f64 = 0.25;
const DURATION_S: f64 = 0.030;

/// How long an entry holds in a process's memory, in seconds.
const HELD_S: f64 = 5.0;
/// How often a token's last use is noted, in seconds.
const NOTED_S: f64 = 60.0;
/// How long a process lives; then it unwraps its key anew. Lambda's end after some hours, mostly sooner.
const LIFE_S: f64 = 3_600.0;

/// What one request was counted to need, in a process that is asked for the first time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    /// Items that are read, strongly consistent and of at most 4 KB each.
    pub(crate) items: f64,
    /// Calls of KMS.
    pub(crate) kms_calls: f64,
    /// Bytes of its line in the log.
    pub(crate) line_bytes: f64,
}

/// What a million requests cost, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    pub(crate) lambda: f64,
    pub(crate) tables: f64,
    pub(crate) kms: f64,
    pub(crate) log: f64,
}

impl Cost {
    /// Where each process gets so many requests a second.
    pub(crate) fn of(counted: Counted, requests_per_second: f64) -> Self {
        // A request cannot need more than one read, however seldom requests come.
        let once_in = |seconds: f64| (1.0 / (seconds * requests_per_second)).min(1.0);
        let million = 1e6;
        let reads = counted.items * once_in(HELD_S) * READ_UNIT;
        Self {
            lambda: million * (LAMBDA_REQUEST + MEMORY_GB * DURATION_S * LAMBDA_GB_SECOND),
            tables: million * (reads + once_in(NOTED_S) * WRITE_UNIT),
            kms: million * counted.kms_calls * once_in(LIFE_S) * KMS_CALL,
            log: million * (counted.line_bytes + LOG_LINE_BYTES) * LOG_BYTE,
        }
    }

    /// All that is ours.
    pub(crate) fn own(&self) -> f64 {
        self.lambda + self.tables + self.kms + self.log
    }

    /// The same behind API Gateway.
    pub(crate) fn with_front_door(&self) -> f64 {
        self.own() + 1e6 * API_GATEWAY_REQUEST
    }

    /// The same with a second line for each request, as an audit has it.
    pub(crate) fn with_audit(&self) -> f64 {
        self.own() + self.log
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTED: Counted = Counted { items: 6.0, kms_calls: 1.0, line_bytes: 274.0 };

    #[track_caller]
    fn check(requests_per_second: f64, expected: [f64; 4]) {
        let cost = Cost::of(COUNTED, requests_per_second);
        for (found, expected) in [cost.lambda, cost.tables, cost.kms, cost.log].iter().zip(expected)
        {
            assert!((found - expected).abs() < 0.000_5, "{cost:?}");
        }
    }

    #[test]
    fn each_part_is_what_is_counted_at_its_price() {
        check(1.0, [0.300, 0.160, 0.001, 0.150]);
        check(100.0, [0.300, 0.002, 0.000, 0.150]);
        // Once a minute each request finds nothing in memory.
        check(1.0 / 60.0, [0.300, 1.375, 0.050, 0.150]);
        check(1.0 / 7_200.0, [0.300, 1.375, 3.000, 0.150]);
    }

    #[test]
    fn what_stands_before_and_beside_it_is_added() {
        let cost = Cost::of(COUNTED, 1.0);
        assert!((cost.own() - 0.611).abs() < 0.001, "{cost:?}");
        assert!((cost.with_front_door() - 4.111).abs() < 0.001, "{cost:?}");
        assert!((cost.with_audit() - 0.761).abs() < 0.001, "{cost:?}");
    }
}
