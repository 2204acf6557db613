//! Users as items.

use sourcegate_core::{OrgId, Rev};

use super::*;

pub(crate) fn org(id: i64) -> OrgId {
    OrgId::new(id).unwrap()
}

pub(crate) fn user(own: i64, orgs: &[i64]) -> User {
    User {
        id: 7,
        login: "Bob".to_owned(),
        name: "Bob B.".to_owned(),
        email: String::new(),
        disabled: false,
        is_server_admin: false,
        orgs: orgs.iter().map(|id| (org(*id), Role::Editor)).collect(),
        org: org(own),
        left: BTreeMap::new(),
        created: 1,
        updated: 2,
        rev: Rev::new(),
    }
}

#[test]
fn a_user_is_read_as_he_was_written() {
    let user = User { left: [(org(7), 1), (org(30), 2)].into(), ..user(2, &[1, 2]) };
    assert_eq!(User::of(&user.item("hash")).unwrap(), user);
}
