//! Decisions, as tables: what roles add to what one may do anyway.

use std::collections::BTreeSet;

use sourcegate_core::{DocumentId, JsonText, OrgId, Rev, Scope, ScopedName, Ties};

use super::*;
use crate::{Limits, NotAllowed};

const VERBS: [Verb; 4] = [Verb::Read, Verb::Create, Verb::Update, Verb::Delete];

fn user(id: u32, stay: u32, login: &str, role: Role) -> Caller {
    Caller::new(Identity::User { id, stay, login: login.to_owned() }, OrgId::MAIN, role)
}

fn bob() -> Caller {
    user(7, 0, "Bob", Role::None)
}

fn name(text: &str) -> DocumentName {
    DocumentName::parse(text).unwrap()
}

fn live(project: &str, incarnation: Incarnation) -> LiveProject {
    LiveProject { name: name(project), incarnation, maker: None }
}

fn document(kind: DocumentKind, own: &str, spec: &str, realm: Realm, ties: Ties) -> Document {
    let (project, incarnation) = realm.unzip();
    Document {
        org: OrgId::MAIN,
        id: DocumentId { kind, project, name: name(own) },
        incarnation: Incarnation::new(),
        rev: Rev::new(),
        sec_rev: None,
        version: 0,
        created_ns: 0,
        updated_ns: 0,
        tags: BTreeSet::new(),
        spec: JsonText::object(spec.to_owned()).unwrap(),
        default_of: None,
        secret_names: BTreeSet::new(),
        ties: Ties { project: incarnation, ..ties },
    }
}

/// A role and a binding of Bob to it.
fn book(realm: &Realm, actions: &str, scopes: &str) -> Rolebook {
    let mut book = Rolebook::default();
    bind(&mut book, realm, actions, scopes);
    book
}

fn bind(book: &mut Rolebook, realm: &Realm, actions: &str, scopes: &str) {
    let (role, binding) = match realm {
        None => (DocumentKind::GlobalRole, DocumentKind::GlobalRoleBinding),
        Some(_) => (DocumentKind::Role, DocumentKind::RoleBinding),
    };
    let list = |words: &str| format!("{:?}", words.split(' ').collect::<Vec<_>>());
    let (actions, scopes) = (list(actions), list(scopes));
    let spec = format!(r#"{{"permissions":[{{"actions":{actions},"scopes":{scopes}}}]}}"#);
    book.enter(document(role, "r", &spec, realm.clone(), Ties::default()));
    let subjects = [("bob".to_owned(), Assignee::account(7))].into();
    let spec = r#"{"role":"R","subjects":[{"kind":"User","name":"BOB"}]}"#;
    book.enter(document(binding, "b", spec, realm.clone(), Ties { subjects, ..Ties::default() }));
}

/// What a caller may do, as `verb kind` and where.
fn may(caller: &Caller) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for kind in DocumentKind::ALL {
        for verb in VERBS {
            for project in [None, Some(name("p")), Some(name("q"))] {
                // What is of no project is asked for without one.
                if project.is_some() && !kind.is_within_project() {
                    continue;
                }
                if caller.allow_document(verb, kind, project.as_ref()).is_ok() {
                    let place = project.map_or("org".to_owned(), |project| project.to_string());
                    all.insert(format!("{} {kind} {place}", verb.as_str()));
                }
            }
        }
    }
    all
}

#[track_caller]
fn check(caller: &Caller, expected: &[&str]) {
    assert_eq!(may(caller), expected.iter().map(|&one| one.to_owned()).collect());
}

#[test]
fn perses_4_3_a_project_s_role_gives_what_it_says_in_that_project() {
    let realm = Some((name("p"), Incarnation::new()));
    let now = [live("p", realm.as_ref().unwrap().1), live("q", Incarnation::new())];
    let book = book(&realm, "read update", "Dashboard Folder");
    let held = bob().holding(book.held_by(&bob(), &now));
    check(&held, &["read Dashboard p", "update Dashboard p"]);
    assert!(held.may_somewhere(Verb::Update, DocumentKind::Dashboard).is_ok());
    assert!(held.may_somewhere(Verb::Create, DocumentKind::Dashboard).is_err());
}

#[test]
fn perses_4_3_a_global_role_holds_in_every_project() {
    let book = book(&None, "read", "Datasource GlobalDatasource");
    let held = bob().holding(book.held_by(&bob(), &[]));
    check(
        &held,
        &[
            "read Datasource org",
            "read Datasource p",
            "read Datasource q",
            "read GlobalDatasource org",
        ],
    );
}

#[test]
fn perses_4_3_everything_in_a_project_is_nothing_beyond_it() {
    let realm = Some((name("p"), Incarnation::new()));
    let now = [live("p", realm.as_ref().unwrap().1)];
    let held = bob().holding(book(&realm, "*", "*").held_by(&bob(), &now));
    let within = DocumentKind::ALL.into_iter().filter(|kind| kind.is_within_project());
    let expected = within.flat_map(|kind| VERBS.map(|verb| format!("{} {kind} p", verb.as_str())));
    assert_eq!(may(&held), expected.collect());
    assert!(held.allow_users(Verb::Read).is_err());
}

#[test]
fn perses_4_3_roles_only_add() {
    let book = book(&None, "create", "Project");
    for role in [Role::None, Role::Viewer, Role::Editor, Role::Admin] {
        let plain = user(7, 0, "bob", role);
        let held = plain.clone().holding(book.held_by(&plain, &[]));
        assert!(may(&held).is_superset(&may(&plain)), "{role}");
        assert!(held.allow_document(Verb::Create, DocumentKind::Project, None).is_ok(), "{role}");
    }
}

#[test]
fn a_role_of_an_earlier_project_of_the_same_name_gives_nothing() {
    let book = book(&Some((name("p"), Incarnation::new())), "*", "*");
    check(&bob().holding(book.held_by(&bob(), &[live("p", Incarnation::new())])), &[]);
    check(&bob().holding(book.held_by(&bob(), &[])), &[]);
}

#[test]
fn nobody_inherits_what_was_given_to_somebody_of_his_login() {
    let book = book(&None, "*", "*");
    assert!(!may(&bob().holding(book.held_by(&bob(), &[]))).is_empty());
    let program =
        Identity::ServiceAccount { id: crate::OwnerId::new(7).unwrap(), name: "bob".into() };
    let vouched = Identity::Jwt { subject: "s".to_owned(), login: "bob".to_owned() };
    for other in [
        // Another user; one who has left and come again; one who is called otherwise now.
        user(8, 0, "bob", Role::None),
        user(7, 1, "bob", Role::None),
        user(7, 0, "rob", Role::None),
        Caller::new(program, OrgId::MAIN, Role::None),
        Caller::new(vouched, OrgId::MAIN, Role::None),
    ] {
        assert_eq!(book.held_by(&other, &[]), Held::default(), "{:?}", other.identity());
    }
}

#[test]
fn perses_case_35_who_made_a_project_owns_it() {
    let mut project = live("p", Incarnation::new());
    project.maker = Some(Assignee::account(7));
    let projects = [project, live("q", Incarnation::new())];
    let held = Rolebook::default().held_by(&bob(), &projects);
    let owner = bob().holding(held);
    for (verb, kind) in
        [(Verb::Create, DocumentKind::Datasource), (Verb::Delete, DocumentKind::Project)]
    {
        assert!(owner.allow_document(verb, kind, Some(&name("p"))).is_ok());
        assert!(owner.allow_document(verb, kind, Some(&name("q"))).is_err());
        assert!(owner.allow_document(verb, kind, None).is_err());
    }
    let later = user(7, 1, "bob", Role::None);
    assert_eq!(Rolebook::default().held_by(&later, &projects), Held::default());
}

#[test]
fn a_role_that_cannot_be_read_gives_nothing() {
    let mut book = book(&None, "*", "*");
    let spec = r#"{"permissions":[{"actions":["*"],"scopes":["Team"]}]}"#;
    book.enter(document(DocumentKind::GlobalRole, "s", spec, None, Ties::default()));
    assert_eq!(book.roles.len(), 1);
    let alone = document(DocumentKind::Role, "t", r#"{"permissions":[]}"#, None, Ties::default());
    let alone = Document { id: DocumentId { project: Some(name("p")), ..alone.id }, ..alone };
    book.enter(alone);
    assert_eq!(book.roles.len(), 1);
}

#[test]
fn a07_roles_let_no_role_of_an_organisation_make_or_change_users() {
    let held = bob().holding(book(&None, "*", "*").held_by(&bob(), &[]));
    assert!(held.allow_users(Verb::Read).is_ok());
    for verb in [Verb::Create, Verb::Update, Verb::Delete] {
        let said = format!("missing '{}' global permission for 'User' kind", verb.as_str());
        assert_eq!(held.allow_users(verb).unwrap_err().to_string(), said);
        let admin = user(1, 0, "admin", Role::Admin);
        assert!(admin.allow_users(verb).is_err());
        assert!(!admin.as_server_admin().allow_users(verb).unwrap().permits().is_empty());
    }
    assert!(user(1, 0, "admin", Role::Admin).allow_users(Verb::Read).is_ok());
    assert!(user(1, 0, "viewer", Role::Viewer).allow_users(Verb::Read).is_err());
}

#[test]
fn perses_4_4_a_saved_data_source_needs_read_and_an_unsaved_one_create_and_its_secrets_read() {
    let realm = Some((name("p"), Incarnation::new()));
    let now = [live("p", realm.as_ref().unwrap().1)];
    let place = Scope::Project(name("p"));
    let wanted = ScopedName { scope: place.clone(), name: "x".to_owned() };
    let mut book = book(&realm, "read", "Datasource");
    let reader = bob().holding(book.held_by(&bob(), &now));
    assert_eq!(
        reader.authorize_scoped(&wanted, None).unwrap_err(),
        NotAllowed::Absent(wanted.clone())
    );
    assert!(bob().authorize_scoped(&wanted, None).unwrap_err() != NotAllowed::Absent(wanted));
    assert!(reader.allow_unsaved(&place).is_err());
    bind(&mut book, &realm, "create", "Datasource");
    let maker = bob().holding(book.held_by(&bob(), &now));
    assert!(maker.allow_unsaved(&place).is_ok());
    let said = "missing 'read' permission in 'p' project for 'Secret' kind";
    assert_eq!(maker.check_naming(place.project()).unwrap_err().to_string(), said);
    bind(&mut book, &realm, "read create", "Datasource Secret");
    let both = bob().holding(book.held_by(&bob(), &now));
    assert!(both.allow_unsaved(&place).is_ok() && both.allow_unsaved(&Scope::Org).is_err());
    assert!(both.check_naming(place.project()).is_ok() && both.check_naming(None).is_err());
}

#[test]
fn a17_a_limited_token_gives_nobody_rights() {
    let admin = user(1, 0, "admin", Role::Admin);
    let limited = admin.limited(Limits { read_only: true, ..Limits::default() });
    for kind in DocumentKind::ALL {
        let may = limited.allow_document(Verb::Create, kind, None);
        assert_eq!(may.is_err(), kind.gives_rights(), "{kind}");
        assert!(limited.allow_document(Verb::Read, kind, None).is_ok(), "{kind}");
    }
}

#[test]
fn perses_3_3_lists_over_all_projects_show_what_is_his() {
    let realm = Some((name("p"), Incarnation::new()));
    let now = [live("p", realm.as_ref().unwrap().1)];
    let held = bob().holding(book(&realm, "read", "Datasource Project").held_by(&bob(), &now));
    let permit = held.list_documents(DocumentKind::Datasource).unwrap();
    let one = |kind, project: Option<&str>, own| DocumentId {
        kind,
        project: project.map(name),
        name: name(own),
    };
    assert!(permit.shows(&one(DocumentKind::Datasource, Some("p"), "x")));
    assert!(!permit.shows(&one(DocumentKind::Datasource, Some("q"), "x")));
    assert!(permit.shows(&one(DocumentKind::Project, None, "p")));
    assert!(!permit.shows(&one(DocumentKind::Project, None, "q")));
    assert!(held.list_documents(DocumentKind::GlobalDatasource).is_err());
}
