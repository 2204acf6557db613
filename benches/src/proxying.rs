//! The same request through nginx and through the gateway, by turns.

use std::io::Write;
use std::time::Duration;

use crate::gateway::{self, Gateway};
use crate::load::{Target, Turn, median};
use crate::nginx::{self, BODIES, Nginx};
use crate::table::{number, row};

/// Who is measured, in the order of the turns.
const NAMES: [&str; 3] = ["direct", "nginx", "gateway"];

/// One line of the plan: how many turns each has, and how long one lasts.
struct Plan {
    connections: usize,
    turns: usize,
    time: Duration,
}

/// Prints one block for each body and number of connections.
pub(crate) fn measure(
    upstream: &Nginx,
    proxy: &Nginx,
    gateway: &Gateway,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let base = gateway::register(&mut gateway.client()?, upstream)?;
    writeln!(out, "proxied requests: medians of turns; cpu is of the named program, in µs")?;
    row(out, &["body", "connections", "", "requests/s", "cpu/request", "p50 µs", "p99 µs"])?;
    for (body, body_bytes) in BODIES {
        let direct = |path: String| Target {
            program: &upstream.program,
            authorization: nginx::authorization(),
            path,
            body_bytes,
        };
        let targets = [
            direct(format!("{body}?query=up")),
            Target { program: &proxy.program, ..direct(format!("{body}?query=up")) },
            Target {
                program: &gateway.program,
                authorization: gateway.authorization(),
                ..direct(format!("{base}{body}?query=up"))
            },
        ];
        for plan in plans(body_bytes) {
            print(out, &plan, body, &alternate(&targets, &plan)?)?;
        }
    }
    Ok(())
}

/// The small body decides, so it gets most of the time.
fn plans(body_bytes: usize) -> [Plan; 2] {
    let (turns, ms) = match body_bytes {
        0..1_000 => (7, 1_000),
        1_000..1_000_000 => (3, 700),
        _ => (3, 1_000),
    };
    [1, 16].map(|connections| Plan { connections, turns, time: Duration::from_millis(ms) })
}

/// Each turn of all three, so that a neighbour's noise meets them alike.
fn alternate(targets: &[Target<'_>; 3], plan: &Plan) -> anyhow::Result<Vec<[Turn; 3]>> {
    let turn = |target: &Target<'_>| target.turn(plan.connections, plan.time);
    let all = |_| Ok([turn(&targets[0])?, turn(&targets[1])?, turn(&targets[2])?]);
    (0..plan.turns).map(all).collect()
}

fn print(out: &mut impl Write, plan: &Plan, body: &str, turns: &[[Turn; 3]]) -> anyhow::Result<()> {
    let middle = |who: usize, of: fn(&Turn) -> f64| median(turns.iter().map(|turn| of(&turn[who])));
    for (who, name) in NAMES.into_iter().enumerate() {
        let (body, connections) = match who {
            0 => (body, plan.connections.to_string()),
            _ => ("", String::new()),
        };
        row(
            out,
            &[
                body,
                &connections,
                name,
                &number(middle(who, |turn| turn.requests_per_second)),
                &number(middle(who, |turn| turn.cpu_us)),
                &number(middle(who, |turn| turn.p50_us)),
                &number(middle(who, |turn| turn.p99_us)),
            ],
        )?;
    }
    // Ratios within a turn first: what slowed both does not count.
    let cpu = median(turns.iter().map(|[_, nginx, gateway]| gateway.cpu_us / nginx.cpu_us));
    let added = |turn: &[Turn; 3], who: usize| turn[who].p50_us - turn[0].p50_us;
    let added = median(turns.iter().map(|turn| added(turn, 2) / added(turn, 1)));
    row(out, &["", "", "ratio", "", &format!("{cpu:.2}"), &format!("added {added:.2}"), ""])?;
    Ok(())
}
