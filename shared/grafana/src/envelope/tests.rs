//! One line per cell of contract 9's table.

use serde_json::{Value, json};
use sourcegate_core::{Classify, Reference, SourceName, Uid};

use super::*;

fn told(doing: Doing, error: impl Classify) -> (u16, Value) {
    let (status, body) = body(doing, &error.into(), "t".to_owned());
    (status.as_u16(), serde_json::to_value(body).unwrap())
}

#[track_caller]
fn check(doing: Doing, error: impl Classify, status: u16, message: &str) {
    let (found, body) = told(doing, error);
    assert_eq!((found, body["message"].as_str()), (status, Some(message)), "{doing:?}");
    assert_eq!(body["traceID"], "t");
}

fn uid() -> Uid {
    Uid::parse("u").unwrap()
}

fn absent_u() -> Denied {
    Denied::Absent(Reference::Uid(uid()))
}

fn down() -> store::Error {
    store::Error::Busy
}

#[test]
fn what_is_absent_is_told_in_each_groups_words() {
    let gone = || store::Error::Gone(Reference::Uid(uid()));
    for doing in [Doing::Read, Doing::ReadById, Doing::Update, Doing::Delete] {
        check(doing, absent_u(), 404, "Data source not found");
        check(doing, gone(), 404, "Data source not found");
        check(doing, Error::NotFound, 404, "Data source not found");
    }
    let found = gateway::Error::from(absent_u());
    check(Doing::Proxy, found, 404, "Unable to find datasource");
}

#[test]
fn t56_a_missing_right_is_named_with_a_number_for_support() {
    let (status, body) = told(Doing::Add, Denied::Forbidden(Action::Create));
    assert_eq!(status, 403);
    assert_eq!(body["title"], "Access denied");
    let message = "You'll need additional permissions to perform this action. Permissions needed: datasources:create";
    assert_eq!(body["message"], message);
    let number = body["accessErrorId"].as_str().unwrap().strip_prefix("ACE").unwrap();
    assert!(number.len() == 10 && number.bytes().all(|b| b.is_ascii_digit()), "{number}");
    let (_, again) = told(Doing::Add, Denied::Forbidden(Action::Create));
    assert_ne!(body["accessErrorId"], again["accessErrorId"]);
}

#[test]
fn the_proxy_refuses_in_a_sentence() {
    let (status, body) = told(Doing::Proxy, gateway::Error::from(Denied::Forbidden(Action::Query)));
    assert_eq!(status, 403);
    assert_eq!(body, json!({"message": "Access denied to datasource", "traceID": "t"}));
}

#[test]
fn t52_to_t57_credentials_are_refused_alike_wherever_they_are_checked() {
    let bad = Unauthenticated::InvalidToken;
    let expected = json!({"statusCode": 401, "messageId": "api-key.invalid", "message": "Invalid API key", "traceID": "t"});
    assert_eq!(told(Doing::List, bad), (401, expected.clone()));
    assert_eq!(told(Doing::List, store::Error::from(bad)), (401, expected.clone()));
    let through = gateway::Error::from(store::Error::from(bad));
    assert_eq!(told(Doing::Proxy, through), (401, expected));
    check(Doing::List, Unauthenticated::ExpiredToken, 401, "Expired API key");
    check(Doing::List, Unauthenticated::WrongPassword, 401, "Invalid username or password");
    let nobody = json!({"message": "Unauthorized", "traceID": "t"});
    assert_eq!(told(Doing::Account, Unauthenticated::Missing), (401, nobody));
    let (_, body) = told(Doing::Read, Unauthenticated::OrgMismatch);
    assert_eq!(body["messageId"], "api-key.organization-mismatch");
}

#[test]
fn t10_t11_t33_t40_t42_conflicts_have_the_texts_of_contract_1_5_and_1_9() {
    let name = || store::Error::NameTaken(SourceName::parse("n").unwrap());
    let taken = "data source with the same name already exists";
    check(Doing::Add, name(), 409, taken);
    check(Doing::Update, name(), 409, &format!("Failed to update datasource: {taken}"));
    let same_uid = store::Error::UidTaken(uid());
    check(Doing::Add, same_uid, 409, "data source with the same uid already exists");
    let stale = store::Error::Stale { uid: uid(), found: 2, sent: 1 };
    let text = "Datasource has already been updated by someone else. Please reload and try again";
    check(Doing::Update, stale, 409, text);
    let read_only = || store::Error::ReadOnly(uid());
    check(Doing::Update, read_only(), 403, "Cannot update read-only data source");
    check(Doing::Delete, read_only(), 403, "Cannot delete read-only data source");
}

#[test]
fn k04_secrets_to_be_sent_again_are_named() {
    let error = store::Error::MustResend(vec!["password".to_owned()]);
    let (status, body) = told(Doing::Update, error);
    assert_eq!((status, &body["cause"]), (400, &json!("secret_must_be_resent")));
    assert!(body["message"].as_str().unwrap().contains("password"), "{body}");
}

#[test]
fn our_own_failures_tell_their_cause_and_nothing_else() {
    let failures = [
        (Doing::List, "Failed to query datasources"),
        (Doing::ReadById, "Failed to query datasources"),
        (Doing::Read, "Failed to query datasource"),
        (Doing::Add, "Failed to add datasource"),
        (Doing::Update, "Failed to update datasource"),
        (Doing::Delete, "Failed to delete datasource"),
        (Doing::Proxy, "Unable to load datasource meta data"),
    ];
    for (doing, message) in failures {
        check(doing, down(), 503, message);
        assert_eq!(told(doing, down()).1["cause"], "throttled");
    }
    check(Doing::Proxy, gateway::Error::from(down()), 503, "Unable to load datasource meta data");
    check(Doing::Add, store::Error::NoUid, 500, "Failed to add datasource");
}

#[test]
fn typed_refusals_have_their_id_and_a_detail() {
    let (status, body) = told(Doing::Add, Error::ApiVersion);
    assert_eq!(status, 400);
    assert_eq!(body["messageId"], "datasource.apiVersionInvalid");
    assert_eq!((&body["statusCode"], body["detail"].is_string()), (&json!(400), true));
}

#[test]
fn permissions_are_refused_in_grafana_s_words() {
    use crate::permissions::BadAssignment as Bad;
    let refused = |bad| told(Doing::WritePermissions, Error::Assignment(bad));
    let (status, body) = refused(Bad::Level("View".to_owned()));
    let message = "Permission [View] is invalid for this resource type";
    assert_eq!((status, &body["message"]), (400, &json!(message)));
    assert_eq!(body["messageId"], "resourcePermissions.invalidPermission");
    for (bad, message) in [(Bad::NoUser(7), "user not found"), (Bad::NoTeam(7), "team not found")] {
        let (status, body) = refused(bad);
        assert_eq!((status, &body["message"]), (404, &json!(message)));
        assert_eq!(body["messageId"], "accesscontrol.assignmentEntityNotFound");
        assert!(body["detail"].as_str().is_some_and(|detail| detail.contains('7')), "{body}");
    }
    check(Doing::ReadPermissions, absent_u(), 404, "Data source not found");
    check(Doing::WritePermissions, absent_u(), 404, "Data source not found");
    check(Doing::ReadPermissions, down(), 503, "Failed to get permissions");
    check(Doing::WritePermissions, down(), 503, "Failed to set permissions");
    let many = || store::Error::TooMany { what: "permissions", limit: 500 };
    let text = "permissions: one data source has 500 at most; remove some first";
    check(Doing::WritePermissions, many(), 400, text);
    assert_eq!(told(Doing::WritePermissions, many()).1["cause"], "limit_count");
}

#[test]
fn correlations_have_the_texts_of_contract_1_11() {
    let writing = [Doing::AddCorrelation, Doing::UpdateCorrelation, Doing::DeleteCorrelation];
    for doing in writing {
        check(doing, absent_u(), 404, "Data source not found");
        check(doing, store::Error::ReadOnly(uid()), 403, "Data source is read only");
        check(doing, store::Error::NoCorrelation(uid()), 404, "Correlation not found");
        check(doing, Error::NoCorrelation, 404, "Correlation not found");
    }
    for doing in [Doing::ListCorrelations, Doing::ReadCorrelation] {
        check(doing, absent_u(), 404, "Source data source not found");
    }
    check(Doing::ListCorrelations, Error::NoCorrelations, 404, "No correlation found");
    check(Doing::ReadCorrelation, Error::NoCorrelation, 404, "Correlation not found");
    let nothing = "At least one of label, description or config is required";
    check(Doing::UpdateCorrelation, Error::NothingToChange, 400, nothing);
    let (status, body) = told(Doing::UpdateCorrelation, store::Error::NoTarget);
    assert_eq!((status, &body["message"]), (400, &json!("bad request data")));
    assert!(body["detail"].as_str().is_some_and(|detail| detail.contains("targetUID")), "{body}");
    for (doing, message) in [
        (Doing::ListCorrelations, "Failed to get correlations"),
        (Doing::ReadCorrelation, "Failed to get correlation"),
        (Doing::AddCorrelation, "Failed to add correlation"),
        (Doing::UpdateCorrelation, "Failed to update correlation"),
        (Doing::DeleteCorrelation, "Failed to delete correlation"),
    ] {
        check(doing, down(), 503, message);
    }
}

#[test]
fn what_web_refuses_keeps_its_text() {
    check(Doing::Add, Refusal::TooLarge(1), 413, "the body has more than 1 bytes");
    check(Doing::Nothing, Refusal::UnknownRoute, 404, "Not found");
}
