//! The JSON Schema of a request's description.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::description::RequestDescription;
use super::lines::NAMES;

/// Name and value of a header, as a host could have read them.
pub(super) fn headers(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": {
            "type": "array",
            "prefixItems": [
                { "type": "string", "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" },
                { "type": "string", "minLength": 0, "not": { "pattern": "[\\u0000\\r\\n]" } },
            ],
            "minItems": 2,
            "maxItems": 2,
        },
    })
}

/// Any text, also an empty one.
pub(super) fn any_text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 0 })
}

/// The bits left over at the end are zero.
pub(super) fn base64url(_: &mut SchemaGenerator) -> Schema {
    let end = "(?:[A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?";
    json_schema!({
        "type": "string",
        "minLength": 0,
        "pattern": format!("^(?:[A-Za-z0-9_-]{{4}})*{end}$"),
        "not": { "pattern": "[\\r\\n]" },
    })
}

/// Each line begins with its name.
pub(super) fn lines(_: &mut SchemaGenerator) -> Schema {
    let line =
        |name: &&str| json!({ "type": "string", "minLength": 0, "pattern": format!("^{}=", name.replace('.', "\\.")) });
    let lines: Vec<Value> = NAMES.iter().map(line).collect();
    json_schema!({ "type": "array", "prefixItems": lines, "minItems": 20, "maxItems": 20 })
}

/// A request has one body, and what is for an explanation asks for one.
pub(super) fn consistent(schema: &mut Schema) {
    let both = |one: &str, other: &str| json!({ "required": [one, other] });
    let bodies = [both("body", "body_b64url"), both("body", "body_sha256"), both("body_b64url", "body_sha256")];
    schema.insert("not".into(), json!({ "anyOf": bodies }));
    let explained = json!({ "required": ["explain"], "properties": { "explain": { "const": true } } });
    schema.insert("dependentSchemas".into(), json!({ "signer_transcript": explained }));
}

/// The schema, as the types give it.
pub fn schema() -> Value {
    trustplane_core::schema::read::<RequestDescription>(
        "TrustPlane request description",
        "A request in words, and what is asked about it: posted to `trustplane verifier serve`.",
    )
}
