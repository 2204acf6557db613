//! Documents of the Perses dialect, and what follows from them.

use std::collections::BTreeSet;

use sourcegate_core::{
    Document, DocumentId, DocumentKind, DocumentName, JsonText, Scope, ScopedName, ScopedSource,
    SecretUse, Ties,
};

use super::*;
use crate::documents::{self, document_item, local_item};

fn name(text: &str) -> DocumentName {
    DocumentName::parse(text).unwrap()
}

fn id(kind: DocumentKind, own: &str) -> DocumentId {
    let project = kind.is_of_project().then(|| name("p"));
    DocumentId { kind, project, name: name(own) }
}

fn document(kind: DocumentKind, own: &str) -> Document {
    documents::document(org(), id(kind, own))
}

const DESTINATION: &str = "https://h:443";

/// A project with a secret, a data source that is a default and leads the secret somewhere, and a dashboard with its own; and a
/// role whose project is gone.
struct Documents {
    secret: Document,
    source: Document,
    dashboard: Document,
}

impl Documents {
    fn put(whole: &mut Whole) -> Self {
        let mut secret = document(DocumentKind::Secret, "s");
        secret.sec_rev = Some(Rev::new());
        let mut source = document(DocumentKind::Datasource, "x");
        source.default_of = Some("P".to_owned());
        let bound = SecretUse { name: name("s"), destination: DESTINATION.to_owned() };
        source.ties.bound = [bound].into();
        let dashboard = document(DocumentKind::Dashboard, "d");
        let project = document(DocumentKind::Project, "p");
        let mut role = document(DocumentKind::Role, "r");
        role.id.project = Some(name("gone"));
        role.ties.project = Some(Incarnation::new());
        whole.put(Table::Access, document_item(&role));
        for document in [&secret, &source, &dashboard, &project] {
            whole.put(Table::Registry, document_item(document));
        }
        let all = Self { secret, source, dashboard };
        let rev = all.secret.sec_rev.map(text).unwrap();
        let sealed = crate::item::bytes(&[&[1][..], &1_u32.to_be_bytes(), &[0; 70]].concat());
        let values = AttributeValue::M([("basicAuth.password".to_owned(), sealed)].into());
        whole.put(Table::Registry, item(&all.values(), [("rev", rev), ("values", values)]));
        let is_default = [("name", text("x"))];
        whole.put(Table::Registry, item(&all.default(), is_default));
        whole
            .put(Table::Registry, all.bound_item(&all.bound(), all.secret.incarnation.to_string()));
        whole.put(Table::Registry, local_item(&all.local(), &all.own()));
        all
    }

    fn values(&self) -> Key {
        Key::sealed_document(org(), &self.secret.id)
    }

    fn default(&self) -> Key {
        Key::default_document(org(), &self.source.id, "P")
    }

    fn bound(&self) -> Key {
        Key::bound(org(), &self.secret.id, DESTINATION, self.source.incarnation)
    }

    fn bound_item(&self, key: &Key, of: String) -> Item {
        item(key, [("inc", text(of)), ("made", number(1))])
    }

    fn local(&self) -> Key {
        Key::local(org(), &name("p"), &self.dashboard.id.name, "Own #1")
    }

    fn own(&self) -> ScopedSource {
        let scope = Scope::Dashboard { project: name("p"), dashboard: name("d") };
        ScopedSource {
            org: org(),
            id: ScopedName { scope, name: "Own #1".to_owned() },
            incarnation: Incarnation::new(),
            rev: Rev::new(),
            spec: JsonText::default(),
        }
    }
}

/// Damages whole documents; expects one finding, and after its repair none.
#[track_caller]
fn check_document(damage: impl FnOnce(&mut Whole, &Documents), expected: &str) {
    check_repaired(
        |whole| {
            let documents = Documents::put(whole);
            damage(whole, &documents);
        },
        expected,
    );
}

#[test]
fn whole_documents_are_found_whole() {
    let mut whole = Whole::new();
    let documents = Documents::put(&mut whole);
    assert_eq!(whole.told(), Vec::<String>::new());
    // Where a secret may go that is not there yet, and a binding that names no document.
    let secret = id(DocumentKind::GlobalSecret, "later");
    let mut source = document(DocumentKind::GlobalDatasource, "g");
    let bound = SecretUse { name: name("later"), destination: DESTINATION.to_owned() };
    source.ties.bound = [bound].into();
    whole.put(Table::Registry, document_item(&source));
    let key = Key::bound(org(), &secret, DESTINATION, source.incarnation);
    whole.put(Table::Registry, documents.bound_item(&key, String::new()));
    let key = Key::unheld_bound(org(), &documents.secret.id, DESTINATION);
    let of = documents.secret.incarnation.to_string();
    whole.put(Table::Registry, documents.bound_item(&key, of));
    assert_eq!(whole.told(), Vec::<String>::new());
    // A project that is being deleted takes along what is left.
    let project = Key::project(org(), &name("p"));
    whole.set(&project, "state", text("deleting"));
    whole.remove(&Key::document(org(), &documents.secret.id));
    whole.remove(&Key::document(org(), &documents.dashboard.id));
    assert_eq!(whole.told(), Vec::<String>::new());
}

#[test]
fn no_document_is_without_its_project() {
    let all = |w: &mut Whole| {
        Documents::put(w);
        w.remove(&Key::project(org(), &name("p")));
    };
    let lost = "is of project `p`, which is not there; make the project again, and delete what is not wanted";
    let told: Vec<_> =
        ["DASH#p#d", "PDS#p#x", "PSEC#p#s"].map(|sk| format!("PERSES#1 {sk}: {lost}")).to_vec();
    check_told(all, &told.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn what_follows_from_a_document_goes_with_it() {
    check_document(
        |w, all| w.remove(&Key::document(org(), &all.dashboard.id)),
        "PERSES#1 DASHDS#p#d#Own %231: is of dashboard `p/d`, which is not there",
    );
    check_document(
        |w, all| w.set(&all.default(), "name", text("y")),
        "PERSES#1 DEFAULT#PDS#p#P: names `y`, which is not there",
    );
    check_document(
        |w, all| {
            let plain = Document { default_of: None, ..all.source.clone() };
            w.put(Table::Registry, document_item(&plain));
        },
        "PERSES#1 DEFAULT#PDS#p#P: names `x`, which is no such default",
    );
}

#[test]
fn k04_a_secret_goes_nowhere_without_a_document_that_leads_there() {
    let stray = Incarnation::parse(&"a".repeat(32)).unwrap();
    check_document(
        |w, all| {
            let key = Key::bound(org(), &all.secret.id, DESTINATION, stray);
            w.put(Table::Registry, all.bound_item(&key, all.secret.incarnation.to_string()));
        },
        "PERSES#1 BOUND#PSEC#p#s#https://h:443#aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: lets a secret go where no document leads that it names",
    );
    check_document(
        |w, all| {
            let mut moved = Document { incarnation: stray, ..all.source.clone() };
            moved.ties.bound = BTreeSet::new();
            w.put(Table::Registry, document_item(&moved));
            w.remove(&all.bound());
            let key = Key::bound(org(), &all.secret.id, DESTINATION, stray);
            w.put(Table::Registry, all.bound_item(&key, all.secret.incarnation.to_string()));
        },
        "PERSES#1 BOUND#PSEC#p#s#https://h:443#aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: lets a secret go where no document leads that it names",
    );
    check_document(
        |w, all| {
            w.remove(&all.bound());
            let key = Key::unheld_bound(org(), &all.secret.id, DESTINATION);
            w.put(Table::Registry, all.bound_item(&key, stray.to_string()));
        },
        "PERSES#1 BOUND#PSEC#p#s#https://h:443: lets a secret go somewhere that is not there any more",
    );
}

#[test]
fn sealed_values_are_those_that_their_secret_names() {
    let told = |what: &str| format!("PERSES#1 PSEC#p#s: {what}; save it with its values again");
    let (absent, other) = (
        told("names sealed values that are not there"),
        told("names another revision of its sealed values than the one that is there"),
    );
    check_told(
        |w| {
            let all = Documents::put(w);
            w.remove(&all.values());
        },
        &[&absent],
    );
    check_told(
        |w| {
            let all = Documents::put(w);
            w.set(&all.values(), "rev", text(Rev::new()));
        },
        &[&other],
    );
    check_told(
        |w| {
            let all = Documents::put(w);
            let sealed = crate::item::bytes(&[&[1][..], &9_u32.to_be_bytes()].concat());
            let values = AttributeValue::M([("basicAuth.password".to_owned(), sealed)].into());
            w.set(&all.values(), "values", values);
        },
        &[
            "SEC#1 PSECRET#p#s: has a value `basicAuth.password` that is sealed to no key that is there",
        ],
    );
    check_document(
        |w, all| {
            let without = Document { sec_rev: None, ..all.secret.clone() };
            w.put(Table::Registry, document_item(&without));
        },
        "SEC#1 PSECRET#p#s: are sealed values of no secret",
    );
}

/// Makes an item one of a later version's shape, expects what is told besides, and that no repair touches anything else.
#[track_caller]
fn check_kept(damaged: impl FnOnce(&Whole, &Documents) -> Key, expected: &[&str]) {
    let mut whole = Whole::new();
    let documents = Documents::put(&mut whole);
    let key = damaged(&whole, &documents);
    whole.set(&key, "v", number(99));
    let mut told = vec![format!("{} {}: is damaged: unknown shape", key.pk, key.sk)];
    told.extend(expected.iter().map(|one| (*one).to_owned()));
    assert_eq!(whole.told(), told);
    assert_eq!(whole.repair(), 0, "{key:?}");
}

#[test]
fn nothing_goes_that_follows_from_a_document_which_cannot_be_read() {
    let held = "lets a secret go where no document leads that it names";
    let held = |all: &Documents| format!("PERSES#1 {}: {held}", all.bound().sk.clone());
    check_kept(|_, all| Key::document(org(), &all.dashboard.id), &[]);
    check_kept(|_, all| Key::document(org(), &all.secret.id), &[]);
    check_kept(|_, _| Key::project(org(), &name("p")), &[]);
    let mut whole = Whole::new();
    let all = Documents::put(&mut whole);
    whole.set(&Key::document(org(), &all.source.id), "v", number(99));
    let told = ["PERSES#1 PDS#p#x: is damaged: unknown shape".to_owned(), held(&all)];
    assert_eq!(whole.told(), told);
    assert_eq!(whole.repair(), 0);
    // In another organisation it goes, and where what is damaged is no document.
    let stray = Key::bound(org(), &all.secret.id, DESTINATION, Incarnation::new());
    let mut whole = Whole::new();
    let all = Documents::put(&mut whole);
    whole.put(Table::Registry, all.bound_item(&stray, all.secret.incarnation.to_string()));
    whole.set(&all.default(), "name", number(1));
    assert_eq!(whole.told().len(), 2, "{:?}", whole.told());
    assert_eq!(whole.repair(), 1);
}

#[test]
fn where_a_secret_may_go_is_not_taken_away_if_it_was_written_again_since() {
    let mut whole = Whole::new();
    let all = Documents::put(&mut whole);
    whole.put(
        Table::Registry,
        document_item(&Document { ties: Ties::default(), ..all.source.clone() }),
    );
    let found = whole.findings();
    assert_eq!(found.len(), 1);
    whole.set(&all.bound(), "made", number(2));
    let writes = found[0].writes().unwrap();
    assert!(!crate::write::tests::apply(&mut whole.items, writes));
    whole.set(&all.bound(), "made", number(1));
    assert!(crate::write::tests::apply(&mut whole.items, writes));
}
