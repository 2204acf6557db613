//! A long list: how soon it begins, how long it takes, and what it costs in memory.

use std::io::Write;
use std::time::Instant;

use crate::gateway::Gateway;

/// How often it is read; the median of the times is printed.
const TIMES: usize = 5;

/// Reads the list of a gateway with many data sources.
pub(crate) fn measure(gateway: &Gateway, out: &mut impl Write) -> anyhow::Result<()> {
    let mut client = gateway.client()?;
    let request = client.request("GET", "/api/datasources", "");
    let idle = gateway.program.resident_bytes()?;
    gateway.program.forget_peak()?;
    let (mut begins, mut wholes, mut bytes) = (Vec::new(), Vec::new(), 0);
    for _ in 0..TIMES {
        let (started, mut begun) = (Instant::now(), None);
        bytes = 0;
        client.exchange(&request, |piece| {
            if !piece.is_empty() {
                begun.get_or_insert_with(|| started.elapsed());
            }
            bytes += piece.len();
        })?;
        begins.extend(begun.map(|begun| begun.as_secs_f64() * 1e3));
        wholes.push(started.elapsed().as_secs_f64() * 1e3);
    }
    let over = gateway.program.peak_bytes()?.saturating_sub(idle);
    let (begins, wholes) =
        (crate::load::median(begins.into_iter()), crate::load::median(wholes.into_iter()));
    writeln!(
        out,
        "list of all, {:.1} MB: first byte after {begins:.1} ms, whole after {wholes:.0} ms, \
         peak memory {:.1} MB over idle",
        bytes as f64 / 1e6,
        over as f64 / 1e6
    )?;
    Ok(())
}
