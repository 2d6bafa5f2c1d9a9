//! Signed documents: policy and trust material.

mod signed;

use alloc::format;
use alloc::string::String;
use core::fmt;

use crate::binding::KeyBinding;
use crate::encoding::base64url_array;
use crate::json::{self, JsonError, Object, Value};
use crate::key::PublicKey;

pub(crate) use signed::{Signature, SignedBy};

/// Ed25519 over the RFC 8785 form of the document without its `signature`.
pub(crate) const SIGNED: &str = "ed25519-jcs-v1";
/// What a build writes before anyone signs.
pub(crate) const SKELETON: &str = "unsigned-skeleton";
/// The one member that may hold anything: it informs readers and binds nothing.
const FREE_FORM: &str = "contract_metadata";

/// Whose documents are believed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Pin {
    /// Documents that verify under this key, and no others.
    Key(PublicKey),
    /// Any document of the right shape, signed or not: no signature is checked.
    ///
    /// For development: whoever can write the file grants access. A signed document is taken too,
    /// for it is no worse than a skeleton; the shape of its signature is still checked.
    UnsignedDev,
}

/// Why a document was refused, and exactly where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DocumentError {
    /// RFC 6901; empty for the whole document.
    pub pointer: String,
    /// What is wrong there, in words.
    pub problem: String,
}

/// What the version and kind of a document must be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    pub version: &'static str,
    pub kind: &'static str,
}

/// The text whose Ed25519 signature belongs in `/signature/value`.
///
/// `signed_by` is part of it, so that nobody can re-label a signature; `signature` is not.
pub fn signing_input(document: &Value<'_>) -> Result<String, DocumentError> {
    let object = members(document)?;
    member(object, "signed_by")?;
    Ok(json::canonical_without(object, "signature"))
}

/// Checks form, signature and text; what the members mean is left to the document's own type.
pub(crate) fn check(document: &Value<'_>, form: Form, pin: &Pin) -> Result<(), DocumentError> {
    let object = members(document)?;
    for (name, expected) in [("version", form.version), ("kind", form.kind)] {
        expect(member(object, name)?, expected).map_err(|error| error.within(name))?;
    }
    let signature = member(object, "signature")?;
    check_signature(object, signature, pin)?;
    for (name, value) in object.iter() {
        check_text(name, value, name == FREE_FORM).map_err(|error| error.within(name))?;
    }
    Ok(())
}

fn check_signature(object: &Object<'_>, signature: &Value<'_>, pin: &Pin) -> Result<(), DocumentError> {
    let signed_by = json::decode(member(object, "signed_by")?).map_err(|error| error.within("signed_by"))?;
    let SignedBy { issuer: _issuer, kid: _kid, alg } = signed_by;
    let signature = json::decode(signature).map_err(|error| error.within("signature"))?;
    let Signature { format, value } = signature;
    let unsigned = alg == "none";
    if unsigned && matches!(pin, Pin::Key(_)) {
        return Err(DocumentError::new(
            "/signed_by/alg",
            "expected \"EdDSA\", found \"none\": the document is not signed",
        ));
    }
    if !unsigned && alg != "EdDSA" {
        return Err(DocumentError::new("/signed_by/alg", format!("expected \"EdDSA\", found {alg:?}")));
    }
    let expected = if unsigned { SKELETON } else { SIGNED };
    if format != expected {
        return Err(DocumentError::new("/signature/format", format!("expected {expected:?}, found {format:?}")));
    }
    if unsigned {
        return Ok(());
    }
    let signature = base64url_array::<64>(value.as_bytes())
        .ok_or_else(|| DocumentError::new("/signature/value", "not unpadded base64url of 64 bytes"))?;
    match pin {
        Pin::UnsignedDev => Ok(()),
        Pin::Key(key) if key.verify(json::canonical_without(object, "signature").as_bytes(), &signature) => Ok(()),
        Pin::Key(_) => Err(DocumentError::new("/signature/value", "does not verify under the pinned public key")),
    }
}

/// Strings reach headers, transcripts and logs: none holds a control character, and none is empty.
/// A `null` could be read as absent or as present, so there is none.
pub(crate) fn check_text(name: &str, value: &Value<'_>, free_form: bool) -> Result<(), DocumentError> {
    if has_control(name) {
        return Err(DocumentError::new("", "a control character in the member's name"));
    }
    match value {
        Value::String(text) if has_control(text) => Err(DocumentError::new("", "a control character in the string")),
        Value::String(text) if text.is_empty() && !free_form => Err(DocumentError::new("", "an empty string")),
        Value::Null if !free_form => Err(DocumentError::new("", "expected a value, found null")),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| check_text("", item, free_form).map_err(|error| error.within(index))),
        Value::Object(object) => object
            .iter()
            .try_for_each(|(name, value)| check_text(name, value, free_form).map_err(|error| error.within(name))),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::String(_) => Ok(()),
    }
}

/// The class of this name.
pub(crate) fn key_binding(name: &str) -> Result<KeyBinding, JsonError> {
    json::one_of(&KeyBinding::ALL.map(|class| (class.as_str(), class)), name)
}

fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_control())
}

fn members<'v, 'a>(document: &'v Value<'a>) -> Result<&'v Object<'a>, DocumentError> {
    document.as_object().ok_or_else(|| DocumentError::new("", format!("expected an object, found {}", document.kind())))
}

fn member<'v, 'a>(object: &'v Object<'a>, name: &str) -> Result<&'v Value<'a>, DocumentError> {
    object.get(name).ok_or_else(|| DocumentError::new("", "missing member").within(name))
}

fn expect(value: &Value<'_>, expected: &str) -> Result<(), DocumentError> {
    match value.as_str() {
        Some(text) if text == expected => Ok(()),
        Some(text) => Err(DocumentError::new("", format!("expected {expected:?}, found {text:?}"))),
        None => Err(DocumentError::new("", format!("expected {expected:?}, found {}", value.kind()))),
    }
}

impl DocumentError {
    /// A fault at `pointer`.
    pub fn new(pointer: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), problem: problem.into() }
    }

    /// The same fault, seen from the value that holds this one as `segment`.
    pub fn within(self, segment: impl fmt::Display) -> Self {
        let Self { pointer, problem } = self;
        JsonError { pointer, problem, position: None }.within(segment).into()
    }
}

impl From<JsonError> for DocumentError {
    fn from(JsonError { pointer, problem, position: _ }: JsonError) -> Self {
        Self { pointer, problem }
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        json::write_fault(f, &self.pointer, &self.problem, None)
    }
}

impl core::error::Error for DocumentError {}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;
    use crate::json::Limits;

    const FORM: Form = Form { version: "v1", kind: "thing" };
    const DOCUMENT: &str = r#"{"kind":"thing","version":"v1","value":[1,"é"],"contract_metadata":{"a":null,"b":""},
        "signed_by":{"issuer":"i","kid":"k","alg":"EdDSA"},"signature":{"format":"ed25519-jcs-v1","value":"VALUE"}}"#;

    /// Made over the canonical text by another implementation, for the seed of 32 sevens.
    const SIGNATURE: &str = "neDihbRmBz4Zy_zXKMBg04TgHPYDLUJwqsdTXEDW5rH4KVqGoum_oemPNpSkIppMMw2H8V4ZN9RqM2dPdtAiAg";
    const SIGNER: &str = "6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw";
    const OTHER: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn pin(key: &str) -> Pin {
        Pin::Key(PublicKey::from_base64url(key).unwrap())
    }

    fn signed() -> String {
        DOCUMENT.replace("VALUE", SIGNATURE)
    }

    fn judge(text: &str, pin: &Pin) -> Result<(), String> {
        let document = json::parse(text.as_bytes(), Limits::DOCUMENT).unwrap();
        check(&document, FORM, pin).map_err(|error| error.to_string())
    }

    #[test]
    fn the_signature_covers_everything_but_itself() {
        let document = json::parse(DOCUMENT.as_bytes(), Limits::DOCUMENT).unwrap();
        assert_eq!(
            signing_input(&document).unwrap(),
            r#"{"contract_metadata":{"a":null,"b":""},"kind":"thing","signed_by":{"alg":"EdDSA","issuer":"i","kid":"k"},"value":[1,"é"],"version":"v1"}"#
        );
        assert_eq!(judge(&signed(), &pin(SIGNER)), Ok(()));
        let broken = Err("/signature/value: does not verify under the pinned public key".to_string());
        for (from, to) in [("[1,", "[2,"), (r#""kid":"k""#, r#""kid":"l""#), (r#""b":"""#, r#""b":"c""#)] {
            assert_eq!(judge(&signed().replace(from, to), &pin(SIGNER)), broken);
        }
        assert_eq!(judge(&signed(), &pin(OTHER)), broken);
    }

    #[test]
    fn white_space_and_order_are_not_part_of_what_is_signed() {
        let reordered = signed().replace(r#""kind":"thing","version":"v1","#, r#""version" : "v1", "kind":"thing","#);
        assert_eq!(judge(&reordered, &pin(SIGNER)), Ok(()));
    }

    #[test]
    fn a_skeleton_stands_only_where_unsigned_documents_are_allowed() {
        let skeleton = DOCUMENT.replace("EdDSA", "none").replace("ed25519-jcs-v1", "unsigned-skeleton");
        assert_eq!(judge(&skeleton, &Pin::UnsignedDev), Ok(()));
        assert_eq!(
            judge(&skeleton, &pin(SIGNER)),
            Err("/signed_by/alg: expected \"EdDSA\", found \"none\": the document is not signed".into())
        );
        assert_eq!(judge(&signed(), &Pin::UnsignedDev), Ok(()));
        assert_eq!(
            judge(&signed().replace("EdDSA", "none"), &Pin::UnsignedDev),
            Err("/signature/format: expected \"unsigned-skeleton\", found \"ed25519-jcs-v1\"".into())
        );
    }

    #[test]
    fn faults_are_named_with_their_place() {
        for (from, to, error) in [
            ("\"v1\"", "\"v2\"", "/version: expected \"v1\", found \"v2\""),
            ("\"v1\"", "1", "/version: expected \"v1\", found an integer"),
            ("\"kind\":\"thing\",", "", "/kind: missing member"),
            ("\"signed_by\"", "\"signed\"", "/signed_by: missing member"),
            ("\"signature\"", "\"sig\"", "/signature: missing member"),
            ("EdDSA", "HS256", "/signed_by/alg: expected \"EdDSA\", found \"HS256\""),
            (",\"kid\":\"k\"", "", "/signed_by/kid: missing member"),
            ("\"kid\":\"k\"", "\"kid\":\"k\",\"x\":1", "/signed_by/x: unknown member"),
            ("ed25519-jcs-v1", "ed25519", "/signature/format: expected \"ed25519-jcs-v1\", found \"ed25519\""),
            ("\"value\":\"VALUE\"", "\"value\":7", "/signature/value: expected a string, found an integer"),
            ("VALUE", "AAAA", "/signature/value: not unpadded base64url of 64 bytes"),
        ] {
            assert_eq!(judge(&DOCUMENT.replacen(from, to, 1), &pin(SIGNER)), Err(error.into()));
        }
        assert_eq!(judge("[]", &pin(SIGNER)), Err("expected an object, found an array".into()));
    }

    #[test]
    fn texts_are_plain() {
        for (value, error) in [
            (r#"[0,{"x":""}]"#, "/value/1/x: an empty string"),
            (r#"{"x":"a\u007f"}"#, "/value/x: a control character in the string"),
            (r#"{"\n":1}"#, "/value/\\u{a}: a control character in the member's name"),
            ("null", "/value: expected a value, found null"),
        ] {
            let text = signed().replace(r#"[1,"é"]"#, value);
            assert_eq!(judge(&text, &Pin::UnsignedDev), Err(error.into()));
        }
        let text = signed().replace(r#""b":"""#, r#""b":"\u0000""#);
        assert_eq!(
            judge(&text, &Pin::UnsignedDev),
            Err("/contract_metadata/b: a control character in the string".into())
        );
    }
}
