//! The full documents have every member that the schemas know: what is added to a type is judged as well.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::shipped::schemas;
use crate::valid::{events, full};

fn known(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                names.extend(properties.keys().cloned());
            }
            members.values().for_each(|member| known(member, names));
        }
        Value::Array(items) => items.iter().for_each(|item| known(item, names)),
        _ => {}
    }
}

fn used(document: &Value, names: &mut BTreeSet<String>) {
    match document {
        Value::Object(members) => {
            names.extend(members.keys().cloned());
            members.values().for_each(|member| used(member, names));
        }
        Value::Array(items) => items.iter().for_each(|item| used(item, names)),
        _ => {}
    }
}

#[test]
fn every_member_that_a_schema_knows_stands_in_a_full_document() {
    for (name, schema) in schemas() {
        let (mut all, mut there) = (BTreeSet::new(), BTreeSet::new());
        known(&schema, &mut all);
        for case in full().iter().filter(|case| case.schema == name) {
            used(&case.document, &mut there);
        }
        if name == "audit-event" {
            events().iter().for_each(|event| used(event, &mut there));
        }
        let missing: Vec<_> = all.difference(&there).collect();
        assert!(missing.is_empty() && !all.is_empty(), "{name}: {missing:?}");
    }
}
