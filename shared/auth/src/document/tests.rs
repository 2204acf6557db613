//! Decisions, as tables: who may do what to which documents.

use sourcegate_core::{Incarnation, JsonText, OrgId, Rev, Scope as Place};

use super::*;
use crate::{Grant, Identity, Limits, Scope};

fn user(role: Role) -> Caller {
    Caller::new(Identity::User { id: 7, stay: 0, login: "bob".to_owned() }, OrgId::MAIN, role)
}

fn project() -> DocumentName {
    DocumentName::parse("perses").unwrap()
}

fn limited(action: Action, scope: Scope) -> Caller {
    let grant = Grant { action, scope, words: Arc::from("") };
    user(Role::Admin).limited(Limits { grants: Some(vec![grant]), ..Limits::default() })
}

fn source() -> ScopedSource {
    ScopedSource {
        org: OrgId::MAIN,
        id: ScopedName { scope: Place::Org, name: "x".to_owned() },
        incarnation: Incarnation::new(),
        rev: Rev::new(),
        spec: JsonText::default(),
    }
}

#[track_caller]
fn check(caller: &Caller, verb: Verb, kind: DocumentKind, expected: Result<(), &str>) {
    let project = kind.is_of_project().then(project);
    let found = caller.allow_document(verb, kind, project.as_ref());
    let found = found.map(drop).map_err(|error| error.to_string());
    assert_eq!(found.as_ref().copied().map_err(String::as_str), expected, "{verb:?} {kind}");
}

#[test]
fn viewers_read_and_administrators_do_all() {
    for kind in DocumentKind::ALL {
        check(&user(Role::Viewer), Verb::Read, kind, Ok(()));
        for verb in [Verb::Read, Verb::Create, Verb::Update, Verb::Delete] {
            check(&user(Role::Admin), verb, kind, Ok(()));
            assert!(user(Role::None).allow_document(verb, kind, None).is_err());
            let may = user(Role::Editor).allow_document(verb, kind, None).is_ok();
            assert_eq!(may, verb == Verb::Read, "{verb:?} {kind}");
        }
    }
}

#[test]
fn perses_1_10_what_lacks_is_said_in_its_words() {
    let none = user(Role::None);
    let said = "missing 'read' global permission for 'GlobalDatasource' kind";
    check(&none, Verb::Read, DocumentKind::GlobalDatasource, Err(said));
    let said = "missing 'read' permission in 'perses' project for 'Datasource' kind";
    check(&none, Verb::Read, DocumentKind::Datasource, Err(said));
}

#[test]
fn a17_a_limited_token_has_what_it_was_granted_of_data_sources_and_reads_the_rest() {
    let reader = limited(Action::Read, Scope::All);
    let said =
        "this token's limits do not grant `datasources:write` here; use a token whose limits do";
    check(&reader, Verb::Read, DocumentKind::Secret, Ok(()));
    check(&reader, Verb::Update, DocumentKind::Datasource, Err(said));
    let writer = limited(Action::Write, Scope::All);
    check(&writer, Verb::Update, DocumentKind::Datasource, Ok(()));
    check(&writer, Verb::Update, DocumentKind::Secret, Err(said));
    check(&writer, Verb::Update, DocumentKind::Dashboard, Err(said));
}

#[test]
fn a_data_source_is_granted_to_who_may_use_it() {
    let source = Arc::new(source());
    let wanted = source.id.clone();
    let ask = |caller: &Caller, found: Option<&Arc<ScopedSource>>| {
        caller.authorize_scoped(&wanted, found.cloned()).map(drop)
    };
    assert_eq!(ask(&user(Role::Viewer), Some(&source)), Ok(()));
    assert_eq!(ask(&user(Role::Viewer), None), Err(NotAllowed::Absent(wanted.clone())));
    let this = limited(Action::Query, Scope::Source(source.incarnation));
    let other = limited(Action::Query, Scope::Source(Incarnation::new()));
    assert_eq!(ask(&this, Some(&source)), Ok(()));
    // Absent and forbidden cannot be told apart.
    let ungranted = Err(NotAllowed::Ungranted(Action::Query));
    assert_eq!((ask(&other, Some(&source)), ask(&other, None)), (ungranted.clone(), ungranted));
    let none = user(Role::None);
    assert_eq!(ask(&none, Some(&source)), ask(&none, None));
}

#[test]
fn a07_a_data_source_of_another_organisation_is_absent() {
    let theirs = Arc::new(ScopedSource { org: OrgId::new(2).unwrap(), ..source() });
    let wanted = theirs.id.clone();
    let found = user(Role::Admin).authorize_scoped(&wanted, Some(theirs)).map(drop);
    assert_eq!(found, Err(NotAllowed::Absent(wanted)));
}
