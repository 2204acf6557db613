//! One turn of load: some connections, each asking again as soon as it has been answered.

use std::time::{Duration, Instant};

use crate::client::Client;
use crate::program::Program;

/// Whom to ask, and for what.
pub(crate) struct Target<'a> {
    pub(crate) program: &'a Program,
    /// A header's line or empty.
    pub(crate) authorization: String,
    pub(crate) path: String,
    /// How long the body is, so that a wrong answer is not mistaken for a fast one.
    pub(crate) body_bytes: usize,
}

/// What a turn showed.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) requests_per_second: f64,
    /// CPU time of the program asked, in µs a request.
    pub(crate) cpu_us: f64,
    /// In µs.
    pub(crate) p50_us: f64,
    /// In µs.
    pub(crate) p99_us: f64,
}

impl Target<'_> {
    /// Asks for a time over a number of connections.
    pub(crate) fn turn(&self, connections: usize, time: Duration) -> anyhow::Result<Turn> {
        // Connections and caches are warm before the clock starts.
        self.ask(connections, time / 10)?;
        let before = self.program.cpu()?;
        let started = Instant::now();
        let mut waits = self.ask(connections, time)?;
        let (elapsed, cpu) = (started.elapsed(), self.program.cpu()? - before);
        waits.sort_unstable();
        let requests = waits.len() as f64;
        let at = |share: f64| waits[(share * (requests - 1.0)) as usize].as_secs_f64() * 1e6;
        Ok(Turn {
            requests_per_second: requests / elapsed.as_secs_f64(),
            cpu_us: cpu.as_secs_f64() * 1e6 / requests,
            p50_us: at(0.5),
            p99_us: at(0.99),
        })
    }

    fn ask(&self, connections: usize, time: Duration) -> anyhow::Result<Vec<Duration>> {
        let end = Instant::now() + time;
        std::thread::scope(|scope| {
            let asking: Vec<_> =
                (0..connections).map(|_| scope.spawn(|| self.ask_until(end))).collect();
            let mut waits = Vec::new();
            for thread in asking {
                let own = thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?;
                waits.extend(own?);
            }
            Ok(waits)
        })
    }

    fn ask_until(&self, end: Instant) -> anyhow::Result<Vec<Duration>> {
        let mut client = Client::connect(self.program.address(), &self.authorization)?;
        let request = client.request("GET", &self.path, "");
        let mut waits = Vec::with_capacity(1 << 15);
        while waits.is_empty() || Instant::now() < end {
            let (started, mut bytes) = (Instant::now(), 0);
            client.exchange(&request, |piece| bytes += piece.len())?;
            waits.push(started.elapsed());
            anyhow::ensure!(bytes == self.body_bytes, "a body of {bytes} bytes");
        }
        Ok(waits)
    }
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}
