//! A function as a process behind a Runtime API, both of which the bench watches.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::double::{Answer, Asked, serve};
use crate::program;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running function. Dropping it ends it.
pub(crate) struct Function {
    child: Child,
    events: Sender<String>,
    polled: Receiver<Instant>,
    answered: Receiver<Asked>,
    /// When the process was begun.
    began: Instant,
    /// When it asked for its first event.
    ready: Instant,
}

/// The binary of that name beside the bench.
pub(crate) fn beside(name: &str) -> anyhow::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

impl Function {
    /// Starts a binary beside the bench with settings, and waits until it asks for its first event.
    pub(crate) fn start(name: &str, settings: &[(String, String)]) -> anyhow::Result<Self> {
        Self::logging_to(name, settings, Stdio::null())
    }

    /// The same with its log somewhere.
    pub(crate) fn logging_to(
        name: &str,
        settings: &[(String, String)],
        log: Stdio,
    ) -> anyhow::Result<Self> {
        let (events, waiting) = channel::<String>();
        let (polls, polled) = channel();
        let (answers, answered) = channel();
        let waiting = Mutex::new(waiting);
        let api = serve(move |asked| {
            if asked.head.starts_with("GET ") {
                polls.send(asked.at).ok()?;
                // There is one loop, so that nobody else waits here.
                let event = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()?;
                return Some(invocation(event));
            }
            let answer = Asked { head: asked.head.clone(), body: asked.body.clone(), at: asked.at };
            answers.send(answer).ok()?;
            Some(Answer { status: 202, headers: String::new(), body: b"{}".to_vec() })
        })?;
        let mut command = Command::new(beside(name)?);
        command.env_clear().envs(settings.iter().map(|(name, value)| (name, value)));
        command.env("AWS_LAMBDA_RUNTIME_API", api.to_string()).env("AWS_REGION", "us-east-1");
        command.env("AWS_LAMBDA_FUNCTION_NAME", name).env("AWS_LAMBDA_FUNCTION_VERSION", "1");
        command.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256");
        command.stdin(Stdio::null()).stdout(log).stderr(Stdio::inherit());
        let began = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let mut function = Self { child, events, polled, answered, began, ready: began };
        let first = function.polled.recv_timeout(PATIENCE);
        function.ready = first.with_context(|| format!("{name} asks for no event"))?;
        Ok(function)
    }

    /// From the process's beginning to its first question for an event.
    pub(crate) fn start_time(&self) -> Duration {
        self.ready - self.began
    }

    /// When the process was begun.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// How much memory it has now, in bytes.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        program::memory(self.child.id(), "VmRSS:")
    }

    /// Gives it an event and waits for the answer.
    pub(crate) fn invoke(&self, event: &str) -> anyhow::Result<Asked> {
        self.events.send(event.to_owned())?;
        self.answered.recv_timeout(PATIENCE).context("an event has no answer")
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn invocation(event: String) -> Answer {
    let headers = "content-type: application/json\r\n\
                   lambda-runtime-aws-request-id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n\
                   lambda-runtime-deadline-ms: 4102444800000\r\n\
                   lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:123456789012:function:x\r\n";
    Answer { status: 200, headers: headers.to_owned(), body: event.into_bytes() }
}

/// An event of API Gateway's with a request without a body.
pub(crate) fn event(method: &str, path: &str, authorization: &str, body: &str) -> String {
    let text = serde_json::json!({
        "resource": "/{proxy+}", "path": path, "httpMethod": method,
        "headers": {}, "multiValueHeaders": {
            "Authorization": [authorization], "Host": ["api.example.com"],
            "Content-Type": ["application/json"], "User-Agent": ["bench/1"],
        },
        "queryStringParameters": null, "multiValueQueryStringParameters": null,
        "pathParameters": null, "stageVariables": null, "body": body, "isBase64Encoded": false,
        "requestContext": {
            "path": path, "stage": "live", "httpMethod": method, "resourcePath": "/{proxy+}",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef", "apiId": "abcdefghij",
            "identity": { "sourceIp": "203.0.113.7" },
        },
    });
    text.to_string()
}
