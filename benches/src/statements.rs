//! A million rows through the gateway beside `psql \copy` from the same server, and a small statement beside one that connects
//! first.

use std::io::{Read as _, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use local::demo::Database;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::client::Client;
use crate::gateway::Gateway;
use crate::load::median;
use crate::program::cpu_of_children;
use crate::table::{number, row};

/// What both are asked.
const QUERY: &str = "SELECT g AS id, 'name ' || g AS name, g * 1.5 AS price, g % 7 = 0 AS odd, \
                     timestamptz '2026-01-01' + g * interval '1 s' AS at FROM generate_series(1, 1000000) g";
/// How often each is asked, in turns.
const TURNS: usize = 3;
/// How often the small one is asked over a kept session.
const SMALL: usize = 300;
/// How many sessions are begun for it.
const SESSIONS: usize = 15;

/// What one answer took.
#[derive(Clone, Copy)]
struct Took {
    wall: Duration,
    cpu: Duration,
}

/// One turn: the peer, and ours in each form.
struct Turn {
    peer: Took,
    ours: Vec<Took>,
}

/// Prints the rows.
pub(crate) fn measure(gateway: &Gateway, out: &mut impl Write) -> anyhow::Result<()> {
    let password = SecretString::from("bench-password");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let database = runtime.block_on(Database::start(password.clone()))?;
    let database = database.context("PostgreSQL is not installed")?;
    let mut client = gateway.client()?;
    register(&mut client, &database, "sql")?;
    writeln!(out, "\n1,000,000 rows of 5 columns, in turns; cpu is of the named program, in ms")?;
    row(out, &["", "", "", "wall ms", "ratio", "cpu ms", "ratio", "memory MB"])?;
    gateway.program.forget_peak()?;
    let idle = gateway.program.resident_bytes()?;
    let forms = ["text/csv", "application/json", "application/x-ndjson"];
    let mut all = Vec::new();
    for _ in 0..TURNS {
        let peer = copied(&database, &password)?;
        let ours = forms.map(|form| asked(gateway, form));
        let ours = ours.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        all.push(Turn { peer, ours });
    }
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let middle = |of: &dyn Fn(&Turn) -> f64| median(all.iter().map(of));
    let (wall, cpu) = (middle(&|turn| ms(turn.peer.wall)), middle(&|turn| ms(turn.peer.cpu)));
    row(out, &["psql \\copy", "", "", &number(wall), "", &number(cpu), "", ""])?;
    let peak = gateway.program.peak_bytes()?.saturating_sub(idle);
    for (nth, form) in forms.into_iter().enumerate() {
        let of = |of: fn(&Took) -> Duration| {
            let time = middle(&|turn| ms(of(&turn.ours[nth])));
            let ratio = middle(&|turn| ms(of(&turn.ours[nth])) / ms(of(&turn.peer)));
            (number(time), format!("{ratio:.2}"))
        };
        let ((wall, wall_ratio), (cpu, cpu_ratio)) = (of(|took| took.wall), of(|took| took.cpu));
        #[expect(clippy::cast_precision_loss, reason = "megabytes to be read")]
        let memory = if nth == 0 { number(peak as f64 / 1e6) } else { String::new() };
        row(out, &[form, "", "", &wall, &wall_ratio, &cpu, &cpu_ratio, &memory])?;
    }
    small(&mut client, &database, out)
}

/// Registers it anew under a name, so that nothing of an earlier one is kept.
fn register(client: &mut Client, database: &Database, name: &str) -> anyhow::Result<()> {
    let source = json!({
        "name": name, "type": "postgres", "access": "proxy", "user": "demo",
        "url": database.address().to_string(), "secureJsonData": { "password": "bench-password" },
        "jsonData": { "database": "postgres", "sslmode": "disable" },
    });
    client.json("POST", "/api/datasources", &source).map(drop)
}

fn copied(database: &Database, password: &SecretString) -> anyhow::Result<Took> {
    let mut psql = Command::new(database.programs().join("psql"));
    psql.env_clear().env("PGPASSWORD", password.expose_secret()).env("PGTZ", "UTC");
    let port = database.address().port().to_string();
    psql.args(["-X", "-q", "-h", "127.0.0.1", "-p", &port, "-U", "demo", "-d", "postgres"]);
    psql.args(["-c", &format!("\\copy ({QUERY}) to stdout csv header")]);
    let (begun, before) = (Instant::now(), cpu_of_children()?);
    let mut process = psql.stdout(Stdio::piped()).spawn().context("cannot start psql")?;
    let mut rows = process.stdout.take().context("its output")?;
    let mut buffer = vec![0; 256 << 10];
    while rows.read(&mut buffer)? > 0 {}
    anyhow::ensure!(process.wait()?.success(), "psql failed");
    Ok(Took { wall: begun.elapsed(), cpu: cpu_of_children()? - before })
}

fn asked(gateway: &Gateway, form: &str) -> anyhow::Result<Took> {
    let mut client = gateway.client()?;
    let request = statement(&client, "sql", form, QUERY)?;
    let (begun, before) = (Instant::now(), gateway.program.cpu()?);
    client.exchange(&request, |_| {})?;
    Ok(Took { wall: begun.elapsed(), cpu: gateway.program.cpu()? - before })
}

fn statement(client: &Client, name: &str, form: &str, query: &str) -> anyhow::Result<Vec<u8>> {
    let path = format!("/proxy/globaldatasources/{name}");
    let request = client.request("POST", &path, &json!({ "query": query }).to_string());
    let request = String::from_utf8(request)?;
    Ok(request.replace("accept: */*", &format!("accept: {form}")).into_bytes())
}

/// One row over a session that is kept, and over one that is begun for it.
fn small(client: &mut Client, database: &Database, out: &mut impl Write) -> anyhow::Result<()> {
    let time = |client: &mut Client, name: &str| {
        let request = statement(client, name, "text/csv", "SELECT 1")?;
        let begun = Instant::now();
        client.exchange(&request, |_| {})?;
        anyhow::Ok(begun.elapsed().as_secs_f64() * 1e6)
    };
    let mut begun = Vec::new();
    for nth in 0..SESSIONS {
        let name = format!("sql-{nth}");
        register(client, database, &name)?;
        begun.push(time(client, &name)?);
    }
    let kept = (0..SMALL).map(|_| time(client, "sql-0")).collect::<anyhow::Result<Vec<_>>>()?;
    let (begun, kept) = (median(begun.into_iter()), median(kept.into_iter()));
    writeln!(out, "\n`SELECT 1` over HTTP, p50 in µs")?;
    row(out, &["begun for it", "", "", &number(begun)])?;
    row(out, &["kept", "", "", &number(kept), &format!("{:.3}", kept / begun)])?;
    Ok(())
}
