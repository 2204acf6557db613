//! The item that holds the correlations of one data source.

use aws_sdk_dynamodb::types::AttributeValue;
use sourcegate_core::{
    Correlation, CorrelationKind, Datasource, Incarnation, JsonText, LegacyId, Rev, Target,
    Transformation, TransformationKind, Uid,
};

use crate::Error;
use crate::item::{Item, Record, item, number, text};
use crate::table::Key;

/// The correlations of a data source, with the number and the incarnation that it is known by.
#[derive(Debug, PartialEq)]
pub(super) struct Read {
    pub(super) source: Target,
    pub(super) rev: Rev,
    pub(super) all: Vec<Correlation>,
}

/// The version of the shape below; an item of a later one is not read.
const SHAPE: u32 = 1;

pub(super) fn written(source: &Datasource, rev: Rev, all: &[Correlation]) -> Item {
    item(
        &Key::correlations(source.org, source.incarnation),
        [
            ("v", number(SHAPE)),
            ("id", number(source.id)),
            ("rev", text(rev)),
            ("all", AttributeValue::L(all.iter().map(one).collect())),
        ],
    )
}

pub(super) fn read(item: &Item) -> Result<Read, Error> {
    let record = Record(item);
    if record.number::<u32>("v")? != SHAPE {
        return Err(record.bad("unknown shape"));
    }
    let id = LegacyId::new(record.number("id")?).ok_or_else(|| record.bad("id"))?;
    let incarnation = Incarnation::parse(record.text("sk")?).ok_or_else(|| record.bad("sk"))?;
    let rev = Rev::parse(record.text("rev")?).ok_or_else(|| record.bad("rev"))?;
    let all = item.get("all").and_then(|value| value.as_l().ok());
    let all = all.and_then(|all| all.iter().map(one_of).collect());
    let all = all.ok_or_else(|| record.bad("all"))?;
    Ok(Read { source: Target { id, incarnation }, rev, all })
}

fn map<const N: usize>(attributes: [(&str, AttributeValue); N]) -> Item {
    attributes.map(|(name, value)| (name.to_owned(), value)).into()
}

fn one(one: &Correlation) -> AttributeValue {
    let transformations = one.transformations.iter().map(transformation).collect();
    let mut item = map([
        ("uid", text(&one.uid)),
        ("kind", text(one.kind.as_str())),
        ("label", text(&one.label)),
        ("description", text(&one.description)),
        ("field", text(&one.field)),
        ("query", text(one.query.as_str())),
        ("transformations", AttributeValue::L(transformations)),
    ]);
    if let Some(target) = one.target {
        item.insert("target".to_owned(), number(target.id));
        item.insert("targetInc".to_owned(), text(target.incarnation));
    }
    AttributeValue::M(item)
}

fn transformation(one: &Transformation) -> AttributeValue {
    AttributeValue::M(map([
        ("kind", text(one.kind.as_str())),
        ("expression", text(&one.expression)),
        ("field", text(&one.field)),
        ("mapValue", text(&one.map_value)),
    ]))
}

/// Reads one, or none if anything is wrong with it: what exactly is nobody's to repair.
fn one_of(value: &AttributeValue) -> Option<Correlation> {
    let item = value.as_m().ok()?;
    let record = Record(item);
    let owned = |name| record.text(name).ok().map(str::to_owned);
    let transformations = item.get("transformations")?.as_l().ok()?;
    Some(Correlation {
        uid: Uid::parse(record.text("uid").ok()?).ok()?,
        kind: CorrelationKind::parse(record.text("kind").ok()?)?,
        target: if item.contains_key("target") { Some(target_of(&record)?) } else { None },
        label: owned("label")?,
        description: owned("description")?,
        field: owned("field")?,
        query: JsonText::object(owned("query")?)?,
        transformations: transformations.iter().map(transformation_of).collect::<Option<_>>()?,
    })
}

fn target_of(record: &Record<'_>) -> Option<Target> {
    let id = LegacyId::new(record.number("target").ok()?)?;
    Some(Target { id, incarnation: Incarnation::parse(record.text("targetInc").ok()?)? })
}

fn transformation_of(value: &AttributeValue) -> Option<Transformation> {
    let record = Record(value.as_m().ok()?);
    let owned = |name| record.text(name).ok().map(str::to_owned);
    Some(Transformation {
        kind: TransformationKind::parse(record.text("kind").ok()?)?,
        expression: owned("expression")?,
        field: owned("field")?,
        map_value: owned("mapValue")?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::edit::tests::correlation;
    use super::*;
    use crate::item::tests::source;

    fn whole() -> (Datasource, Rev, Vec<Correlation>) {
        let transformation = Transformation {
            kind: TransformationKind::Regex,
            expression: "(a|b)".to_owned(),
            field: String::new(),
            map_value: "name".to_owned(),
        };
        let external = Correlation {
            kind: CorrelationKind::External,
            target: None,
            transformations: vec![transformation],
            ..correlation("a")
        };
        (source(), Rev::new(), vec![external, correlation("b")])
    }

    #[test]
    fn correlations_are_read_as_they_were_written() {
        let (source, rev, all) = whole();
        let item = written(&source, rev, &all);
        let source = Target { id: source.id, incarnation: source.incarnation };
        assert_eq!(read(&item).unwrap(), Read { source, rev, all });
    }

    #[test]
    fn d17_what_is_damaged_is_a_bad_record() {
        let (source, rev, all) = whole();
        let item = written(&source, rev, &all);
        for name in ["sk", "v", "id", "rev", "all"] {
            let mut missing = item.clone();
            missing.remove(name);
            assert!(matches!(read(&missing), Err(Error::BadRecord { .. })), "{name}");
        }
        for name in ["uid", "kind", "targetInc", "label", "query", "transformations"] {
            let mut damaged = item.clone();
            let Some(AttributeValue::L(all)) = damaged.get_mut("all") else { panic!("no list") };
            let Some(AttributeValue::M(last)) = all.last_mut() else { panic!("no map") };
            last.insert(name.to_owned(), AttributeValue::Null(true));
            assert!(matches!(read(&damaged), Err(Error::BadRecord { .. })), "{name}");
        }
    }
}
