//! A program beside the bench: started, waited for, measured from outside, ended.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::Context;

/// How long a program may take until it listens.
const START: Duration = Duration::from_secs(20);

/// How many of `/proc/PID/stat`'s ticks are a second; Linux shows all programs the same number.
const TICKS: f64 = 100.0;

/// A running server. Dropping it ends it.
pub(crate) struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    /// Starts a server and waits until it listens.
    pub(crate) fn start(mut command: Command, address: SocketAddr) -> anyhow::Result<Self> {
        let name = command.get_program().to_owned();
        let child = command.spawn().with_context(|| format!("cannot start {}", name.display()))?;
        let mut program = Self { child, address };
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = program.child.try_wait()?.is_some();
            let waits = !ended && started.elapsed() < START;
            anyhow::ensure!(waits, "{} does not listen on {address}", name.display());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(program)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How much CPU time it has used so far, its own and the kernel's for it; exact to 10 ms.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        cpu(&self.child.id().to_string(), 11)
    }
}

/// How much CPU time the programs have used that this one started and waited for.
pub(crate) fn cpu_of_children() -> anyhow::Result<Duration> {
    cpu("self", 13)
}

/// Two fields of `/proc/PID/stat`, user and system time, counted behind the name.
fn cpu(pid: &str, field: usize) -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is a name in parentheses, which may hold anything.
    let fields = text.rsplit_once(')').map(|(_, rest)| rest.split_whitespace());
    let ticks = fields.map(|fields| fields.skip(field).take(2).map(str::parse::<u32>));
    let ticks = ticks.into_iter().flatten().sum::<Result<u32, _>>()?;
    Ok(Duration::from_secs_f64(f64::from(ticks) / TICKS))
}

impl Program {
    /// How much memory it has now, in bytes.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        self.status_bytes("VmRSS:")
    }

    /// How much it had at most since [`Program::forget_peak`], in bytes.
    pub(crate) fn peak_bytes(&self) -> anyhow::Result<u64> {
        self.status_bytes("VmHWM:")
    }

    /// Begins the peak anew.
    pub(crate) fn forget_peak(&self) -> anyhow::Result<()> {
        let path = format!("/proc/{}/clear_refs", self.child.id());
        std::fs::write(&path, "5").with_context(|| format!("cannot write {path}"))
    }

    fn status_bytes(&self, field: &str) -> anyhow::Result<u64> {
        memory(self.child.id(), field)
    }
}

/// How much memory a process has, in bytes, by a field of `/proc/PID/status` such as `VmRSS:`.
pub(crate) fn memory(pid: u32, field: &str) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(kib.with_context(|| format!("no {field}"))? * 1024)
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Finds a program that `tests/setup` installs. Debian keeps servers where only root looks.
pub(crate) fn installed(name: &str) -> anyhow::Result<PathBuf> {
    let folders = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"];
    let found = folders.map(|folder| Path::new(folder).join(name));
    let found = found.into_iter().find(|path| path.exists());
    found.with_context(|| format!("{name} is not installed: run `make test`"))
}

/// A loopback address whose port was free a moment ago.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
