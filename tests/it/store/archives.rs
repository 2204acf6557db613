//! Documents of an archive, restored where something that they need is not there.

use std::collections::BTreeSet;

use harness::TestApp;
use sourcegate_core::{BindingSpec, DocumentId, DocumentKind, DocumentName, JsonText, OrgId};
use store::{Admin, ArchivedDocument, Conflicts, DocumentDraft, Restored, Values};

fn archived(kind: DocumentKind, own: &str) -> ArchivedDocument {
    let name = |text: &str| DocumentName::parse(text).expect("a name");
    let project = kind.is_of_project().then(|| name("p"));
    let draft = DocumentDraft {
        id: DocumentId { kind, project, name: name(own) },
        tags: BTreeSet::new(),
        spec: JsonText::default(),
        default_of: None,
        values: Values::new(),
        locals: Vec::new(),
        named: BTreeSet::new(),
        subjects: Vec::new(),
    };
    ArchivedDocument { org: OrgId::MAIN, draft, maker: None, bound: BTreeSet::new() }
}

#[tokio::test]
async fn what_a_document_lacks_stands_in_its_way_and_in_no_other_s() {
    let app = TestApp::start().await;
    let admin = Admin::new(app.store().clone());
    let restore = async |wanted: &ArchivedDocument, conflicts| {
        admin.restore_document(wanted, conflicts).await.expect("the tables")
    };
    let refused = |said: &str| Restored::Refused(said.to_owned());
    let (kept, replaced) = (Conflicts::Kept, Conflicts::Replaced);
    let secret = archived(DocumentKind::Secret, "s");
    assert_eq!(restore(&secret, kept).await, refused(r#"metadata.project "p" doesn't exist"#));
    assert_eq!(restore(&archived(DocumentKind::Project, "p"), kept).await, Restored::Created);
    for (conflicts, expected) in [
        (kept, Restored::Created),
        (kept, Restored::Kept("it is there already".to_owned())),
        (replaced, Restored::Replaced),
    ] {
        assert_eq!(restore(&secret, conflicts).await, expected);
    }
    let mut binding = archived(DocumentKind::RoleBinding, "b");
    let role = DocumentName::parse("r").expect("a name");
    let spec = BindingSpec { role, subjects: vec!["nobody".to_owned()] };
    (binding.draft.spec, binding.draft.subjects) = (spec.text(), spec.subjects);
    let said = r#"subject "nobody" is no user of this organisation; make the user first"#;
    assert_eq!(restore(&binding, kept).await, refused(said));
    assert!(!admin.has_document(OrgId::MAIN, &binding.draft.id).await.expect("the tables"));
}
