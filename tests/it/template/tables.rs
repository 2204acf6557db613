//! The tables and the key.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::of_type;

#[test]
fn tables_have_the_keys_that_the_store_spells() {
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
        } else {
            assert_eq!((&expires, recovered), (&Value::Null, &json!(true)), "{name}");
            assert_eq!(table["DeletionPolicy"], "Retain", "{name}");
        }
    }
    let (_, key) = of_type("AWS::KMS::Key").next().expect("a key");
    assert_eq!(key["DeletionPolicy"], "Retain", "without it no secret opens again");
}
