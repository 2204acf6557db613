//! What a document is tied to, as its item holds it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use sourcegate_core::{Assignee, DocumentName, Incarnation, SecretUse, Ties};

use crate::Error;
use crate::item::{Item, Record, assignee_of, assignee_text, text};

/// Writes the attributes of what is there.
pub(super) fn written(ties: &Ties) -> Item {
    let subject = |(login, who): (&String, &Assignee)| (login.clone(), text(assignee_text(*who)));
    let subjects: HashMap<_, _> = ties.subjects.iter().map(subject).collect();
    // Names have no `#`.
    let bound = |one: &SecretUse| text(format!("{}#{}", one.name, one.destination));
    let bound: Vec<_> = ties.bound.iter().map(bound).collect();
    let all = [
        ("of", ties.project.map(text)),
        ("maker", ties.maker.map(|maker| text(assignee_text(maker)))),
        ("bound", (!bound.is_empty()).then_some(AttributeValue::L(bound))),
        ("subjects", (!subjects.is_empty()).then_some(AttributeValue::M(subjects))),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// Reads what [`written`] wrote.
pub(super) fn of(record: &Record<'_>) -> Result<Ties, Error> {
    let project = record.optional_text("of")?;
    let project = project.map(|of| Incarnation::parse(of).ok_or_else(|| record.bad("of")));
    let maker = record.optional_text("maker")?;
    let maker = maker.map(|who| assignee_of(who).ok_or_else(|| record.bad("maker")));
    let bad = || record.bad("subjects");
    let subject = |(login, who): (&String, &AttributeValue)| {
        let who = who.as_s().ok().and_then(|who| assignee_of(who)).ok_or_else(bad)?;
        Ok((login.clone(), who))
    };
    let subjects = match record.0.get("subjects") {
        None => BTreeMap::new(),
        Some(value) => {
            let all = value.as_m().map_err(|_| bad())?;
            all.iter().map(subject).collect::<Result<_, Error>>()?
        }
    };
    let bound = bound_of(record)?;
    Ok(Ties { project: project.transpose()?, maker: maker.transpose()?, subjects, bound })
}

fn bound_of(record: &Record<'_>) -> Result<BTreeSet<SecretUse>, Error> {
    let bad = || record.bad("bound");
    let Some(all) = record.0.get("bound") else { return Ok(BTreeSet::new()) };
    let one = |one: &AttributeValue| {
        let (name, destination) = one.as_s().ok()?.split_once('#')?;
        let name = DocumentName::parse(name).ok()?;
        Some(SecretUse { name, destination: destination.to_owned() })
    };
    let all = all.as_l().map_err(|_| bad())?;
    all.iter().map(|each| one(each).ok_or_else(bad)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let subjects = [("bob".to_owned(), Assignee::Account { id: 7, stay: 2 })].into();
        let bound = |name: &str, destination: &str| SecretUse {
            name: DocumentName::parse(name).unwrap(),
            destination: destination.to_owned(),
        };
        let all = Ties {
            project: Some(Incarnation::new()),
            maker: Some(Assignee::account(9)),
            subjects,
            bound: [bound("s", "https://h:443"), bound("s", "postgres://h:5432?tls=a#b")].into(),
        };
        for ties in [Ties::default(), all] {
            assert_eq!(of(&Record(&written(&ties))).unwrap(), ties);
        }
        assert!(written(&Ties::default()).is_empty());
    }

    #[test]
    fn d17_damaged_ties_are_a_damaged_record_and_not_none() {
        for (name, value) in [("of", "x"), ("maker", "bob"), ("subjects", "bob"), ("bound", "s#x")]
        {
            let item = Item::from([(name.to_owned(), text(value))]);
            assert!(of(&Record(&item)).is_err(), "{name}");
        }
    }
}
