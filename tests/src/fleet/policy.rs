//! What AWS would let a function do: its own policies, enforced action by action and resource by resource.

use std::collections::BTreeMap;

use serde_json::Value;

/// The statements of a role, with the names that its resources have here.
#[derive(Clone, Debug)]
pub struct Policy {
    statements: Vec<Value>,
    /// Logical ids of the template, and the names of tables and the id of the key.
    names: BTreeMap<String, String>,
    deployment: String,
}

/// One right that a call needs.
#[derive(Debug, PartialEq, Eq)]
struct Need {
    action: String,
    resource: String,
    /// What conditions compare: condition keys and their values.
    context: BTreeMap<String, String>,
}

impl Policy {
    /// Makes one of the statements of an expanded template, for a deployment. `names` gives each logical id its name.
    #[must_use]
    pub fn new(statements: Vec<Value>, names: BTreeMap<String, String>, deployment: &str) -> Self {
        Self { statements, names, deployment: deployment.to_owned() }
    }

    /// Tells which right a call lacks, as AWS words it; none if it may be made.
    #[must_use]
    pub fn refusal(&self, target: &str, body: &Value) -> Option<String> {
        let needs = needs(target, body);
        if needs.is_empty() {
            return Some(format!("is not authorized to perform: {target}"));
        }
        let missing = needs.into_iter().find(|need| !self.allows(need));
        missing.map(|need| {
            format!("is not authorized to perform: {} on resource: {}", need.action, need.resource)
        })
    }

    fn allows(&self, need: &Need) -> bool {
        let matching = |effect: &str| {
            self.statements.iter().any(|one| one["Effect"] == effect && self.is_about(one, need))
        };
        matching("Allow") && !matching("Deny")
    }

    fn is_about(&self, statement: &Value, need: &Need) -> bool {
        let actions = &statement["Action"];
        let named = |action: &Value| action.as_str() == Some(&need.action);
        let acts = actions.as_array().map_or_else(|| named(actions), |all| all.iter().any(named));
        let resource = &statement["Resource"];
        let id = resource["Fn::GetAtt"][0].as_str().and_then(|id| self.names.get(id));
        let is_there = resource == "*" || id == Some(&need.resource);
        acts && is_there && self.holds(&statement["Condition"], need)
    }

    /// Knows the one operator that the template has; any other holds for nobody.
    fn holds(&self, condition: &Value, need: &Need) -> bool {
        let Some(operators) = condition.as_object() else { return condition.is_null() };
        operators.iter().all(|(operator, pairs)| {
            let compared = pairs.as_object().filter(|_| operator == "StringEquals");
            compared.is_some_and(|pairs| {
                pairs.iter().all(|(key, wanted)| {
                    let wanted = match wanted["Ref"].as_str() {
                        Some("Deployment") => Some(self.deployment.as_str()),
                        _ => wanted.as_str(),
                    };
                    wanted.is_some() && need.context.get(key).map(String::as_str) == wanted
                })
            })
        })
    }
}

/// The rights that AWS asks of a call; none of an operation that no function makes.
fn needs(target: &str, body: &Value) -> Vec<Need> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let on = |action: &str, resource: String, context: BTreeMap<String, String>| Need {
        action: action.to_owned(),
        resource,
        context,
    };
    let plain = BTreeMap::new;
    match target.split_once('.') {
        Some((_, operation @ ("GetItem" | "Query" | "PutItem" | "UpdateItem" | "DeleteItem")))
            if target.starts_with("DynamoDB") =>
        {
            vec![on(&format!("dynamodb:{operation}"), text(&body["TableName"]), plain())]
        }
        Some((_, "BatchGetItem")) => {
            let tables = body["RequestItems"].as_object().into_iter().flat_map(|all| all.keys());
            tables.map(|table| on("dynamodb:BatchGetItem", table.clone(), plain())).collect()
        }
        Some((_, "TransactWriteItems")) => {
            let parts = body["TransactItems"].as_array().into_iter().flatten();
            let parts = parts.filter_map(Value::as_object).flatten();
            parts
                .map(|(what, part)| {
                    let action = match what.as_str() {
                        "ConditionCheck" => "dynamodb:ConditionCheckItem".to_owned(),
                        other => format!("dynamodb:{other}Item"),
                    };
                    on(&action, text(&part["TableName"]), plain())
                })
                .collect()
        }
        Some(("TrentService", operation)) => {
            let pairs = body["EncryptionContext"].as_object().into_iter().flatten();
            let pairs =
                pairs.map(|(name, value)| (format!("kms:EncryptionContext:{name}"), text(value)));
            let mut context: BTreeMap<_, _> = pairs.collect();
            if body["KeyPairSpec"].is_string() {
                context.insert("kms:DataKeyPairSpec".to_owned(), text(&body["KeyPairSpec"]));
            }
            vec![on(&format!("kms:{operation}"), text(&body["KeyId"]), context)]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy() -> Policy {
        let statements = vec![
            json!({ "Effect": "Allow", "Action": ["dynamodb:BatchGetItem", "dynamodb:PutItem"],
                "Resource": { "Fn::GetAtt": ["Registry", "Arn"] } }),
            json!({ "Effect": "Allow", "Action": "dynamodb:BatchGetItem",
                "Resource": { "Fn::GetAtt": ["Access", "Arn"] } }),
            json!({ "Effect": "Allow", "Action": "kms:Decrypt",
                "Resource": { "Fn::GetAtt": ["Key", "Arn"] },
                "Condition": { "StringEquals": { "kms:EncryptionContext:deployment": { "Ref": "Deployment" } } } }),
            json!({ "Effect": "Deny", "Action": "ec2:CreateNetworkInterface", "Resource": "*" }),
        ];
        let names = [("Access", "a"), ("Registry", "r"), ("Key", "k")];
        let names = names.map(|(id, name)| (id.to_owned(), name.to_owned()));
        Policy::new(statements, names.into(), "prod")
    }

    #[track_caller]
    fn check(target: &str, body: &Value, lacks: Option<&str>) {
        let refusal = policy().refusal(target, body);
        let expected = lacks.map(|what| format!("is not authorized to perform: {what}"));
        assert_eq!(refusal, expected, "{target} {body}");
    }

    #[test]
    fn each_table_of_a_call_and_each_part_of_a_transaction_needs_its_right() {
        let batch = |tables: &[&str]| {
            let items: serde_json::Map<_, _> =
                tables.iter().map(|table| ((*table).to_owned(), json!({}))).collect();
            json!({ "RequestItems": items })
        };
        check("DynamoDB_20120810.BatchGetItem", &batch(&["a", "r"]), None);
        let lacks = Some("dynamodb:BatchGetItem on resource: s");
        check("DynamoDB_20120810.BatchGetItem", &batch(&["a", "s"]), lacks);
        let put = json!({ "TableName": "r" });
        check("DynamoDB_20120810.PutItem", &put, None);
        let lacks = Some("dynamodb:PutItem on resource: a");
        check("DynamoDB_20120810.PutItem", &json!({ "TableName": "a" }), lacks);
        let both = json!({ "TransactItems": [{ "Put": put }, { "ConditionCheck": put }] });
        let lacks = Some("dynamodb:ConditionCheckItem on resource: r");
        check("DynamoDB_20120810.TransactWriteItems", &both, lacks);
        check("DynamoDB_20120810.Scan", &put, Some("DynamoDB_20120810.Scan"));
    }

    #[test]
    fn a_key_is_for_its_context() {
        let decrypt = |deployment: &str| json!({ "KeyId": "k", "EncryptionContext": { "deployment": deployment, "org": "1" } });
        check("TrentService.Decrypt", &decrypt("prod"), None);
        let lacks = Some("kms:Decrypt on resource: k");
        check("TrentService.Decrypt", &decrypt("dev"), lacks);
        check("TrentService.Decrypt", &json!({ "KeyId": "k" }), lacks);
        let other = Some("kms:Encrypt on resource: k");
        check("TrentService.Encrypt", &decrypt("prod"), other);
    }
}
