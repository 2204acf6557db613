//! Which claims make which role in which organisation: `SOURCEGATE_JWT_RULES`.

use serde_json::Value;
use sourcegate_core::OrgId;

use super::claims::Claims;
use crate::Role;

/// Says what is wrong with the rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRules {
    /// They are not a list of objects.
    #[error(
        "not a JSON list of rules such as {{\"claim\":\"groups\",\"value\":\"ops\",\"org\":1,\"role\":\"Admin\"}}: {0}"
    )]
    Form(String),
    /// There is none, so that every token would be refused.
    #[error("no rule is in the list; every JWT would be refused")]
    None,
    /// One of them, counted from 1, cannot be followed.
    #[error("rule {number}: {what}")]
    Rule {
        /// Which one.
        number: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// Rules, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules(Vec<Rule>);

#[derive(Clone, Debug, PartialEq)]
struct Rule {
    /// A claim and what it must be or contain; none is for everybody.
    condition: Option<(String, Value)>,
    org: OrgId,
    role: Role,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    claim: Option<String>,
    value: Option<Value>,
    org: i64,
    role: String,
}

impl Rules {
    /// Reads rules from their JSON.
    ///
    /// # Errors
    /// [`BadRules`] with the first one that is wrong.
    pub fn parse(text: &str) -> Result<Self, BadRules> {
        let written: Vec<Written> =
            serde_json::from_str(text).map_err(|error| BadRules::Form(error.to_string()))?;
        if written.is_empty() {
            return Err(BadRules::None);
        }
        let numbered = written.into_iter().zip(1..);
        let rules = numbered
            .map(|(rule, number)| Rule::of(rule).map_err(|what| BadRules::Rule { number, what }));
        Ok(Self(rules.collect::<Result<_, _>>()?))
    }

    /// Gives the organisations of the rules that match, in the order of the rules, each with the highest of its roles.
    pub(super) fn roles(&self, claims: &Claims) -> Vec<(OrgId, Role)> {
        let mut roles: Vec<(OrgId, Role)> = Vec::new();
        for rule in self.0.iter().filter(|rule| rule.matches(claims)) {
            match roles.iter_mut().find(|(org, _)| *org == rule.org) {
                Some((_, role)) => *role = rule.role.max(*role),
                None => roles.push((rule.org, rule.role)),
            }
        }
        roles
    }
}

impl Rule {
    fn of(Written { claim, value, org, role }: Written) -> Result<Self, &'static str> {
        let condition = match (claim, value) {
            (None, None) => None,
            (Some(claim), _) if claim.is_empty() => return Err("claim must not be empty"),
            (Some(claim), Some(value @ (Value::String(_) | Value::Number(_) | Value::Bool(_)))) => {
                Some((claim, value))
            }
            (Some(_), Some(_)) => return Err("value must be a text, a number, true or false"),
            _ => return Err("claim and value go together; without both it is for everybody"),
        };
        let org = OrgId::new(org).map_err(|_| "org must be the number of an organisation")?;
        let role = Role::parse(&role).ok_or("role must be None, Viewer, Editor or Admin")?;
        Ok(Self { condition, org, role })
    }

    fn matches(&self, claims: &Claims) -> bool {
        let Some((claim, wanted)) = &self.condition else { return true };
        match claims.find(claim) {
            Some(Value::Array(all)) => all.contains(wanted),
            Some(value) => value == wanted,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(rules: &Value, claims: Value, expected: &[(i64, Role)]) {
        let Value::Object(claims) = claims else { panic!("claims are an object") };
        let found = Rules::parse(&rules.to_string()).unwrap().roles(&Claims::of(claims.clone()));
        let found: Vec<_> =
            found.into_iter().map(|(org, role)| (i64::from(org.get()), role)).collect();
        assert_eq!(found, expected, "{claims:?}");
    }

    #[test]
    fn a_claim_is_the_value_or_a_list_with_it() {
        let rules = json!([
            { "claim": "groups", "value": "ops", "org": 1, "role": "Admin" },
            { "claim": "level", "value": 7, "org": 2, "role": "Editor" },
            { "claim": "email_verified", "value": true, "org": 3, "role": "viewer" },
        ]);
        check(&rules, json!({ "groups": ["dev", "ops"] }), &[(1, Role::Admin)]);
        check(&rules, json!({ "groups": "ops" }), &[(1, Role::Admin)]);
        check(
            &rules,
            json!({ "level": 7, "email_verified": true }),
            &[(2, Role::Editor), (3, Role::Viewer)],
        );
        for none in [
            json!({}),
            json!({ "groups": ["Ops", "ops ", "devops"] }),
            json!({ "groups": "ops dev" }),
            json!({ "groups": { "ops": true } }),
            json!({ "groups": [["ops"]] }),
            json!({ "groups": null, "level": "7", "email_verified": "true" }),
            json!({ "level": 70, "email_verified": false }),
        ] {
            check(&rules, none, &[]);
        }
    }

    #[test]
    fn a_claim_may_be_a_path_or_a_name_with_dots() {
        let rules = json!([
            { "claim": "realm_access.roles", "value": "admin", "org": 1, "role": "Admin" },
            { "claim": "https://a.test/groups", "value": "g", "org": 2, "role": "Viewer" },
        ]);
        check(&rules, json!({ "realm_access": { "roles": ["admin"] } }), &[(1, Role::Admin)]);
        check(&rules, json!({ "realm_access.roles": ["admin"] }), &[(1, Role::Admin)]);
        check(&rules, json!({ "https://a.test/groups": ["g"] }), &[(2, Role::Viewer)]);
        check(&rules, json!({ "realm_access": ["roles"] }), &[]);
        check(&rules, json!({ "realm_access": "roles" }), &[]);
    }

    #[test]
    fn the_highest_role_counts_and_the_first_rule_that_matches_leads() {
        let rules = json!([
            { "claim": "a", "value": 1, "org": 2, "role": "Viewer" },
            { "org": 1, "role": "None" },
            { "claim": "b", "value": 1, "org": 1, "role": "Admin" },
            { "claim": "a", "value": 1, "org": 1, "role": "Viewer" },
        ]);
        check(&rules, json!({}), &[(1, Role::None)]);
        check(&rules, json!({ "a": 1 }), &[(2, Role::Viewer), (1, Role::Viewer)]);
        check(&rules, json!({ "a": 1, "b": 1 }), &[(2, Role::Viewer), (1, Role::Admin)]);
    }

    #[track_caller]
    fn check_refusal(text: &str, expected: &str) {
        let refused = Rules::parse(text).unwrap_err().to_string();
        assert!(refused.contains(expected), "{text}: {refused}");
    }

    #[test]
    fn rules_that_cannot_be_followed_are_refused() {
        check_refusal("", "not a JSON list");
        check_refusal("{}", "not a JSON list");
        check_refusal("[]", "no rule is in the list");
        check_refusal(r#"[{"org":1}]"#, "missing field `role`");
        check_refusal(r#"[{"org":"1","role":"Admin"}]"#, "not a JSON list");
        check_refusal(r#"[{"org":1,"role":"Admin","claims":"a"}]"#, "unknown field `claims`");
        check_refusal(r#"[{"org":1,"role":"Admin"},{"org":0,"role":"Admin"}]"#, "rule 2: org must");
        check_refusal(r#"[{"org":1,"role":"Root"}]"#, "rule 1: role must be");
        check_refusal(r#"[{"claim":"a","org":1,"role":"Admin"}]"#, "rule 1: claim and value go");
        check_refusal(r#"[{"value":"a","org":1,"role":"Admin"}]"#, "rule 1: claim and value go");
        check_refusal(
            r#"[{"claim":"a","value":null,"org":1,"role":"Admin"}]"#,
            "rule 1: claim and",
        );
        check_refusal(r#"[{"claim":"","value":1,"org":1,"role":"Admin"}]"#, "rule 1: claim must");
        check_refusal(
            r#"[{"claim":"a","value":["x"],"org":1,"role":"Admin"}]"#,
            "rule 1: value must",
        );
    }
}
