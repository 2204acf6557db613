//! The tables and the key.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::of_type;

#[test]
fn tables_have_the_keys_that_the_store_spells_and_nothing_is_lost_with_the_stack() {
    let tables: BTreeMap<_, _> = of_type("AWS::DynamoDB::Table").collect();
    let names: Vec<_> = tables.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["Access", "Registry", "Scratch"]);
    for (name, table) in tables {
        let properties = &table["Properties"];
        let keys = json!([
            { "AttributeName": "pk", "KeyType": "HASH" },
            { "AttributeName": "sk", "KeyType": "RANGE" },
        ]);
        assert_eq!(properties["KeySchema"], keys, "{name}");
        assert_eq!(properties["BillingMode"], "PAY_PER_REQUEST", "{name}");
        let expires = properties["TimeToLiveSpecification"].clone();
        let recovered =
            &properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"];
        if name == "Scratch" {
            assert_eq!(expires, json!({ "AttributeName": "expires", "Enabled": true }));
            assert_eq!(recovered, &Value::Null);
            assert_eq!(properties["DeletionProtectionEnabled"], Value::Null);
        } else {
            assert_eq!((&expires, recovered), (&Value::Null, &json!(true)), "{name}");
            assert_eq!(table["DeletionPolicy"], "Retain", "{name}");
            let by_parameter = json!({ "Ref": "DeletionProtection" });
            assert_eq!(properties["DeletionProtectionEnabled"], by_parameter, "{name}");
        }
    }
    let logs: Vec<_> = of_type("AWS::Logs::LogGroup").collect();
    let [(group, log)] = logs[..] else { panic!("{logs:?}") };
    assert_eq!(log["Properties"]["RetentionInDays"], json!({ "Ref": "LogRetentionDays" }));
    for (name, function) in of_type("AWS::Lambda::Function") {
        let own = &function["Properties"]["LoggingConfig"]["LogGroup"];
        assert_eq!(own, &json!({ "Ref": group }), "{name}");
    }
    let (_, key) = of_type("AWS::KMS::Key").next().expect("a key");
    assert_eq!(key["DeletionPolicy"], "Retain", "without it no secret opens again");
    assert_eq!(key["Properties"]["EnableKeyRotation"], true);
}
