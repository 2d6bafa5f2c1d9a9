//! The JSON Schema of an authoring file.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::types::Authoring;

/// Unix seconds, or RFC 3339 in UTC.
#[derive(Debug)]
pub(super) enum Moment {}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let date = "(?:19[7-9][0-9]|[2-9][0-9]{3})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])";
        let time = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?";
        json_schema!({
            "description": "Unix seconds, or a time such as 2026-01-31T00:00:00Z.",
            "anyOf": [
                { "type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_992_u64 },
                { "type": "string", "pattern": format!("^(?:[0-9]{{1,15}}|{date}T{time}Z)$") },
            ],
        })
    }
}

/// Where the defaults name no freshness, every route does.
pub(super) fn fresh_routes(schema: &mut Schema) {
    let routes = json!({ "items": { "required": ["freshness_class"] } });
    let apis = json!({ "items": { "properties": { "routes": routes } } });
    let defaults =
        json!({ "required": ["defaults"], "properties": { "defaults": { "required": ["freshness_class"] } } });
    schema.insert("anyOf".into(), json!([defaults, { "properties": { "apis": apis } }]));
}

/// The schema, as the types give it.
pub fn schema() -> Value {
    trustplane_core::schema::read::<Authoring>(
        "TrustPlane authoring file",
        "A policy and the keys it trusts, as their author writes them, in JSON, YAML or TOML. Refused though this \
         schema takes it: an issuer, a `kid`, an `api_id` or a `route_id` listed before, a caller whose `issuer` is \
         not listed or that `may_call` a route that is not, a route without an audience of its own or its API's, a \
         `not_before` later than its `not_after`, a day that its month has not, a key that is no canonical point of \
         the curve or of small order, a revocation of an issuer that names another as its `issuer`, a key set that \
         cannot be read or holds no Ed25519 key.",
    )
}
