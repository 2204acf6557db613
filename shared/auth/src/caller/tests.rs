//! Decisions, as tables: who may do what to which data source.

use std::collections::BTreeSet;

use sourcegate_core::{Incarnation, JsonText, LegacyId, Rev, Settings, SourceName, Uid};

use super::*;
use crate::{Grant, Scope};

fn source(permissions: Option<Permissions>) -> Datasource {
    let settings = Settings {
        name: SourceName::parse("n").unwrap(),
        type_text: String::new(),
        access: String::new(),
        url: String::new(),
        user: String::new(),
        database: String::new(),
        basic_auth: false,
        basic_auth_user: String::new(),
        with_credentials: false,
        json_data: JsonText::default(),
        api_version: String::new(),
    };
    Datasource {
        org: OrgId::MAIN,
        id: LegacyId::FIRST,
        uid: Uid::parse("u").unwrap(),
        incarnation: Incarnation::new(),
        rev: Rev::new(),
        sec_rev: None,
        version: 1,
        read_only: false,
        permissions,
        secret_names: BTreeSet::new(),
        settings,
    }
}

fn user(role: Role) -> Caller {
    Caller::new(Identity::User { id: 7, stay: 0, login: "bob".to_owned() }, OrgId::MAIN, role)
}

#[track_caller]
fn check(caller: &Caller, source: &Datasource, may: &[Action]) {
    let allowed: Vec<_> = Action::all().filter(|action| caller.may(*action, source)).collect();
    assert_eq!(allowed, may);
}

const QUERY: [Action; 3] = [Action::Read, Action::Query, Action::ReadId];
const EDIT: [Action; 5] =
    [Action::Read, Action::Query, Action::Write, Action::Delete, Action::ReadId];
const ADMIN: [Action; 7] = [
    Action::Read,
    Action::Query,
    Action::Write,
    Action::Delete,
    Action::ReadId,
    Action::ReadPermissions,
    Action::WritePermissions,
];

#[test]
fn roles_decide_where_a_source_says_nothing() {
    let source = source(None);
    check(&user(Role::None), &source, &[]);
    check(&user(Role::Viewer), &source, &QUERY);
    check(&user(Role::Editor), &source, &QUERY);
    check(&user(Role::Admin), &source, &ADMIN);
}

#[test]
fn permissions_of_a_source_take_the_place_of_roles() {
    let nobody = source(Some([].into_iter().collect()));
    check(&user(Role::Viewer), &nobody, &[]);
    check(&user(Role::Admin), &nobody, &ADMIN);
    let editors = source(Some([(Assignee::Editors, Level::Edit)].into_iter().collect()));
    check(&user(Role::Viewer), &editors, &[]);
    check(&user(Role::Editor), &editors, &EDIT);
    let bob = [(Assignee::account(7), Level::Admin), (Assignee::account(8), Level::Query)];
    let bob = source(Some(bob.into_iter().collect()));
    check(&user(Role::None), &bob, &ADMIN);
    let both = [(Assignee::Viewers, Level::Query), (Assignee::account(7), Level::Edit)];
    check(&user(Role::Viewer), &source(Some(both.into_iter().collect())), &EDIT);
}

#[test]
fn t60_a_source_of_another_organisation_is_nobody_s() {
    let other = Datasource { org: OrgId::new(2).unwrap(), ..source(None) };
    check(&user(Role::Admin).as_server_admin(), &other, &[]);
}

#[track_caller]
fn check_refusal(caller: &Caller, action: Action, found: Option<Datasource>, expected: &Denied) {
    let wanted = Reference::Uid(Uid::parse("u").unwrap());
    let refused = caller.authorize(action, &wanted, found.map(Arc::new)).unwrap_err();
    assert_eq!(&refused, expected);
}

#[test]
fn t20_absent_and_forbidden_are_the_same() {
    let absent = Denied::Absent(Reference::Uid(Uid::parse("u").unwrap()));
    let nobody = || Some(source(Some([].into_iter().collect())));
    for (role, action, expected) in [
        (Role::Viewer, Action::Read, &absent),
        (Role::None, Action::Read, &Denied::Forbidden(Action::Read)),
        (Role::Viewer, Action::Write, &Denied::Forbidden(Action::Write)),
    ] {
        check_refusal(&user(role), action, None, expected);
        check_refusal(&user(role), action, nobody(), expected);
    }
}

#[test]
fn a_limited_token_may_do_no_more_than_its_owner_and_its_grants() {
    let source = source(None);
    let scope = Scope::Source(source.incarnation);
    let grants = [Action::Query, Action::Write];
    let grants = grants.map(|action| Grant { action, scope, words: Arc::from("uid:u") });
    let limits = Limits { grants: Some(grants.to_vec()), ..Limits::default() };
    check(&user(Role::Viewer).limited(limits.clone()), &source, &[Action::Query]);
    let admin = user(Role::Admin).limited(limits);
    check(&admin, &source, &[Action::Query, Action::Write]);
    assert!(admin.browse(Action::Query).is_ok() && admin.browse(Action::Read).is_err());
    assert!(admin.allow(Action::Query).is_err());
    // Of its source and of one that is absent it is told the same, and that it is the token that lacks something.
    let lacks = Denied::Ungranted(Action::Read);
    check_refusal(&admin, Action::Read, Some(source.clone()), &lacks);
    check_refusal(&admin, Action::Read, None, &lacks);
    check_refusal(&admin, Action::Query, None, &Denied::Ungranted(Action::Query));
    // What nobody of his role may do is not the token's fault.
    assert_eq!(admin.allow(Action::CreateOrgs).unwrap_err(), Denied::Forbidden(Action::CreateOrgs));
    // Another one that was made under the same uid.
    let again = Datasource { incarnation: Incarnation::new(), ..source };
    check(&admin, &again, &[]);
}

#[test]
fn a_limited_token_gives_nobody_rights() {
    let limits = Limits { read_only: true, ..Limits::default() };
    let admin = user(Role::Admin).as_server_admin().limited(limits);
    for action in Action::all().filter(|action| action.gives_rights()) {
        let expected = Denied::Limited(action);
        if action.is_of_source() {
            check_refusal(&admin, action, Some(source(None)), &expected);
        } else {
            assert_eq!(admin.allow(action).unwrap_err(), expected);
        }
    }
    assert!(admin.allow(Action::WriteAccounts).is_ok());
    assert_eq!(admin.admit_method(&Method::PUT), Err(Denied::ReadOnly(Method::PUT)));
    assert_eq!(admin.admit_method(&Method::HEAD), Ok(()));
}

#[test]
fn the_server_s_administrator_runs_organisations_but_not_what_they_keep() {
    let admin = user(Role::None).as_server_admin();
    let other = OrgId::new(2).unwrap();
    assert!(admin.allow_in(Action::DeleteOrgs, other).is_ok());
    assert!(admin.allow_in(Action::WriteMembers, other).is_ok());
    assert!(admin.allow(Action::Create).is_err());
    assert!(admin.allow(Action::Read).is_err());
    assert!(admin.allow(Action::ReadAccounts).is_err());
    assert!(admin.allow_in(Action::WriteAccounts, other).is_err());
    let org_admin = user(Role::Admin);
    assert!(org_admin.allow_in(Action::WriteMembers, other).is_err());
    assert!(org_admin.allow(Action::WriteMembers).is_ok());
    assert!(org_admin.allow(Action::CreateOrgs).is_err());
}
