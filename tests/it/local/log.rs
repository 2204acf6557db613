//! A server whose log nobody reads.
#![expect(clippy::disallowed_methods, reason = "a test asks whether the server listens")]

use std::io;
use std::process::Stdio;
use std::time::Instant;

use harness::Client;
use harness::process::{built, free_address};
use tempfile::tempdir;

use super::binary::PATIENCE;

/// More requests than a pipe has room for lines.
const REQUESTS: usize = 1_000;

async fn serves(format: &str, reader: io::PipeReader, writer: io::PipeWriter) {
    let (folder, address) = (tempdir().unwrap(), free_address());
    let mut command = tokio::process::Command::new(built("sourcegate"));
    command.current_dir(folder.path()).env_clear().kill_on_drop(true);
    command.args(["--listen", &address.to_string(), "--log", format]);
    command.stdin(Stdio::null());
    command.stdout(writer.try_clone().unwrap()).stderr(writer);
    let mut server = command.spawn().unwrap();
    drop(command);
    let started = Instant::now();
    while tokio::net::TcpStream::connect(address).await.is_err() {
        assert!(started.elapsed() < PATIENCE, "it does not start");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let client = Client::new(address, None);
    for n in 0..REQUESTS {
        assert_eq!(client.get("/api/datasources").await.status, 401, "request {n}");
    }
    assert!(server.try_wait().unwrap().is_none(), "it goes on");
    drop(reader);
    for n in 0..10 {
        assert_eq!(client.get("/api/health").await.status, 200, "request {n} to nobody");
    }
    assert!(server.try_wait().unwrap().is_none(), "it goes on");
}

#[tokio::test]
async fn t18_a_log_that_nobody_reads_holds_no_request_up_and_one_that_is_closed_ends_nothing() {
    for format in ["text", "json"] {
        let (reader, writer) = io::pipe().unwrap();
        serves(format, reader, writer).await;
    }
}
