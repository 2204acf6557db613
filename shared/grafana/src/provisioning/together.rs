//! What several files say together: each name and uid once, one default in an organisation.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

use sourcegate_core::{OrgId, SourceName};

use super::file::{Config, Entry};
use super::report::Problem;

/// A file that was read.
pub(super) struct Readable {
    pub(super) path: PathBuf,
    pub(super) config: Config,
}

/// Refuses files that contradict each other, each naming the other one: no order of them would be the right one. Gives
/// those that do not.
pub(super) fn agreeing(files: Vec<Readable>, problems: &mut Vec<Problem>) -> Vec<Readable> {
    let mut refused = BTreeSet::new();
    let mut clash = |what: &dyn Fn(&Entry) -> Option<String>| {
        let mut seen: HashMap<_, (usize, usize)> = HashMap::new();
        for (at, file) in files.iter().enumerate() {
            for entry in &file.config.sources {
                let org = entry.from.org;
                let Some(thing) = what(entry) else { continue };
                let Some(first) = seen.get(&(org, thing.clone())).copied() else {
                    seen.insert((org, thing), (at, entry.line));
                    continue;
                };
                let told = |(at, line): (usize, usize), (other, there): (usize, usize)| {
                    let other = files[other].path.display();
                    let reason = format!("{thing} of organisation {org} is in {other}:{there} too");
                    Problem::refused(&files[at].path, line, reason)
                };
                problems.push(told(first, (at, entry.line)));
                problems.push(told((at, entry.line), first));
                refused.extend([first.0, at]);
            }
        }
    };
    clash(&|entry| Some(format!("the name `{}`", entry.from.settings.name)));
    clash(&|entry| entry.from.uid.as_ref().map(|uid| format!("the uid `{uid}`")));
    clash(&|entry| entry.from.is_default.then(|| "the default".to_owned()));
    let mut at = 0..;
    let is_refused = |_: &Readable| at.next().is_some_and(|at| refused.contains(&at));
    let (_, agreeing) = files.into_iter().partition::<Vec<_>, _>(is_refused);
    agreeing
}

/// What is to be there when all is done, by organisation and name.
pub(super) fn named(files: &[Readable]) -> HashSet<(OrgId, SourceName)> {
    let sources = files.iter().flat_map(|file| &file.config.sources);
    sources.map(|entry| (entry.from.org, entry.from.settings.name.clone())).collect()
}
