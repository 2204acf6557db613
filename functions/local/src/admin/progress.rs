//! Progress on long work: on standard error, on a terminal only, and not for scripts.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Where progress is shown, if anywhere.
pub(crate) struct Bars {
    hidden: bool,
}

impl Bars {
    /// Hides them for scripts. Where standard error is no terminal, indicatif draws nothing by itself.
    pub(crate) fn new(hidden: bool) -> Self {
        Self { hidden }
    }

    /// Begins a bar of so many steps.
    pub(crate) fn of(&self, steps: usize, what: &'static str) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(Some(steps as u64), self.target());
        if let Ok(style) = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len} {eta}") {
            bar.set_style(style);
        }
        bar.with_message(what)
    }

    /// Begins a count whose end is not known.
    pub(crate) fn counting(&self, what: &'static str) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(None, self.target());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}: {pos}") {
            bar.set_style(style);
        }
        bar.with_message(what)
    }

    fn target(&self) -> ProgressDrawTarget {
        if self.hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() }
    }
}
