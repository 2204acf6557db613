//! Many at once: creates that must all count, and guessed passwords that must not slow the honest.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use base64::Engine as _;
use serde_json::Value;

use crate::gateway::{self, Gateway};
use crate::load::{Target, Turn};
use crate::nginx::{BODIES, Nginx};
use crate::registry::source;
use crate::table::{number, row};

/// How many create at once, and how many data sources in all.
const CALLERS: usize = 8;
const CREATED: usize = 1_000;

/// How many guess at once, and how long each waits before the next guess.
const GUESSERS: usize = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// How long proxied requests are measured, alone and under guesses.
const TIME: Duration = Duration::from_secs(3);

/// Creates 1,000 data sources by 8 callers on a gateway of its own; prints the rate.
///
/// # Errors
/// One is lost or has the number of another.
pub(crate) fn create(out: &mut impl Write) -> anyhow::Result<()> {
    let gateway = Gateway::start()?;
    let started = Instant::now();
    let numbers = std::thread::scope(|scope| {
        let caller = |caller: usize| {
            let gateway = &gateway;
            scope.spawn(move || create_some(gateway, caller))
        };
        let callers: Vec<_> = (0..CALLERS).map(caller).collect();
        let mut numbers = Vec::new();
        for thread in callers {
            numbers.extend(thread.join().map_err(|_| anyhow::anyhow!("a caller panicked"))??);
        }
        anyhow::Ok(numbers)
    })?;
    let rate = numbers.len() as f64 / started.elapsed().as_secs_f64();
    let distinct: BTreeSet<_> = numbers.iter().collect();
    anyhow::ensure!(distinct.len() == CREATED, "{} numbers of {CREATED}", distinct.len());
    let listed = gateway.client()?.json("GET", "/api/datasources", &Value::Null)?;
    let listed = listed.as_array().context("a list")?.len();
    anyhow::ensure!(listed == CREATED, "{listed} of {CREATED} are listed");
    writeln!(out, "\n{CREATED} created by {CALLERS} callers, none lost or doubled: {rate:.0}/s")?;
    Ok(())
}

fn create_some(gateway: &Gateway, caller: usize) -> anyhow::Result<Vec<i64>> {
    let mut client = gateway.client()?;
    let one = |at: usize| {
        let made =
            client.json("POST", "/api/datasources", &source(&format!("of {caller}, {at}")))?;
        made["id"].as_i64().context("a number")
    };
    (0..CREATED / CALLERS).map(one).collect()
}

/// Proxies small requests alone, then while passwords are guessed; prints both and their ratio.
pub(crate) fn guess(upstream: &Nginx, out: &mut impl Write) -> anyhow::Result<()> {
    let gateway = Gateway::start()?;
    let base = gateway::register(&mut gateway.client()?, upstream)?;
    let (body, body_bytes) = BODIES[0];
    let target = Target {
        program: &gateway.program,
        authorization: gateway.authorization(),
        path: format!("{base}{body}?query=up"),
        body_bytes,
    };
    let idle = target.turn(1, TIME)?;
    let flooded = under_guesses(&gateway, &target)?;
    writeln!(out, "\nproxied requests while {GUESSERS} guess passwords")?;
    row(out, &["", "", "", "requests/s", "cpu/request", "p50 µs", "p99 µs"])?;
    let print = |out: &mut _, name: &str, turn: &Turn| {
        let cells = [turn.requests_per_second, turn.cpu_us, turn.p50_us, turn.p99_us].map(number);
        let [rate, cpu, p50, p99] = &cells;
        row(out, &[name, "", "", rate, cpu, p50, p99])
    };
    print(out, "alone", &idle)?;
    print(out, "under guesses", &flooded)?;
    let ratio = format!("{:.2}", flooded.p99_us / idle.p99_us);
    row(out, &["ratio", "", "", "", "", "", &ratio])?;
    Ok(())
}

fn under_guesses(gateway: &Gateway, target: &Target<'_>) -> anyhow::Result<Turn> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let guessers: Vec<_> = (0..GUESSERS)
            .map(|guesser| {
                scope.spawn({
                    let done = &done;
                    move || guess_until(gateway, guesser, done)
                })
            })
            .collect();
        let turn = target.turn(1, TIME);
        done.store(true, Ordering::Relaxed);
        for guesser in guessers {
            guesser.join().map_err(|_| anyhow::anyhow!("a guesser panicked"))??;
        }
        turn
    })
}

fn guess_until(gateway: &Gateway, guesser: usize, done: &AtomicBool) -> anyhow::Result<()> {
    let mut client = gateway.anonymous()?;
    let mut guess = 0;
    while !done.load(Ordering::Relaxed) {
        guess += 1;
        let text = format!("admin:wrong {guesser} {guess}");
        let text = base64::engine::general_purpose::STANDARD.encode(text);
        let request = format!(
            "GET /api/org HTTP/1.1\r\nhost: localhost\r\nauthorization: Basic {text}\r\n\r\n"
        );
        let status = client.status(request.as_bytes())?;
        anyhow::ensure!([401, 429].contains(&status), "a guess was answered {status}");
        std::thread::sleep(PAUSE);
    }
    Ok(())
}
