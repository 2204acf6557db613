//! What a running program takes of the machine, as the kernel counts it.

use super::Process;

impl Process {
    /// The most memory that it ever had at once, in KiB.
    #[must_use]
    pub fn peak_kib(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// How many KiB more it had at once since [`peak_kib`](Self::peak_kib) said so many.
    ///
    /// The kernel counts pages for each CPU and sums them roughly (proc(5), `VmHWM`): a later peak can read as less.
    #[must_use]
    pub fn grown_kib(&self, since: u64) -> u64 {
        self.peak_kib().saturating_sub(since)
    }

    /// Its threads.
    #[must_use]
    pub fn threads(&self) -> u64 {
        self.status("Threads:")
    }

    /// Its open file descriptors.
    ///
    /// # Panics
    ///
    /// When it has ended.
    #[must_use]
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.id())).expect("the program runs").count()
    }

    fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()));
        let status = status.expect("the program runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.unwrap_or_else(|| panic!("no {name} in {status}"))
    }
}
