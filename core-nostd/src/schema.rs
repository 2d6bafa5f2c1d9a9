//! JSON Schemas of the documents, generated from the types that read and write them.
//!
//! A schema helps whoever writes a document; what decides is the reader. Each schema says in its
//! description which of the reader's rules it cannot state.

mod rules;
mod text;
mod tidy;

use alloc::string::String;

use schemars::JsonSchema;
use schemars::generate::{Contract, SchemaSettings};
use schemars::transform::RecursiveTransform;
use serde_json::Value;

use crate::audit::Wire as AuditEvent;
use crate::config::FilterConfig;
use crate::policy::Document as Policy;
use crate::trust::Document as Trust;

pub use rules::by_match_type;
pub(crate) use rules::{by_store, classed_routes, keys_for_bundles, needs_cluster, outcome, policy_form, trust_form};
pub use text::{
    Amount, Authority, BaseUrl, ClusterName, Context, Digest, ExemptName, FreeForm, HeaderName, Method, Moment,
    PathPrefix, PathTemplate, PlainPath, PublicKeyText, SubjectPrefix, Text, Trimmed,
};

/// What every reader of ours does and no schema can say.
const STRICT: &str = "Beyond what a schema can say, a member that stands twice is refused, and so is a number \
    written with a point or an exponent.";

/// The policy bundle.
pub fn policy() -> Value {
    read::<Policy<'static>>(
        "TrustPlane policy bundle",
        "Which callers may use which routes, and on what terms. Refused though this schema takes it: an `api_id` that \
         no API has, an `api_id` or `route_id` listed before, a route without an audience of its own or its API's, \
         a revocation of an issuer that names another as its `issuer`, a signature that does not verify.",
    )
}

/// The trust material.
pub fn trust_material() -> Value {
    read::<Trust<'static>>(
        "TrustPlane trust material",
        "Whose passports are believed, and how far. Refused though this schema takes it: an issuer listed before, a \
         `kid` listed before at its issuer, a `not_before` later than its `not_after`, a public key that is no \
         canonical point of the curve or of small order, a revocation of an issuer that names another as its \
         `issuer`, a signature that does not verify.",
    )
}

/// The filter's configuration.
pub fn filter_config() -> Value {
    read::<FilterConfig<'static>>(
        "TrustPlane filter configuration",
        "One deployment of the filter, with its bundles inline. Refused though this schema takes it: a required \
         header that is exempt, a key that is no canonical point of the curve or of small order, a `timeout_ms` of the \
         source above half its interval, and whatever the schemas of the bundles let pass.",
    )
}

/// One line of the audit log.
pub fn audit_event() -> Value {
    written::<AuditEvent<'static>>(
        "TrustPlane audit event",
        "One decision, one line. Claims stand in it only after the passport's signature verified. No member holds a \
         key, a passport, a proof or a header's value, and there is none besides these.",
    )
}

/// The schema of a document that `T` reads.
pub fn read<T: JsonSchema>(title: &str, description: &str) -> Value {
    let mut text = String::from(description);
    text.push(' ');
    text.push_str(STRICT);
    generate::<T>(Contract::Deserialize, title, &text)
}

fn written<T: JsonSchema>(title: &str, description: &str) -> Value {
    generate::<T>(Contract::Serialize, title, description)
}

fn generate<T: JsonSchema>(contract: Contract, title: &str, description: &str) -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.contract = contract;
    let mut generator = settings.with_transform(RecursiveTransform(tidy::tidy)).into_generator();
    // Plain strings become references to it only after the types were walked.
    generator.subschema_for::<Text>();
    let mut schema = generator.into_root_schema_for::<T>();
    schema.insert("title".into(), title.into());
    schema.insert("description".into(), description.into());
    schema.into()
}
