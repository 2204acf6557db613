//! A million rows through the gateway beside the database's own client at the same server, and a small statement beside one
//! that connects first.

mod mariadb;

use std::io::{Read as _, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use local::demo::Database;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use self::mariadb::Mariadb;
use crate::client::Client;
use crate::gateway::Gateway;
use crate::load::median;
use crate::program::cpu_of_children;
use crate::table::{number, row};

/// What both are asked.
const QUERY: &str = "SELECT g AS id, 'name ' || g AS name, g * 1.5 AS price, g % 7 = 0 AS odd, \
                     timestamptz '2026-01-01' + g * interval '1 s' AS at FROM generate_series(1, 1000000) g";
/// How an answer is asked for.
const FORMS: [&str; 3] = ["text/csv", "application/json", "application/x-ndjson"];
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
    let mut postgres =
        Comparison { source: "sql", query: QUERY, peer: "psql \\copy", gateway, out };
    postgres.print(&|| copied(&database, &password))?;
    let mariadb = Mariadb::start()?;
    mariadb.register(&mut client, "mariadb")?;
    let (source, query, peer) = ("mariadb", mariadb::QUERY, "mariadb --batch");
    Comparison { source, query, peer, gateway, out }.print(&|| mariadb.copied())?;
    small(&mut client, &database, out)
}

/// One statement, asked of the gateway in each form, and of the database by its own client.
struct Comparison<'a, W> {
    source: &'a str,
    query: &'a str,
    peer: &'a str,
    gateway: &'a Gateway,
    out: &'a mut W,
}

impl<W: Write> Comparison<'_, W> {
    fn print(&mut self, copied: &dyn Fn() -> anyhow::Result<Took>) -> anyhow::Result<()> {
        self.gateway.program.forget_peak()?;
        let idle = self.gateway.program.resident_bytes()?;
        let mut all = Vec::new();
        for _ in 0..TURNS {
            let peer = copied()?;
            let ours = FORMS.map(|form| self.asked(form));
            let ours = ours.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
            all.push(Turn { peer, ours });
        }
        let peak = self.gateway.program.peak_bytes()?.saturating_sub(idle);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let middle = |of: &dyn Fn(&Turn) -> f64| median(all.iter().map(of));
        let (wall, cpu) = (middle(&|turn| ms(turn.peer.wall)), middle(&|turn| ms(turn.peer.cpu)));
        row(self.out, &[self.peer, "", "", &number(wall), "", &number(cpu), "", ""])?;
        for (nth, form) in FORMS.into_iter().enumerate() {
            let of = |of: fn(&Took) -> Duration| {
                let time = middle(&|turn| ms(of(&turn.ours[nth])));
                let ratio = middle(&|turn| ms(of(&turn.ours[nth])) / ms(of(&turn.peer)));
                (number(time), format!("{ratio:.2}"))
            };
            let ((wall, walls), (cpu, cpus)) = (of(|took| took.wall), of(|took| took.cpu));
            #[expect(clippy::cast_precision_loss, reason = "megabytes to be read")]
            let memory = if nth == 0 { number(peak as f64 / 1e6) } else { String::new() };
            row(self.out, &[form, "", "", &wall, &walls, &cpu, &cpus, &memory])?;
        }
        Ok(())
    }

    fn asked(&self, form: &str) -> anyhow::Result<Took> {
        let mut client = self.gateway.client()?;
        let request = statement(&client, self.source, form, self.query)?;
        let (begun, before) = (Instant::now(), self.gateway.program.cpu()?);
        client.exchange(&request, |_| {})?;
        Ok(Took { wall: begun.elapsed(), cpu: self.gateway.program.cpu()? - before })
    }
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
    run_to_end(psql)
}

/// Reads all that a program writes.
fn run_to_end(mut program: Command) -> anyhow::Result<Took> {
    let name = program.get_program().to_string_lossy().into_owned();
    let (begun, before) = (Instant::now(), cpu_of_children()?);
    let process = program.stdout(Stdio::piped()).spawn();
    let mut process = process.with_context(|| format!("cannot start {name}"))?;
    let mut rows = process.stdout.take().context("its output")?;
    let mut buffer = vec![0; 256 << 10];
    while rows.read(&mut buffer)? > 0 {}
    anyhow::ensure!(process.wait()?.success(), "{name} failed");
    Ok(Took { wall: begun.elapsed(), cpu: cpu_of_children()? - before })
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
