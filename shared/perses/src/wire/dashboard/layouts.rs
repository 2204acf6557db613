//! What Perses' clients read of a dashboard's layouts (`go/dashboard/layout.go` of perses/spec v0.2.0), and that each
//! panel they show is there.

use serde_json::Value;
use sourcegate_core::quoted;

use crate::wire::shape::Shape::{Any, Flag, Judged, List, Object, Text, Whole};
use crate::wire::shape::{Misfit, Shape, text};

/// Where the panels are, as references spell it.
const PANELS: [&str; 2] = ["spec", "panels"];

/// A layout, whose kind says what is in its `spec`.
pub(super) const LAYOUT: Shape = Judged(&Object(&[("kind", Text), ("spec", Any)]), |layout| {
    let shape = match text(layout, "kind") {
        "Grid" => GRID,
        "Tabs" => TABS,
        "" => return Err(Misfit::rule("layout.kind cannot be empty")),
        other => return Err(Misfit::rule(format!("unknown layout.kind {} used", quoted(other)))),
    };
    let spec = layout.get("spec").unwrap_or(&Value::Null);
    shape.judge(spec).map_err(|misfit| misfit.within("spec"))
});

const DISPLAY: Shape = Object(&[("title", Text), ("collapse", Object(&[("open", Flag)]))]);

const GRID: Shape =
    Object(&[("display", DISPLAY), ("items", List(&ITEM)), ("repeatVariable", Text)]);

const TABS: Shape = Object(&[
    ("display", DISPLAY),
    ("tabs", List(&Object(&[("name", Text), ("items", List(&ITEM))]))),
    ("defaultTab", Whole),
]);

const ITEM: Shape = Object(&[
    ("x", Whole),
    ("y", Whole),
    ("width", Whole),
    ("height", Whole),
    ("content", Judged(&Object(&[("$ref", Text)]), check_form)),
    ("repeatVariable", Object(&[("value", Text), ("maxPer", Whole), ("alignment", ALIGNMENT)])),
]);

const ALIGNMENT: Shape = Judged(&Text, |value| match value.as_str().unwrap_or_default() {
    "horizontal" | "vertical" => Ok(()),
    _ => Err(Misfit::wanted("horizontal or vertical")),
});

/// Judges that each item of a grid shows a panel that the dashboard has. Perses does not look at those of tabs.
///
/// # Errors
/// The first that shows none.
pub(super) fn check_references(spec: &Value) -> Result<(), Misfit> {
    let layouts = spec.get("layouts").and_then(Value::as_array).into_iter().flatten();
    for grid in layouts.filter(|layout| text(layout, "kind") == "Grid") {
        let items = grid.get("spec").and_then(|spec| spec.get("items")).and_then(Value::as_array);
        for item in items.into_iter().flatten() {
            check_reference(item, spec.get("panels"))?;
        }
    }
    Ok(())
}

fn check_reference(item: &Value, panels: Option<&Value>) -> Result<(), Misfit> {
    let content = item.get("content").filter(|content| !content.is_null());
    // Perses has no words for it: its client crashes.
    let Some(content) = content else {
        return Err(Misfit::rule("the content of a grid's item cannot be empty"));
    };
    let reference = text(content, "$ref");
    let path = steps(reference);
    let [spec, at, name] = path[..] else {
        return Err(Misfit::rule(format!(
            "reference {} is pointing to the void",
            quoted(reference)
        )));
    };
    for (at, (step, expected)) in [spec, at].into_iter().zip(PANELS).enumerate() {
        if step != expected {
            return Err(Misfit::rule(format!(
                "reference {} at position {at} doesn't have the expected element \"{expected}\"",
                quoted(reference)
            )));
        }
    }
    match panels.and_then(|panels| panels.get(name)) {
        Some(_) => Ok(()),
        None => Err(Misfit::rule(format!("no panel found for ref {}", quoted(name)))),
    }
}

fn check_form(content: &Value) -> Result<(), Misfit> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_step = |step: &&str| !step.is_empty() && step.bytes().all(fits);
    let reference = text(content, "$ref");
    if content.is_null() || steps(reference).iter().all(is_step) {
        return Ok(());
    }
    Err(Misfit::rule(format!("ref {} is not accepted", quoted(reference))))
}

/// Splits `#/spec/panels/a`, also without the `#`, at its slashes.
fn steps(reference: &str) -> Vec<&str> {
    let path = reference.strip_prefix('#').unwrap_or(reference);
    // What does not begin with a slash has no step that is one.
    path.strip_prefix('/').map_or(vec![""], |path| path.split('/').collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::shape::Shape::Map;

    #[track_caller]
    fn check(layouts: &str, expected: Result<(), &str>) {
        const SPEC: Shape =
            Judged(&Object(&[("panels", Map(&Any)), ("layouts", List(&LAYOUT))]), check_references);
        let panels = r#"{"a":{},"B_2":null,"a.b":{}}"#;
        let found = SPEC.check(&format!(r#"{{"panels":{panels},"layouts":[{layouts}]}}"#));
        let found = found.map_err(|misfit| misfit.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "{layouts}");
    }

    #[track_caller]
    fn check_item(item: &str, expected: Result<(), &str>) {
        check(&format!(r#"{{"kind":"Grid","spec":{{"items":[{item}]}}}}"#), expected);
    }

    #[track_caller]
    fn check_reference(reference: &str, expected: Result<(), &str>) {
        check_item(&format!(r#"{{"content":{{"$ref":"{reference}"}}}}"#), expected);
    }

    #[test]
    fn a_layout_is_a_grid_or_tabs() {
        check(r#"{"kind":"Grid"},{"kind":"Tabs","spec":null}"#, Ok(()));
        check(r#"{"kind":"Grid","spec":{"display":null,"items":[],"repeatVariable":"v"}}"#, Ok(()));
        let tabs =
            r##"{"tabs":[{"name":"t","items":[{"content":{"$ref":"#/x"}},{}]}],"defaultTab":1}"##;
        check(&format!(r#"{{"kind":"Tabs","spec":{tabs}}}"#), Ok(()));
        for layout in ["null", "{}", r#"{"kind":""}"#] {
            check(layout, Err("layout.kind cannot be empty"));
        }
        check(r#"{"kind":"Rows"}"#, Err(r#"unknown layout.kind "Rows" used"#));
        check(r#"["Grid",{}]"#, Err("spec.layouts[0] must be an object"));
        let said = "spec.layouts[0].spec.display.collapse must be an object";
        check(r#"{"kind":"Grid","spec":{"display":{"collapse":true}}}"#, Err(said));
        let said = "spec.layouts[0].spec.defaultTab must be a whole number";
        check(r#"{"kind":"Tabs","spec":{"defaultTab":"1"}}"#, Err(said));
    }

    #[test]
    fn an_item_of_a_grid_has_whole_numbers_and_content() {
        let with =
            |fields: &str| format!(r##"{{{fields},"content":{{"$ref":"#/spec/panels/a"}}}}"##);
        check_item(&with(r#""x":0,"y":-1,"width":12.0,"height":null"#), Ok(()));
        check_item(&with(r#""repeatVariable":{"value":"v","maxPer":3}"#), Ok(()));
        let said = "spec.layouts[0].spec.items[0].width must be a whole number";
        check_item(&with(r#""width":1.5"#), Err(said));
        let said =
            "spec.layouts[0].spec.items[0].repeatVariable.alignment must be horizontal or vertical";
        check_item(&with(r#""repeatVariable":{"alignment":null}"#), Err(said));
        let said = "the content of a grid's item cannot be empty";
        for item in ["null", "{}", r#"{"content":null}"#] {
            check_item(item, Err(said));
        }
    }

    #[test]
    fn an_item_of_a_grid_shows_a_panel_that_is_there() {
        check_reference("#/spec/panels/a", Ok(()));
        check_reference("/spec/panels/B_2", Ok(()));
        check_reference("#/spec/panels/b", Err(r#"no panel found for ref "b""#));
        let void = |reference: &str| format!("reference \"{reference}\" is pointing to the void");
        check_reference("#/spec/panels", Err(&void("#/spec/panels")));
        check_reference("#/spec/panels/a/b", Err(&void("#/spec/panels/a/b")));
        let said =
            r##"reference "#/spec/p/a" at position 1 doesn't have the expected element "panels""##;
        check_reference("#/spec/p/a", Err(said));
        for reference in ["", "#", "a", "spec/panels/a", "#/", "#/a//b", "#/spec/panels/a.b"] {
            let said = format!("ref \"{reference}\" is not accepted");
            check_reference(reference, Err(&said));
        }
    }
}
