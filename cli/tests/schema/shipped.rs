//! `cli/schemas/` is what the types give: run with TRUSTPLANE_BLESS=1 to write it anew.

use std::fs;
use std::process::Command;

use serde_json::Value;
use trustplane_core::schema;

use crate::tool::repository;

/// Every schema by the name that the command line knows it under.
pub fn schemas() -> [(&'static str, Value); 8] {
    [
        ("policy", schema::policy()),
        ("trust-material", schema::trust_material()),
        ("authoring", trustplane::authoring::schema()),
        ("filter-config", schema::filter_config()),
        ("broker-policy", trustplane_broker::policy_schema()),
        ("passport-request", trustplane::issuer::schema()),
        ("request-description", trustplane::judge::schema()),
        ("audit-event", schema::audit_event()),
    ]
}

#[test]
fn the_shipped_schemas_are_those_of_the_types_byte_for_byte() {
    for (name, schema) in schemas() {
        let path = repository(&format!("cli/schemas/{name}.json"));
        let text = format!("{schema:#}\n");
        if std::env::var_os("TRUSTPLANE_BLESS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let shipped = fs::read_to_string(&path).unwrap_or_default();
        assert!(shipped == text, "{} differs from what the types give", path.display());
    }
}

#[test]
fn the_command_line_prints_the_shipped_schemas() {
    for (name, _) in schemas() {
        let ran = Command::new(env!("CARGO_BIN_EXE_trustplane")).args(["schema", name]).output().unwrap();
        assert!(ran.status.success());
        assert_eq!(ran.stdout, fs::read(repository(&format!("cli/schemas/{name}.json"))).unwrap(), "{name}");
    }
}
