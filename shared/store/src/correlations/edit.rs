//! What an edit makes of the correlations of a data source.

use sourcegate_core::{Correlation, CorrelationKind, JsonText, Transformation, Uid};

use super::MOST_CORRELATIONS;
use crate::Error;

/// An edit of one correlation.
#[derive(Clone, Debug)]
pub enum Edit {
    /// Puts a new one behind the others.
    Add(Correlation),
    /// Changes some parts of one.
    Change(Uid, Patch),
    /// Takes one away.
    Remove(Uid),
}

/// The parts of a correlation that change; what is none stays. What it leads from and to stays always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// What people call it.
    pub label: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What it leads to.
    pub kind: Option<CorrelationKind>,
    /// The field that the link is shown at.
    pub field: Option<String>,
    /// The query, or the address.
    pub query: Option<JsonText>,
    /// How variables are taken out of the field.
    pub transformations: Option<Vec<Transformation>>,
}

impl Edit {
    /// Makes the edit. Gives the correlation that was added, changed or removed.
    pub(super) fn apply(&self, all: &mut Vec<Correlation>) -> Result<Correlation, Error> {
        match self {
            Self::Add(new) => {
                let new = sound(new.clone())?;
                // There already: the answer of an earlier try was lost.
                if at(all, &new.uid).is_none() {
                    if all.len() >= MOST_CORRELATIONS {
                        let what = "correlations";
                        return Err(Error::TooMany { what, limit: MOST_CORRELATIONS });
                    }
                    all.push(new.clone());
                }
                Ok(new)
            }
            Self::Change(uid, patch) => {
                let place = at(all, uid).and_then(|at| all.get_mut(at));
                let place = place.ok_or_else(|| Error::NoCorrelation(uid.clone()))?;
                let changed = sound(patch.clone().onto(place.clone()))?;
                place.clone_from(&changed);
                Ok(changed)
            }
            Self::Remove(uid) => {
                let at = at(all, uid).ok_or_else(|| Error::NoCorrelation(uid.clone()))?;
                Ok(all.remove(at))
            }
        }
    }
}

impl Patch {
    fn onto(self, one: Correlation) -> Correlation {
        Correlation {
            label: self.label.unwrap_or(one.label),
            description: self.description.unwrap_or(one.description),
            kind: self.kind.unwrap_or(one.kind),
            field: self.field.unwrap_or(one.field),
            query: self.query.unwrap_or(one.query),
            transformations: self.transformations.unwrap_or(one.transformations),
            ..one
        }
    }
}

fn at(all: &[Correlation], uid: &Uid) -> Option<usize> {
    all.iter().position(|one| one.uid == *uid)
}

fn sound(one: Correlation) -> Result<Correlation, Error> {
    if one.kind == CorrelationKind::Query && one.target.is_none() {
        return Err(Error::NoTarget);
    }
    Ok(one)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use sourcegate_core::{Incarnation, LegacyId, Target};

    pub(in super::super) fn correlation(uid: &str) -> Correlation {
        Correlation {
            uid: Uid::parse(uid).unwrap(),
            kind: CorrelationKind::Query,
            target: Some(Target { id: LegacyId::FIRST, incarnation: Incarnation::new() }),
            label: "a label".to_owned(),
            description: String::new(),
            field: "message".to_owned(),
            query: JsonText::object(r#"{"expr":1.0}"#.to_owned()).unwrap(),
            transformations: Vec::new(),
        }
    }

    fn uid(text: &str) -> Uid {
        Uid::parse(text).unwrap()
    }

    #[test]
    fn what_is_added_comes_last_and_once() {
        let mut all = vec![correlation("a")];
        let new = correlation("b");
        for _ in 0..2 {
            assert_eq!(Edit::Add(new.clone()).apply(&mut all).unwrap(), new);
            assert_eq!(all[1..], *std::slice::from_ref(&new));
        }
    }

    #[test]
    fn a_patch_changes_what_it_names() {
        let mut all = vec![correlation("a"), correlation("b")];
        let before = all.clone();
        let patch = Patch { label: Some("another".to_owned()), ..Patch::default() };
        let changed = Edit::Change(uid("b"), patch).apply(&mut all).unwrap();
        assert_eq!(changed, Correlation { label: "another".to_owned(), ..before[1].clone() });
        assert_eq!(all, [before[0].clone(), changed]);
    }

    #[test]
    fn one_that_is_not_there_is_neither_changed_nor_removed() {
        let mut all = vec![correlation("a")];
        for edit in [Edit::Change(uid("b"), Patch::default()), Edit::Remove(uid("b"))] {
            let refused = edit.apply(&mut all).unwrap_err();
            assert!(matches!(refused, Error::NoCorrelation(missing) if missing == uid("b")));
        }
        assert_eq!(Edit::Remove(uid("a")).apply(&mut all).unwrap().uid, uid("a"));
        assert!(all.is_empty());
    }

    #[test]
    fn a_query_leads_to_a_data_source() {
        let external =
            Correlation { kind: CorrelationKind::External, target: None, ..correlation("a") };
        let mut all = vec![external];
        let patch = Patch { kind: Some(CorrelationKind::Query), ..Patch::default() };
        let refused = Edit::Change(uid("a"), patch).apply(&mut all).unwrap_err();
        assert!(matches!(refused, Error::NoTarget));
        assert_eq!(all[0].kind, CorrelationKind::External);
    }

    #[test]
    fn there_are_100_at_most() {
        let mut all: Vec<_> = (0..100).map(|n| correlation(&format!("c{n}"))).collect();
        let refused = Edit::Add(correlation("one-more")).apply(&mut all).unwrap_err();
        let text = "correlations: one data source has 100 at most; remove some first";
        assert_eq!((refused.to_string().as_str(), all.len()), (text, 100));
    }
}
