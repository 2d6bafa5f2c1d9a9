use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a caller sends.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// [`VERSION`](super::VERSION).
    pub version: String,
    /// [`KIND`](super::KIND).
    pub kind: String,
    /// The request itself.
    pub request: Request,
}

/// One request to be allowed to make one request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Chosen by the caller, echoed in the response.
    pub request_id: String,
    /// [`PROTOCOL`](super::PROTOCOL).
    pub protocol: String,
    /// [`OPERATION`](super::OPERATION).
    pub operation: String,
    /// The HTTP request that is to be made.
    pub http: Http,
    /// The class of signer that is wanted.
    pub key_binding: Wish,
    /// What the caller says of its purpose.
    pub ctx: Ctx,
}

/// The HTTP request, in the forms of the transcript.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Upper case.
    pub method: String,
    /// Lower case.
    pub scheme: String,
    /// Lower case, port as given.
    pub authority: String,
    /// As it will be sent.
    pub path: String,
    /// Lower case, `identity` when there is none.
    pub content_encoding: String,
    /// The query.
    pub query: Query,
    /// The covered headers, by hash alone: the broker never sees a value.
    pub headers: Headers,
    /// The audience of the route.
    pub audience: String,
    /// The route.
    pub route_id: String,
    /// Lower-case hex.
    pub body_sha256: String,
    /// Good once.
    pub nonce: String,
}

/// The query, raw and normalised; the broker computes the latter again.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Without a leading `?`.
    pub raw: String,
    /// [`NORMALIZATION`](super::NORMALIZATION).
    pub normalization: String,
    /// The normal form of `raw`.
    pub normalized: String,
    /// Lower-case hex of the normal form's SHA-256.
    pub sha256: String,
}

/// The covered headers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Headers {
    /// Lower-case names, sorted.
    pub allow_list: Vec<String>,
    /// The same names with the hashes of their values.
    pub selected: Vec<Selected>,
}

/// A covered header.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Selected {
    /// Lower-case name.
    pub name: String,
    /// Lower-case hex of the trimmed value's SHA-256.
    pub value_sha256: String,
}

/// The class of signer that is wanted, and what would do instead.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// [`INTENT`](super::INTENT).
    pub intent: String,
    /// The class asked for.
    pub requested_key_binding: String,
    /// Classes that would do.
    pub acceptable_key_bindings: Vec<String>,
    /// Whether `software` would do, too.
    pub allow_software_fallback: bool,
}

/// What the caller says of its purpose.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ctx {
    /// Names of the values that enter the passport.
    pub selected_fields: Vec<String>,
    /// Values by name; those not selected stay out.
    pub values: BTreeMap<String, String>,
}
