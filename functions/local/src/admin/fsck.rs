//! `admin fsck`: whether the tables hold together.

use std::fmt::Write as _;

use serde_json::{Value, json};
use store::{Config, Finding};

use super::progress::Bars;
use super::said::Said;
use super::target::Target;

/// How often it is repaired and checked again: what follows from a repair may be found only then.
const ROUNDS: usize = 4;

/// Checks, and puts right what can be if asked. Ends with 1 if something is left.
pub(crate) async fn run(target: &Target, repair: bool, bars: &Bars) -> anyhow::Result<Said> {
    let admin = target.admin();
    let bar = bars.counting("items read");
    let read = |items: usize| bar.set_position(items as u64);
    let mut checked = admin.check(&read).await?;
    let mut repaired = 0;
    for _ in 0..ROUNDS {
        if !repair || checked.findings.iter().all(|finding| finding.repair().is_none()) {
            break;
        }
        let done = admin.repair(&checked.findings).await?;
        repaired += done;
        checked = admin.check(&read).await?;
        if done == 0 {
            break;
        }
    }
    bar.finish_and_clear();
    let tables = Config::read(web::env).tables;
    let found = &checked.findings;
    let mut text = String::new();
    for finding in found {
        let way = finding.repair().unwrap_or("nothing; it is for a person to judge");
        // Writing to a string does not fail.
        let _ = writeln!(text, "{} {finding}; --repair does: {way}", finding.table(&tables));
    }
    if repaired > 0 {
        let _ = writeln!(text, "{repaired} repaired");
    }
    let _ = writeln!(text, "{} items checked, {} findings", checked.items, found.len());
    let shown = |finding: &Finding| {
        json!({
            "table": finding.table(&tables),
            "pk": finding.pk(),
            "sk": finding.sk(),
            "what": finding.what(),
            "repair": finding.repair(),
        })
    };
    let findings: Vec<Value> = found.iter().map(shown).collect();
    let json = json!({ "items": checked.items, "repaired": repaired, "findings": findings });
    Ok(Said::new(text, json).ending_with(u8::from(!found.is_empty())))
}
