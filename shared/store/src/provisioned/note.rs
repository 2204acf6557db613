//! What is kept beside a data source that a file made. A change over the API leaves it alone, and so is found out.

use aws_sdk_dynamodb::types::AttributeValue;
use sourcegate_core::{Incarnation, OrgId, Rev, Uid};

use crate::Error;
use crate::item::{Item, Record, bytes, item, text};
use crate::table::Key;

/// The note of one data source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// Where it was when it was written.
    pub(super) uid: Uid,
    /// Whether it goes when no file names it any more.
    pub(super) prunable: bool,
    /// The mark of its secrets, and the revision of the sealed values that it is of; none if there is no key for it.
    pub(super) mark: Option<(Rev, Vec<u8>)>,
}

impl Note {
    pub(super) fn item(&self, org: OrgId, incarnation: Incarnation) -> Item {
        let prunable = AttributeValue::Bool(self.prunable);
        let key = Key::provisioned(org, incarnation);
        let mut item = item(&key, [("uid", text(&self.uid)), ("prunable", prunable)]);
        if let Some((rev, mark)) = &self.mark {
            item.insert("secRev".to_owned(), text(rev));
            item.insert("mark".to_owned(), bytes(mark));
        }
        item
    }

    /// Reads what [`Note::item`] wrote, and what it is of.
    pub(super) fn of(item: &Item) -> Result<((OrgId, Incarnation), Self), Error> {
        let record = Record(item);
        let parts = record.text("sk")?.split_once('#').and_then(|(org, incarnation)| {
            Some((OrgId::new(org.parse().ok()?).ok()?, Incarnation::parse(incarnation)?))
        });
        let place = parts.ok_or_else(|| record.bad("sk"))?;
        let uid = Uid::parse(record.text("uid")?).map_err(|_| record.bad("uid"))?;
        let mark = match record.optional_text("secRev")? {
            Some(rev) => {
                let rev = Rev::parse(rev).ok_or_else(|| record.bad("secRev"))?;
                Some((rev, record.bytes("mark")?.to_vec()))
            }
            None => None,
        };
        Ok((place, Self { uid, prunable: record.flag("prunable")?, mark }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written() {
        for mark in [None, Some((Rev::new(), vec![1, 2, 3]))] {
            let note = Note { uid: Uid::parse("u").unwrap(), prunable: true, mark };
            let place = (OrgId::new(7).unwrap(), Incarnation::new());
            assert_eq!(Note::of(&note.item(place.0, place.1)).unwrap(), (place, note));
        }
    }
}
