//! The functions as Lambda runs them: how soon they ask for an event, what one costs, and what the first proxied request waits
//! for; each beside a function that does nothing.

mod aws;
mod double;
mod function;
mod size;

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::calls::HELD;
use crate::client::Client;
use crate::cost::{Cost, Counted};
use crate::load::median;
use crate::nginx::{self, Nginx};
use crate::table::{number, row};
use aws::{Aws, KMS, TABLES};
use function::{Function, event};

/// The functions, and what each is asked that needs neither tables nor KMS.
const FUNCTIONS: [(&str, &str); 3] = [
    ("access", "/api/orgs"),
    ("datasources", "/api/datasources"),
    ("http-proxy", "/api/datasources/proxy/uid/bench/x"),
];

/// How often each is started; all take turns.
const STARTS: usize = 15;
/// How many events each gets, after some to grow warm.
const EVENTS: usize = 2_000;
const WARM: usize = 200;
/// The body that is asked for through a cold process.
const PATH: &str = nginx::BODIES[0].0;

/// Prints the rows.
pub(crate) fn measure(upstream: &Nginx, out: &mut impl Write) -> anyhow::Result<()> {
    let aws = Aws::start(upstream)?;
    writeln!(out, "\nfunctions of Lambda, each beside one that does nothing, in turns")?;
    row(out, &["", "", "", "start ms", "ratio", "memory MB", "event µs", "beyond µs"])?;
    let started = starts(&aws)?;
    let empty = &started[0];
    let nothing = event("GET", "/", "", "");
    let idle = events("empty", &aws, &nothing)?;
    for one in &started {
        let beyond = match FUNCTIONS.iter().find(|(name, _)| *name == one.name) {
            Some((name, path)) => events(name, &aws, &event("GET", path, "", ""))?,
            None => idle,
        };
        let cells = [
            one.name,
            "",
            "",
            &number(one.start_ms),
            &format!("{:.2}", one.start_ms / empty.start_ms),
            &number(one.resident_mb),
            &number(beyond),
            &number(beyond - idle),
        ];
        row(out, &cells)?;
    }
    let warm = events("http-proxy", &aws, &aws.proxied(PATH))?;
    let direct = direct(upstream)?;
    writeln!(
        out,
        "http-proxy, proxied: {} µs an event, {} µs beyond one that does nothing and what the data source takes",
        number(warm),
        number(warm - idle - direct)
    )?;
    cold(&aws, started[3].start_ms, direct, out)?;
    costs(&aws, out)?;
    size::print(out)?;
    out.flush()?;
    Ok(())
}

/// How a function starts: medians.
struct Started {
    name: &'static str,
    start_ms: f64,
    resident_mb: f64,
}

/// The empty one first, then ours.
fn starts(aws: &Aws) -> anyhow::Result<Vec<Started>> {
    let names = ["empty", FUNCTIONS[0].0, FUNCTIONS[1].0, FUNCTIONS[2].0];
    let mut seen = [(); 4].map(|()| (Vec::new(), Vec::new()));
    for _ in 0..STARTS {
        for (name, (times, bytes)) in names.iter().zip(&mut seen) {
            let function = Function::start(name, aws.settings())?;
            times.push(function.start_time().as_secs_f64() * 1e3);
            bytes.push(function.resident_bytes()? as f64 / 1e6);
        }
    }
    let medians = names.into_iter().zip(seen).map(|(name, (times, bytes))| Started {
        name,
        start_ms: median(times.into_iter()),
        resident_mb: median(bytes.into_iter()),
    });
    Ok(medians.collect())
}

/// What an event takes from being given out until its answer is there, in µs: the median of a warm process.
fn events(name: &str, aws: &Aws, event: &str) -> anyhow::Result<f64> {
    let function = Function::start(name, aws.settings())?;
    let mut times = Vec::with_capacity(EVENTS);
    for turn in 0..WARM + EVENTS {
        let given = Instant::now();
        function.invoke(event)?;
        if turn >= WARM {
            times.push(given.elapsed().as_secs_f64() * 1e6);
        }
    }
    Ok(median(times.into_iter()))
}

/// What the data source takes by itself, in µs.
fn direct(upstream: &Nginx) -> anyhow::Result<f64> {
    let mut client = Client::connect(upstream.program.address(), &nginx::authorization())?;
    let request = client.request("GET", PATH, "");
    let mut times = Vec::with_capacity(EVENTS);
    for turn in 0..WARM + EVENTS {
        let asked = Instant::now();
        client.exchange(&request, |_| {})?;
        if turn >= WARM {
            times.push(asked.elapsed().as_secs_f64() * 1e6);
        }
    }
    Ok(median(times.into_iter()))
}

/// The first request of a process, from the process's beginning until its answer begins. None of it can be shorter than the
/// start, the one read, the one `Decrypt` that needs what was read, and the data source: the critical path. All else has to
/// happen meanwhile.
fn cold(aws: &Aws, start_ms: f64, direct_us: f64, out: &mut impl Write) -> anyhow::Result<()> {
    let asked = aws.proxied(PATH);
    let before = aws.calls();
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let function = Function::start("http-proxy", aws.settings())?;
        let answer = function.invoke(&asked)?;
        let text = String::from_utf8_lossy(&answer.body);
        anyhow::ensure!(text.contains("\"statusCode\":200"), "not proxied: {text}");
        times.push((answer.at - function.began()).as_secs_f64() * 1e3);
    }
    let reads = aws.calls().since(&before).of("BatchGetItem") as f64 / STARTS as f64;
    let path = start_ms + millis(TABLES) + millis(KMS) + direct_us / 1e3;
    let whole = median(times.into_iter());
    writeln!(
        out,
        "cold, proxied, tables at {TABLES:?} and KMS at {KMS:?}: {whole:.1} ms, {:.2} of its critical path of {path:.1} ms; \
         {reads:.1} reads",
        whole / path
    )?;
    Ok(())
}

/// What is asked of a data source most: its length is that of the path in a line of the log, whatever the answer.
const QUERY: &str = "/api/v1/query_range";

/// Counts what a request needs in a process that has been asked before, more than five seconds ago; with list prices that
/// is what it costs.
fn costs(aws: &Aws, out: &mut impl Write) -> anyhow::Result<()> {
    let log = tempfile::NamedTempFile::new()?;
    let writer = log.reopen()?.into();
    let function = Function::logging_to("http-proxy", aws.settings(), writer)?;
    let asked = aws.proxied(QUERY);
    let mut items = Vec::new();
    for _ in 0..3 {
        let before = aws.items();
        function.invoke(&asked)?;
        items.push(aws.items() - before);
        std::thread::sleep(HELD);
    }
    let lines = std::fs::read_to_string(log.path())?;
    let line = lines.lines().last().context("no line in the log")?;
    let counted =
        Counted { items: items[2] as f64, kms_calls: 1.0, line_bytes: (line.len() + 1) as f64 };
    writeln!(
        out,
        "items read, cold and later: {items:?}; a line of the log: {} bytes",
        line.len() + 1
    )?;
    writeln!(out, "\na million proxied requests on AWS, in US dollars; 256 MB, 30 ms each")?;
    row(
        out,
        &[
            "a process gets",
            "",
            "",
            "Lambda",
            "tables",
            "KMS",
            "log",
            "ours",
            "+ gateway",
            "+ audit",
        ],
    )?;
    for (name, rate) in [("100 a second", 100.0), ("1 a second", 1.0), ("1 a minute", 1.0 / 60.0)] {
        let cost = Cost::of(counted, rate);
        let parts = [cost.lambda, cost.tables, cost.kms, cost.log, cost.own()];
        let parts = parts.into_iter().chain([cost.with_front_door(), cost.with_audit()]);
        let parts: Vec<_> = parts.map(|part| format!("{part:.2}")).collect();
        let cells = [name, "", ""].into_iter().chain(parts.iter().map(String::as_str));
        row(out, &cells.collect::<Vec<_>>())?;
    }
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
