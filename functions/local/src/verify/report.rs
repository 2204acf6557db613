//! What came of each check, for people and for scripts.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::checks::Check;
use crate::admin::Said;

/// Why a check did not hold.
#[derive(Debug)]
pub(super) enum Miss {
    /// The promise is broken, in this way.
    Broken(String),
    /// It could not be tried, for this reason.
    NotRun(String),
}

/// A gateway that stops answering keeps no promise.
impl From<anyhow::Error> for Miss {
    fn from(error: anyhow::Error) -> Self {
        Self::Broken(format!("{error:#}"))
    }
}

/// The end of a run.
pub(super) struct Report {
    pub(super) url: String,
    pub(super) org: u64,
    pub(super) found: Vec<(Check, Result<(), Miss>)>,
    /// How many data sources were asked for.
    pub(super) made: usize,
    /// Those that could not be removed, and why.
    pub(super) left: Vec<String>,
    pub(super) interrupted: bool,
}

impl Report {
    fn count(&self, wanted: fn(&Result<(), Miss>) -> bool) -> usize {
        self.found.iter().filter(|(_, found)| wanted(found)).count()
    }

    fn held(&self) -> usize {
        self.count(|found| found.is_ok())
    }

    fn broken(&self) -> usize {
        self.count(|found| matches!(found, Err(Miss::Broken(_))))
    }

    fn not_run(&self) -> usize {
        self.count(|found| matches!(found, Err(Miss::NotRun(_))))
    }

    fn code(&self) -> u8 {
        match (self.broken() + self.left.len(), self.not_run(), self.interrupted) {
            (0, 0, false) => 0,
            (0, _, _) => 3,
            _ => 1,
        }
    }

    fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = format!("{}, as organisation {}\n\n", self.url, self.org);
        for (check, found) in &self.found {
            let (word, detail) = word(found);
            writeln!(text, "{word:<8} {:<12} {}", check.name(), check.promise())?;
            if let Some(detail) = detail {
                writeln!(text, "{:21} {detail}", "")?;
            }
        }
        let (held, broken, not_run) = (self.held(), self.broken(), self.not_run());
        writeln!(text, "\n{held} held, {broken} broken, {not_run} not run")?;
        if self.interrupted {
            writeln!(text, "interrupted: the rest was not tried")?;
        }
        match &self.left[..] {
            [] => writeln!(text, "{} throw-away data sources, none left", self.made)?,
            left => writeln!(text, "still there, please remove: {}", left.join("; "))?,
        }
        Ok(text)
    }

    fn json(&self) -> Value {
        let checks = self.found.iter().map(|(check, found)| {
            let (word, detail) = word(found);
            json!({
                "name": check.name(),
                "promise": check.promise(),
                "outcome": word,
                "detail": detail,
            })
        });
        json!({
            "url": self.url,
            "org": self.org,
            "checks": checks.collect::<Value>(),
            "held": self.held(),
            "broken": self.broken(),
            "notRun": self.not_run(),
            "interrupted": self.interrupted,
            "made": self.made,
            "left": self.left,
        })
    }

    /// Gives both forms, with the exit code.
    pub(super) fn say(&self) -> anyhow::Result<Said> {
        Ok(Said::new(self.text()?, self.json()).ending_with(self.code()))
    }
}

fn word(found: &Result<(), Miss>) -> (&'static str, Option<&str>) {
    match found {
        Ok(()) => ("held", None),
        Err(Miss::Broken(why)) => ("BROKEN", Some(why)),
        Err(Miss::NotRun(why)) => ("not run", Some(why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: Vec<Result<(), Miss>>, left: &[&str], interrupted: bool, code: u8) {
        let found = Check::ALL.into_iter().zip(found).collect();
        let left = left.iter().map(|why| (*why).to_owned()).collect();
        let report = Report { url: String::new(), org: 1, found, made: 1, left, interrupted };
        assert_eq!(report.code(), code, "{}", report.text().unwrap());
    }

    #[test]
    fn what_was_not_tried_is_not_what_held() {
        let broken = || Err(Miss::Broken(String::new()));
        let not_run = || Err(Miss::NotRun(String::new()));
        check(vec![Ok(())], &[], false, 0);
        check(vec![Ok(()), not_run()], &[], false, 3);
        check(vec![Ok(())], &[], true, 3);
        check(vec![Ok(()), broken(), not_run()], &[], false, 1);
        check(vec![Ok(()), not_run()], &["uid"], true, 1);
    }
}
