//! Rules about several members of one object.

use alloc::vec::Vec;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::text::{PathPrefix, PathTemplate};
use crate::binding::KeyBinding;
use crate::document::{Form, SIGNED, SKELETON};
use crate::query::QueryForm;
use crate::reason::Reason;

/// One of these names.
fn names<'n>(names: impl IntoIterator<Item = &'n str>) -> Schema {
    json_schema!({ "type": "string", "enum": names.into_iter().collect::<Vec<_>>() })
}

impl JsonSchema for KeyBinding {
    fn schema_name() -> alloc::borrow::Cow<'static, str> {
        "KeyBinding".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = names(Self::ALL.map(Self::as_str));
        let text = "How firmly a caller's proof key is bound to it, weakest first.";
        schema.insert("description".into(), text.into());
        schema
    }
}

impl JsonSchema for QueryForm {
    fn schema_name() -> alloc::borrow::Cow<'static, str> {
        "QueryForm".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        names([Self::Strict, Self::Unambiguous, Self::Compat].map(Self::as_str))
    }
}

impl JsonSchema for Reason {
    fn schema_name() -> alloc::borrow::Cow<'static, str> {
        "Reason".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let known = |reason: &Self| json!({ "const": reason.as_str(), "description": reason.explain() });
        json_schema!({ "oneOf": Self::ALL.iter().map(known).collect::<Vec<_>>() })
    }
}

pub(crate) fn policy_form(schema: &mut Schema) {
    signed(schema, crate::policy::FORM);
}

pub(crate) fn trust_form(schema: &mut Schema) {
    signed(schema, crate::trust::FORM);
}

/// `version`, `kind` and signature of a document.
fn signed(schema: &mut Schema, form: Form) {
    for (name, expected) in [("version", form.version), ("kind", form.kind)] {
        if let Some(member) = schema.pointer_mut(&alloc::format!("/properties/{name}")) {
            *member = json!({ "const": expected });
        }
    }
    by_signer(schema);
}

/// An unsigned skeleton says so twice, and so does a signed document.
fn by_signer(schema: &mut Schema) {
    let case = |alg: &str, signature: Value| {
        json!({ "properties": {
            "signed_by": { "properties": { "alg": { "const": alg } } },
            "signature": { "properties": signature },
        } })
    };
    // 64 bytes; the bits left over are zero.
    let value = json!({ "pattern": "^[A-Za-z0-9_-]{85}[AQgw]$" });
    let signed = case("EdDSA", json!({ "format": { "const": SIGNED }, "value": value }));
    let skeleton = case("none", json!({ "format": { "const": SKELETON } }));
    schema.insert("oneOf".into(), json!([signed, skeleton]));
}

/// Where the bundle names no class, every route does.
pub(crate) fn classed_routes(schema: &mut Schema) {
    let routes = json!({ "items": { "required": ["required_key_binding"] } });
    let groups = json!({ "items": { "properties": { "routes": routes } } });
    schema.insert(
        "anyOf".into(),
        json!([{ "required": ["default_required_key_binding"] }, { "properties": { "route_groups": groups } }]),
    );
}

/// A prefix has no braces and ends where a segment does.
pub fn by_match_type(schema: &mut Schema) {
    let mut generator = SchemaGenerator::default();
    let mut prefix = PathPrefix::json_schema(&mut generator);
    prefix.insert("anyOf".into(), json!([{ "const": "/" }, { "pattern": "[^/]$" }]));
    let path = |path: Schema| json!({ "properties": { "path_template": path } });
    let is_prefix = json!({ "properties": { "match_type": { "const": "PathPrefix" } }, "required": ["match_type"] });
    schema.insert("if".into(), is_prefix);
    schema.insert("then".into(), path(prefix));
    schema.insert("else".into(), path(PathTemplate::json_schema(&mut generator)));
}

/// Each replay store has members of its own; the memory of one Envoy serves one.
pub(crate) fn by_store(schema: &mut Schema) {
    let shared = json!({
        "store": { "const": "shared_data" }, "multi_replica": { "const": false }, "replicas": { "const": 1 },
        "cluster": false, "authority": false, "path": false, "timeout_ms": false,
    });
    let callout = json!({ "store": { "const": "callout" }, "cold_margin_seconds": false, "bucket_bytes": false });
    schema.insert(
        "oneOf".into(),
        json!([{ "properties": shared }, { "properties": callout, "required": ["cluster", "authority"] }]),
    );
}

/// A key that is named is held to; one that is not, only development can do without.
pub(crate) fn keys_for_bundles(schema: &mut Schema) {
    let pinned = |bundle: &str, key: &str| {
        let signed = json!({ "properties": { "signed_by": { "properties": { "alg": { "const": "EdDSA" } } } } });
        let unsigned = json!({
            "properties": { "allow_unsigned_dev_bundles": { "const": true } },
            "required": ["allow_unsigned_dev_bundles"],
        });
        json!({ "if": { "required": [key] }, "then": { "properties": { bundle: signed } }, "else": unsigned })
    };
    let policy = pinned("policy_bundle", "policy_bundle_signature_public_key");
    let named = json!({ "anyOf": [{ "required": ["policy_bundle"] }, { "required": ["bundle_source"] }] });
    schema.insert(
        "allOf".into(),
        json!([
            pinned("trust_bundle", "trust_bundle_signature_public_key"),
            { "if": named, "then": policy },
        ]),
    );
    // Both documents come with the configuration, or a source brings both.
    schema.insert("anyOf".into(), json!([{ "required": ["trust_bundle"] }, { "required": ["bundle_source"] }]));
    schema.insert("dependentRequired".into(), json!({ "policy_bundle": ["trust_bundle"] }));
}

/// A source without a cluster is none.
pub(crate) fn needs_cluster(schema: &mut Schema) {
    schema.insert("required".into(), json!(["cluster"]));
    if let Some(member) = schema.pointer_mut("/properties/cluster").and_then(Value::as_object_mut) {
        member.remove("default");
    }
}

/// `outcome` and `accepted` say the same, and so does the reason.
pub(crate) fn outcome(schema: &mut Schema) {
    let allows = [Reason::RequestAllowed, Reason::BrokerPassportIssued].map(Reason::as_str);
    let case = |outcome: &str, accepted: bool, reason: Value| {
        json!({ "properties": {
            "outcome": { "const": outcome }, "accepted": { "const": accepted }, "reason_code": reason,
        } })
    };
    let allow = case("allow", true, json!({ "enum": allows }));
    let deny = case("deny", false, json!({ "not": { "enum": allows } }));
    schema.insert("oneOf".into(), json!([allow, deny]));
}
