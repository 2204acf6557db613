//! What roles and bindings are read as, and in whose words they are refused.

use super::*;

#[track_caller]
fn check_role(kind: DocumentKind, spec: &str, expected: Result<&str, &str>) {
    let found = RoleSpec::parse(kind, spec).map_err(|bad| bad.to_string());
    let found = found.as_ref().map(|spec| spec.text().as_str().to_owned());
    assert_eq!(found.as_deref().map_err(|bad| bad.as_str()), expected, "{spec}");
}

#[track_caller]
fn check_binding(spec: &str, expected: Result<&str, &str>) {
    let found = BindingSpec::parse(spec).map_err(|bad| bad.to_string());
    let found = found.as_ref().map(|spec| spec.text().as_str().to_owned());
    assert_eq!(found.as_deref().map_err(|bad| bad.as_str()), expected, "{spec}");
}

fn with(actions: &str, scopes: &str) -> String {
    format!(r#"{{"permissions":[{{"actions":[{actions}],"scopes":[{scopes}]}}]}}"#)
}

#[test]
fn perses_4_3_roles_are_read_in_any_case() {
    let sent = with(r#""READ","*""#, r#""dashBoard","Folder","*""#);
    let kept = with(r#""read","*""#, r#""Dashboard","Folder","*""#);
    check_role(DocumentKind::Role, &sent, Ok(&kept));
    check_role(DocumentKind::Role, r#"{"permissions":[]}"#, Ok(r#"{"permissions":[]}"#));
    for kind in DocumentKind::ALL {
        let all = with(r#""read""#, &format!("{:?}", kind.as_str()));
        check_role(DocumentKind::GlobalRole, &all, Ok(&all));
    }
}

#[test]
fn perses_4_3_bad_roles_are_refused_in_its_words() {
    let kind = DocumentKind::GlobalRole;
    check_role(kind, "{}", Err("spec cannot be empty"));
    check_role(kind, &with("", r#""*""#), Err("permission actions cannot be empty"));
    check_role(kind, &with(r#""*""#, ""), Err("permission scopes cannot be empty"));
    check_role(kind, &with(r#""write""#, r#""*""#), Err("\"write\" has no associated struct"));
    check_role(kind, &with(r#""*""#, r#""Team""#), Err("unknown scope \"Team\" used"));
}

#[test]
fn perses_4_3_a_project_s_role_stays_within_the_project() {
    for scope in ["GlobalDatasource", "GlobalRole", "GlobalRoleBinding", "GlobalSecret"] {
        let said = format!("invalid scope: \"{scope}\" for a Role scope");
        check_role(DocumentKind::Role, &with(r#""*""#, &format!("{scope:?}")), Err(&said));
    }
    for scope in ["User", "GlobalVariable"] {
        let said = format!("invalid scope: \"{scope}\" for a Role scope");
        check_role(DocumentKind::Role, &with(r#""*""#, &format!("{scope:?}")), Err(&said));
    }
    let project = with(r#""delete""#, r#""Project""#);
    check_role(DocumentKind::Role, &project, Ok(&project));
}

#[test]
fn perses_4_3_bindings_name_users() {
    let sent = r#"{"role":"Viewer","subjects":[{"kind":"user","name":"Bob"}]}"#;
    let kept = r#"{"role":"viewer","subjects":[{"kind":"User","name":"Bob"}]}"#;
    check_binding(sent, Ok(kept));
    check_binding("{}", Err("rolebinding role cannot be empty"));
    check_binding(r#"{"role":"a"}"#, Err("rolebinding subjects cannot be empty"));
    let with = |subject: &str| format!(r#"{{"role":"a","subjects":[{subject}]}}"#);
    let said = "invalid kind: \"Group\" for a Subject kind";
    check_binding(&with(r#"{"kind":"Group","name":"a"}"#), Err(said));
    check_binding(&with(r#"{"kind":"User"}"#), Err("subject name cannot be empty"));
    let many = [r#"{"kind":"User","name":"a"}"#; 101].join(",");
    let said = "a binding has at most 100 subjects, not 101; make another one";
    check_binding(&with(&many), Err(said));
}
