//! What the parameters of paths are, by their names, and which ones every request may have.

use utoipa::openapi::Required;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, Type};

/// A name, what it is, and what it may be.
type Known = (&'static str, &'static str, fn() -> Object);

/// Every parameter of a path.
const OF_PATHS: [Known; 13] = [
    ("uid", "The data source's uid.", uid),
    ("id", "The data source's number.", number),
    ("path", "The path at the data source, such as `api/v1/query`.", text),
    ("correlation", "The correlation's uid.", text),
    ("org", "The organisation's number.", number),
    ("name", "The organisation's name.", text),
    ("user", "The user's number; where it names a permission, a service account's too.", number),
    ("team", "A team's number.", number),
    ("role", "A role.", role),
    ("account", "The service account's number.", number),
    ("token", "The token's number.", number),
    ("key", "The number of a key, as Grafana had them before service accounts.", number),
    ("file", "The file's name.", file),
];

/// Adds those that an operation's path has.
pub(super) fn add_of_path(path: &str, operation: &mut Operation) {
    for segment in path.split('/') {
        let name = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
        let known = OF_PATHS.iter().find(|(own, ..)| Some(*own) == name);
        if let Some((name, description, rule)) = known {
            let parameter = parameter(name, ParameterIn::Path, description, rule());
            operation.parameters.get_or_insert_default().push(parameter);
        }
    }
}

/// Names the organisation that a request is about. What is no number is ignored, so that it is no error.
pub(super) fn organisation() -> [Parameter; 2] {
    let number =
        "The number of the organisation that the request is about; what is no number is ignored.";
    let same = "The same, and goes before the header.";
    [
        parameter("X-Grafana-Org-Id", ParameterIn::Header, number, text()),
        parameter("targetOrgId", ParameterIn::Query, same, text()),
    ]
}

fn parameter(name: &str, place: ParameterIn, description: &str, rule: Object) -> Parameter {
    let is_path = place == ParameterIn::Path;
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(if is_path { Required::True } else { Required::False })
        .description(Some(description))
        .schema(Some(rule))
        .build()
}

fn text() -> Object {
    ObjectBuilder::new().schema_type(Type::String).build()
}

fn uid() -> Object {
    let rule = ObjectBuilder::new().schema_type(Type::String);
    rule.max_length(Some(40)).pattern(Some("^[a-zA-Z0-9_-]+$")).build()
}

fn number() -> Object {
    let rule = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
    rule.format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64))).build()
}

fn role() -> Object {
    let roles = ["Viewer", "Editor", "Admin"];
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(roles)).build()
}

fn file() -> Object {
    let files = ["start.js", "swagger-ui-bundle.js", "swagger-ui.css"];
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(files)).build()
}
