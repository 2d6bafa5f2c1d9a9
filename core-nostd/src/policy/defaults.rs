use alloc::sync::Arc;

use super::provenance::Requirements;
use super::route::BodyMode;
use crate::binding::KeyBinding;
use crate::document::DocumentError;
use crate::json::{JsonError, one_of};
use crate::query::QueryForm;

/// What holds where a route is silent.
pub(super) struct Defaults<'a> {
    pub(super) required_key_binding: Option<KeyBinding>,
    pub(super) freshness_class: Option<&'a str>,
    pub(super) max_staleness_seconds: Option<u64>,
    pub(super) query_form: QueryForm,
    pub(super) body_mode: BodyMode,
    pub(super) max_body_bytes: Option<u64>,
    pub(super) provenance: Option<Arc<Requirements>>,
}

/// Reads a member whose value is one of a few names.
pub(super) fn named<T>(
    value: Option<&str>,
    member: &str,
    read: impl FnOnce(&str) -> Result<T, JsonError>,
) -> Result<Option<T>, DocumentError> {
    value.map(read).transpose().map_err(|error| error.within(member).into())
}

pub(super) fn query_form(name: &str) -> Result<QueryForm, JsonError> {
    let forms = [QueryForm::Strict, QueryForm::Unambiguous, QueryForm::Compat];
    one_of(&forms.map(|form| (form.as_str(), form)), name)
}

pub(super) fn body_mode(name: &str) -> Result<BodyMode, JsonError> {
    one_of(&[("hashed", BodyMode::Hashed), ("none", BodyMode::None), ("claimed", BodyMode::Claimed)], name)
}

/// Signers trim what enters the transcript: with outer white space no proof would ever match.
pub(super) fn trimmed<'a>(text: &'a str, member: &str) -> Result<&'a str, DocumentError> {
    match text.trim() == text {
        true => Ok(text),
        false => Err(DocumentError::new("", "has outer white space").within(member)),
    }
}
