//! Users: as items, and where their requests go.

use super::*;

fn org(id: i64) -> OrgId {
    OrgId::new(id).unwrap()
}

fn user(own: i64, orgs: &[i64]) -> User {
    User {
        id: 7,
        login: "Bob".to_owned(),
        name: "Bob B.".to_owned(),
        email: String::new(),
        disabled: false,
        is_server_admin: true,
        orgs: orgs.iter().map(|id| (org(*id), Role::Editor)).collect(),
        org: org(own),
        created: 1,
        updated: 2,
        rev: Rev::new(),
    }
}

#[test]
fn a_user_is_read_as_he_was_written() {
    let user = user(2, &[1, 2]);
    assert_eq!(User::of(&user.item("hash")).unwrap(), user);
}

#[track_caller]
fn check(user: &User, wanted: Option<i64>, closed: &[i64], expected: Option<i64>) {
    let mut place = Place::new(wanted.map(org), OrgId::MAIN);
    place.closed.extend(closed.iter().map(|id| org(*id)));
    let found = place.of(user).map(|(org, _)| org);
    assert_eq!(found, expected.map(org));
}

#[test]
fn a_request_is_about_the_wanted_organisation_or_the_user_s_own() {
    let bob = user(2, &[1, 2, 3]);
    check(&bob, None, &[], Some(2));
    check(&bob, Some(3), &[], Some(3));
    check(&bob, Some(4), &[], None);
    check(&user(9, &[4, 5]), None, &[], Some(4));
    check(&user(1, &[]), None, &[], None);
}

#[test]
fn an_organisation_that_is_gone_is_passed_over() {
    let bob = user(2, &[1, 2, 3]);
    check(&bob, None, &[2], Some(1));
    check(&bob, None, &[2, 1], Some(3));
    check(&bob, None, &[1, 2, 3], None);
    check(&bob, Some(3), &[3], None);
}
