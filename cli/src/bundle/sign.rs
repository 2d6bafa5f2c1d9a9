use trustplane_broker::SigningKey;
use trustplane_core::json::{self, Limits, Object, Value};
use trustplane_core::{DocumentError, Pin, Policy, Trust, UnixTime, base64url, signing_input};

use super::edit::Edit;
use super::span::Node;
use crate::value::{Json, pretty, value};

/// What only building and signing may write.
const ENVELOPE: [&str; 4] = ["version", "kind", "signed_by", "signature"];

/// Which of the two documents.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Which callers may use which route.
    Policy,
    /// Whose passports are believed.
    Trust,
}

/// Who signs a document, and when.
#[derive(Debug)]
pub struct Signer<'a> {
    /// Its private half signs.
    pub key: &'a SigningKey,
    /// `signed_by.issuer`.
    pub issuer: &'a str,
    /// `signed_by.kid`.
    pub kid: &'a str,
    /// `issued_at`.
    pub issued_at: UnixTime,
}

impl Kind {
    /// What a document says it is.
    pub fn of(document: &Value<'_>) -> Option<Self> {
        let kind = document.as_object()?.get("kind")?.as_str()?;
        [Self::Policy, Self::Trust].into_iter().find(|known| known.name() == kind)
    }

    /// The `kind` member.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy_runtime_bundle",
            Self::Trust => "trust_material_bundle",
        }
    }

    /// The `version` member.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Policy => "trustplane-bundle-v1",
            Self::Trust => "trustplane-trust-material-bundle-v1",
        }
    }

    /// Loads the document as a verifier would, and says what it would refuse.
    pub fn check(self, document: &Value<'_>, pin: &Pin) -> Result<(), DocumentError> {
        match self {
            Self::Policy => Policy::load(document, pin).map(drop),
            Self::Trust => Trust::load(document, pin).map(drop),
        }
    }
}

/// A document from its authored members: with an envelope, without a signature.
///
/// The same members give the same bytes, so that builds can be compared.
pub fn build(kind: Kind, authored: Json) -> Result<Json, DocumentError> {
    let Value::Object(authored) = authored else {
        return Err(DocumentError::new("", format!("expected an object, found {}", authored.kind())));
    };
    if let Some(name) = ENVELOPE.iter().find(|name| authored.get(name).is_some()) {
        return Err(DocumentError::new(format!("/{name}"), "building writes this member itself"));
    }
    let mut document = Object::new();
    document.insert("version", value!(kind.version()));
    document.insert("kind", value!(kind.name()));
    for (name, member) in authored {
        document.insert(name, member);
    }
    for (name, member) in skeleton() {
        document.insert(name, member);
    }
    let document = Value::Object(document);
    kind.check(&document, &Pin::UnsignedDev)?;
    Ok(document)
}

/// The document, issued and signed; every other member stays as and where it is.
pub fn sign(kind: Kind, document: &Json, signer: &Signer<'_>) -> Result<Json, DocumentError> {
    let mut text = pretty(document);
    sign_text(kind, &mut text, signer)?;
    Ok(json::parse(text.as_bytes(), Limits::DOCUMENT)?.into_owned())
}

/// Issues and signs the document in `text`; every other byte stays.
pub fn sign_text(kind: Kind, text: &mut String, signer: &Signer<'_>) -> Result<(), DocumentError> {
    let mut signed = text.clone();
    let signed_by = value!({ "issuer": (signer.issuer), "kid": (signer.kid), "alg": "EdDSA" });
    for (name, member) in [("issued_at", value!(signer.issued_at.as_secs())), ("signed_by", signed_by)] {
        set(&mut signed, "signed_by", name, &member);
    }
    let signature = signer.key.sign(signing_input(&json::parse(signed.as_bytes(), Limits::DOCUMENT)?)?.as_bytes());
    let signature = value!({ "format": "ed25519-jcs-v1", "value": (base64url(&signature)) });
    set(&mut signed, "", "signature", &signature);
    // What cannot be loaded must not look as if somebody had vouched for it.
    let document = json::parse(signed.as_bytes(), Limits::DOCUMENT)?;
    kind.check(&document, &Pin::Key(signer.key.public_key().clone()))?;
    *text = signed;
    Ok(())
}

/// Marks the document in `text` as signed by nobody: its old signature does not cover what it says now.
pub fn unsign_text(text: &mut String) {
    for (name, member) in skeleton() {
        set(text, "", name, &member);
    }
}

fn set(text: &mut String, before: &str, name: &str, member: &Json) {
    let mut edit = Edit::new(text);
    edit.set_before(&Node::root(text), before, name, member);
    *text = edit.apply();
}

/// What stands where a signature would.
fn skeleton() -> [(&'static str, Json); 2] {
    let signed_by = value!({
        "issuer": "local://trustplane.bundle.build",
        "kid": "unsigned-skeleton",
        "alg": "none",
    });
    let signature = value!({
        "format": "unsigned-skeleton",
        "value": "local-build-placeholder-not-a-production-signature",
    });
    [("signed_by", signed_by), ("signature", signature)]
}
