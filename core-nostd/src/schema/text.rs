//! Kinds of strings that readers tell apart; none of these types has a value.
//!
//! Patterns keep to what every dialect has: no look-around, no classes by name. They are anchored
//! with `$`, which in some dialects lets a final line break pass; [`Text`] refuses that.

use alloc::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

const CONTROL: &str = "[\\u0000-\\u001f\\u007f]";
const SPACE: &str = "[ \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
/// What `canonical_path` takes within a segment: visible bytes, and escapes with one reading.
const PATH_BYTE: &str = "(?:[A-Za-z0-9._~!$&'()*+,;=:@\\[\\]-]|%(?:2[0-9A-Ca-c]|3[A-Fa-f]|40|5[BbDdEe]|60|7[B-Db-d]|[89A-Fa-f][0-9A-Fa-f]))";
const HEADER: &str = "^[a-z0-9!#$%&'+.^_`|~-]+$";
const HOST: &str = "(?:[a-z0-9._-]+|\\[[0-9a-f.]*:[0-9a-f:.]*\\])";
const ANY_CASE_HOST: &str = "(?:[A-Za-z0-9._-]+|\\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\\])";
const PORT: &str = "(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?";

macro_rules! kinds {
    ($($(#[$doc:meta])* $vis:vis $name:ident $(needs $needs:ident)?, $inline:literal, $schema:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        $vis enum $name {}

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                $inline
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                $(generator.subschema_for::<$needs>();)?
                let _ = &generator;
                Schema::try_from($schema).unwrap_or_default()
            }
        }
    )+};
}

kinds! {
    /// Any text of a document: not empty, without a control character.
    pub Text, false, json!({ "type": "string", "minLength": 1, "not": { "pattern": CONTROL } });
    /// A text that enters transcripts, where signers trim.
    pub Trimmed, false, json!({ "type": "string", "not": { "pattern": alloc::format!("^{SPACE}|{SPACE}$") } });
    /// Whatever JSON there is, if it can be printed.
    pub FreeForm, false, json!({
        "anyOf": [
            { "type": "string", "minLength": 0, "not": { "pattern": CONTROL } },
            { "type": ["null", "boolean", "integer"], "minimum": -MAX_INTEGER, "maximum": MAX_INTEGER },
            { "type": "array", "items": { "$ref": "#/$defs/FreeForm" } },
            {
                "type": "object",
                "propertyNames": { "not": { "pattern": CONTROL } },
                "additionalProperties": { "$ref": "#/$defs/FreeForm" },
            },
        ],
    });
    /// A ceiling: a plain decimal that is not negative.
    pub Amount, false, json!({
        "anyOf": [
            { "type": "integer", "minimum": 0, "maximum": MAX_INTEGER },
            { "type": "string", "pattern": "^[0-9]+(?:\\.[0-9]+)?$", "maxLength": 64 },
        ],
    });
    /// What a caller must say it is about: `required_<field>` equals the field of the passport's
    /// `context`, and `max_txn_value` is the most that the field of this name may be.
    pub Context needs Amount, false, json!({
        "type": "object",
        "properties": {
            "max_txn_value": { "$ref": "#/$defs/Amount" },
            "required_max_txn_value": { "$ref": "#/$defs/Amount" },
        },
        "additionalProperties": { "type": "string" },
        "propertyNames": {
            "anyOf": [{ "const": "max_txn_value" }, { "pattern": "^required_." }],
            "not": { "pattern": CONTROL },
        },
        "minProperties": 1,
        "not": { "required": ["max_txn_value", "required_max_txn_value"] },
    });
    /// Host, or host:port, in lower case.
    pub Authority, true, json!({ "type": "string", "pattern": alloc::format!("^{HOST}{PORT}$") });
    /// Where callers dial an API: `http(s)://host` or `host:port`; a path is dropped.
    pub BaseUrl, true, json!({
        "type": "string",
        "pattern": alloc::format!("^[Hh][Tt][Tt][Pp][Ss]?://{ANY_CASE_HOST}{PORT}(?:/[^?#]*)?$"),
    });
    /// The name of an Envoy cluster.
    pub ClusterName, true, json!({ "type": "string", "pattern": "^[!-~]+$" });
    /// 32 bytes in lower-case hex.
    pub Digest, true, json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" });
    /// A header, in lower case and without wildcards.
    pub HeaderName, true, json!({ "type": "string", "pattern": HEADER });
    /// The nonce is always covered.
    pub ExemptName, true, json!({
        "type": "string", "pattern": HEADER, "not": { "const": "x-trustplane-nonce" },
    });
    /// Upper-case letters; never CONNECT or TRACE.
    pub Method, true, json!({
        "type": "string", "pattern": "^[A-Z]+$", "not": { "enum": ["CONNECT", "TRACE"] },
    });
    /// RFC 3339 in UTC, whole seconds.
    pub Moment, true, json!({
        "type": "string", "pattern": "^[0-9]{4,}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
        "format": "date-time",
    });
    /// A path; a segment `{name}` stands for any one.
    pub PathTemplate, true, path(&alloc::format!("(?:\\{{[A-Za-z0-9._-]+\\}}|{PATH_BYTE}*)"), "{1,64}");
    /// A path that ends where a segment ends.
    pub PathPrefix, true, path(&alloc::format!("{PATH_BYTE}*"), "{1,64}");
    /// A path in the one form that requests have.
    pub PlainPath, true, path(&alloc::format!("{PATH_BYTE}*"), "+");
    /// 32 bytes as unpadded base64url; the bits left over are zero.
    pub PublicKeyText, false, json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$" });
    /// Ends where a part of a subject does.
    pub SubjectPrefix, true, json!({ "type": "string", "pattern": "[:/]$" });
}

/// The largest integer that every JSON reader takes for the same.
pub(super) const MAX_INTEGER: i64 = crate::json::Value::MAX_INTEGER;

/// A path of so many segments: none empty but the last, none of dots, also before `;`.
fn path(segment: &str, count: &str) -> Value {
    json!({
        "type": "string",
        "pattern": alloc::format!("^(?:/{segment}){count}$"),
        "not": { "anyOf": [{ "pattern": "//" }, { "pattern": "/\\.\\.?(?:[;/]|$)" }] },
    })
}
