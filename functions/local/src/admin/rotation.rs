//! `admin rotate` and `admin reseal`: new key pairs, and what older ones sealed.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use sourcegate_core::OrgId;
use store::{Left, Pass, Vault};

use super::progress::Bars;
use super::said::Said;
use super::target::Target;

/// How often an organisation is gone through in search of what is sealed to older keys. Each pass finds what was saved
/// during the one before, which is little.
const PASSES: usize = 10;

async fn wanted(target: &Target, org: Option<OrgId>) -> anyhow::Result<Vec<OrgId>> {
    match org {
        Some(org) => {
            target.expect_org(org).await?;
            Ok(vec![org])
        }
        None => Ok(target.admin().orgs().await?.into_iter().map(|org| org.id).collect()),
    }
}

/// Makes a new key pair current in each organisation.
pub(crate) async fn rotate(target: &Target, org: Option<OrgId>) -> anyhow::Result<Said> {
    let keyring = target.keyring().await?;
    let (mut text, mut rotated) = (String::new(), Vec::new());
    for org in wanted(target, org).await? {
        let number = target.admin().rotate(org, &keyring).await?;
        // Writing to a string does not fail.
        let _ =
            writeln!(text, "organisation {org}: secrets are sealed to key {number} from now on");
        rotated.push(json!({ "org": org.get(), "key": number }));
    }
    text.push_str("`sourcegate admin reseal` seals to it what was sealed before\n");
    Ok(Said::new(text, json!({ "rotated": rotated })))
}

/// Seals everything to the current keys. Ends with 1 if something could not be.
pub(crate) async fn reseal(
    target: &Target,
    org: Option<OrgId>,
    pause: Duration,
    bars: &Bars,
) -> anyhow::Result<Said> {
    let vault = target.vault().await?;
    let (mut text, mut done, mut lost) = (String::new(), Vec::new(), false);
    for org in wanted(target, org).await? {
        let one = Resealing { target, vault: &vault, org, pause };
        let (resealed, pass, retired) = one.run(bars).await?;
        let _ = writeln!(
            text,
            "organisation {org}: {resealed} sealed anew, {} keys removed",
            retired.len()
        );
        for left in &pass.left {
            let _ = writeln!(text, "  left as it is: {}", told(left));
        }
        lost |= !pass.left.is_empty();
        let left: Vec<Value> = pass.left.iter().map(shown).collect();
        done.push(json!({
            "org": org.get(), "resealed": resealed, "removedKeys": retired, "left": left,
        }));
    }
    Ok(Said::new(text, json!({ "resealed": done })).ending_with(u8::from(lost)))
}

fn told(left: &Left) -> String {
    match &left.name {
        Some(name) => format!("secret `{name}` of data source {}: {}", left.uid, left.why),
        None => format!("all secrets of data source {}: {}", left.uid, left.why),
    }
}

fn shown(left: &Left) -> Value {
    json!({ "uid": left.uid, "secret": left.name, "why": left.why })
}

struct Resealing<'a> {
    target: &'a Target,
    vault: &'a Vault,
    org: OrgId,
    pause: Duration,
}

impl Resealing<'_> {
    /// Gives how many values were sealed anew, the last pass, and the numbers of the keys that were removed.
    async fn run(&self, bars: &Bars) -> anyhow::Result<(usize, Pass, Vec<u32>)> {
        let (admin, org) = (self.target.admin(), self.org);
        let mut resealed = 0;
        for _ in 0..PASSES {
            let first = self.pass(bars).await?;
            resealed += first.resealed;
            if admin.older_keys(org).await?.is_subset(&first.numbers) {
                return Ok((resealed, first, Vec::new()));
            }
            if first.resealed > 0 {
                continue;
            }
            // Whoever read an older current key before the first pass has saved or given up by then.
            tokio::time::sleep(self.pause).await;
            let second = self.pass(bars).await?;
            resealed += second.resealed;
            if second.resealed == 0 {
                let retired = admin.retire(org, &second.numbers).await?;
                return Ok((resealed, second, retired));
            }
        }
        anyhow::bail!(
            "organisation {org}: after {PASSES} passes something is still sealed to older keys; begin again when less is saved"
        )
    }

    async fn pass(&self, bars: &Bars) -> anyhow::Result<Pass> {
        let bar = bars.counting("data sources looked through");
        let done = |count: usize| bar.set_position(count as u64);
        let pass = self.target.admin().reseal(self.org, self.vault, &done).await;
        bar.finish_and_clear();
        Ok(pass?)
    }
}
