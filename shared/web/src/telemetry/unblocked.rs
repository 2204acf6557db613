//! A stream whose reader may be slow or gone: what it does not take is lost, and no request waits for it.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::Format;

/// What a pipe that is ready takes without waiting (PIPE_BUF of Linux).
const PIECE: usize = 4_096;

/// What was lost of a stream, until it can be told there.
#[derive(Debug)]
pub(super) struct Losses {
    lines: AtomicU64,
    /// That the last line was not written to its end.
    torn: AtomicBool,
}

impl Losses {
    pub(super) const fn none() -> Self {
        Self { lines: AtomicU64::new(0), torn: AtomicBool::new(false) }
    }
}

/// Writes lines to a stream if that can be done at once.
pub(super) struct Unblocked<F> {
    pub(super) stream: F,
    pub(super) format: Format,
    pub(super) losses: &'static Losses,
}

impl<F: AsFd> Unblocked<F> {
    /// Writes all if nobody has to be waited for; tells how much was written.
    fn push(&self, bytes: &[u8]) -> usize {
        let mut written = 0;
        while written < bytes.len() && is_ready(self.stream.as_fd()) {
            let end = bytes.len().min(written + PIECE);
            match rustix::io::write(&self.stream, &bytes[written..end]) {
                Ok(0) => break,
                Ok(count) => written += count,
                Err(Errno::INTR) => {}
                // The reader is gone, or whatever else: the log is no reason to fail.
                Err(_) => break,
            }
        }
        written
    }

    /// Says what was lost, once something can be said again.
    fn tell(&self) {
        let lost = self.losses.lines.load(Ordering::Relaxed);
        if lost == 0 {
            return;
        }
        let begin = if self.losses.torn.load(Ordering::Relaxed) { "\n" } else { "" };
        let said = match self.format {
            Format::Json => format!(
                "{begin}{{\"level\":\"WARN\",\"message\":\"the log was not read in time\",\"lines\":{lost}}}\n"
            ),
            Format::Text => {
                format!("{begin}WARN the log was not read in time: {lost} lines are lost\n")
            }
        };
        if self.push(said.as_bytes()) == said.len() {
            self.losses.lines.fetch_sub(lost, Ordering::Relaxed);
            self.losses.torn.store(false, Ordering::Relaxed);
        }
    }
}

impl<F: AsFd> Write for Unblocked<F> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.tell();
        let is_behind = self.losses.lines.load(Ordering::Relaxed) > 0;
        let written = if is_behind { 0 } else { self.push(line) };
        if written < line.len() {
            self.losses.lines.fetch_add(1, Ordering::Relaxed);
            if written > 0 {
                self.losses.torn.store(true, Ordering::Relaxed);
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn is_ready(stream: BorrowedFd<'_>) -> bool {
    let mut polled = [PollFd::new(&stream, PollFlags::OUT)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    match poll(&mut polled, Some(&at_once)) {
        Ok(count) => count > 0 && polled[0].revents().contains(PollFlags::OUT),
        // Where it cannot be asked, as of some devices, it is written to.
        Err(error) => error != Errno::INTR,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use super::*;

    fn writer(format: Format) -> (Unblocked<io::PipeWriter>, io::PipeReader) {
        let (reader, stream) = io::pipe().unwrap();
        let losses = Box::leak(Box::new(Losses::none()));
        (Unblocked { stream, format, losses }, reader)
    }

    #[test]
    fn t18_what_nobody_reads_is_lost_and_told_when_somebody_does() {
        let (mut log, reader) = writer(Format::Json);
        let line = format!("{{\"message\":\"{}\"}}\n", "x".repeat(5_000));
        // Far more than a pipe holds.
        for _ in 0..100 {
            log.write_all(line.as_bytes()).unwrap();
        }
        let lost = log.losses.lines.load(Ordering::Relaxed);
        assert!((1..100).contains(&lost), "{lost}");
        let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
        let whole = |read: &String| read.len() + 1 == line.len();
        let mut seen =
            (&mut lines).take(usize::try_from(100 - lost).unwrap()).filter(whole).count();
        log.write_all(line.as_bytes()).unwrap();
        drop(log);
        let rest: Vec<_> = lines.collect();
        let told = format!(
            "{{\"level\":\"WARN\",\"message\":\"the log was not read in time\",\"lines\":{lost}}}"
        );
        assert!(rest.contains(&told), "{rest:?}");
        seen += rest.iter().filter(|read| whole(read)).count();
        assert_eq!(seen as u64, 100 - lost + 1, "all others came whole, and the one after");
    }

    #[test]
    fn t18_a_reader_who_is_gone_is_no_failure() {
        let (mut log, reader) = writer(Format::Text);
        drop(reader);
        for _ in 0..3 {
            log.write_all(b"line\n").unwrap();
        }
        assert_eq!(log.losses.lines.load(Ordering::Relaxed), 3);
    }
}
