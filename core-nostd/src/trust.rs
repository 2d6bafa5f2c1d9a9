//! Trust material: whose passports are believed, and how far.

mod wire;

use alloc::format;
use alloc::string::String;

use crate::binding::KeyBinding;
use crate::document::{self, DocumentError, Form, Pin};
use crate::json::{self, Value};
use crate::key::PublicKey;
use crate::names::Names;
use crate::revocation::Revocations;
use crate::time::UnixTime;

#[cfg(feature = "schema")]
pub(crate) use wire::Bundle as Document;

use wire::{Bundle, Issuer, Key};

pub(crate) const FORM: Form = Form { version: "trustplane-trust-material-bundle-v1", kind: "trust_material_bundle" };

/// The issuers' keys, as a verified document names them.
#[derive(Debug, Default)]
pub struct Trust {
    issued_at: Option<UnixTime>,
    issuers: Names<Names<IssuerKey>>,
    revocations: Revocations,
}

/// A key that signs passports.
#[derive(Clone, Debug)]
pub struct IssuerKey {
    /// Verifies the passport's signature.
    pub key: PublicKey,
    /// The one trust domain this issuer speaks for.
    pub trust_domain: String,
    /// The highest class this key may grant: a class is worth what its issuer is worth.
    pub max_key_binding: KeyBinding,
    /// Its passports are refused as revoked, not as unknown.
    pub revoked: bool,
    /// Unknown before this moment.
    pub not_before: Option<UnixTime>,
    /// Unknown after this moment.
    pub not_after: Option<UnixTime>,
}

impl Trust {
    /// Reads a trust material bundle that `pin` vouches for.
    pub fn load(document: &Value<'_>, pin: &Pin) -> Result<Self, DocumentError> {
        document::check(document, FORM, pin)?;
        let Bundle {
            version: _version,
            kind: _kind,
            contract_metadata: _contract_metadata,
            issued_at,
            issuers: listed,
            revocations,
            signed_by: _signed_by,
            signature: _signature,
        } = json::decode(document)?;
        let mut issuers = Names::default();
        for (index, issuer) in listed.into_iter().enumerate() {
            let (name, keys) = issuer.compile().map_err(|error| error.within(index).within("issuers"))?;
            if !issuers.insert(name, keys) {
                return Err(DocumentError::new(format!("/issuers/{index}/issuer"), "listed before"));
            }
        }
        let revocations = Revocations::new(revocations)?;
        Ok(Self { issued_at: issued_at.map(UnixTime::from_secs), issuers, revocations })
    }

    /// The key of this issuer and id: the only look-up, so that no token brings its own key.
    pub fn key(&self, issuer: &str, kid: &str) -> Option<&IssuerKey> {
        self.issuers.get(issuer)?.get(kid)
    }

    /// Every key with its issuer and id, by name.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &str, &IssuerKey)> {
        (self.issuers.iter()).flat_map(|(issuer, keys)| keys.iter().map(move |(kid, key)| (issuer, kid, key)))
    }

    /// When the document says it was issued.
    pub const fn issued_at(&self) -> Option<UnixTime> {
        self.issued_at
    }

    /// What the document revokes.
    pub const fn revocations(&self) -> &Revocations {
        &self.revocations
    }
}

impl<'a> Issuer<'a> {
    fn compile(self) -> Result<(&'a str, Names<IssuerKey>), DocumentError> {
        let Self { issuer, trust_domain, keys: listed } = self;
        let mut keys = Names::default();
        for (index, key) in listed.into_iter().enumerate() {
            let (kid, key) = key.compile(trust_domain).map_err(|error| error.within(index).within("keys"))?;
            if !keys.insert(kid, key) {
                return Err(DocumentError::new(format!("/keys/{index}/kid"), "listed before"));
            }
        }
        Ok((issuer, keys))
    }
}

impl<'a> Key<'a> {
    fn compile(self, trust_domain: &str) -> Result<(&'a str, IssuerKey), DocumentError> {
        let Self { kid, alg, public_key_b64url, max_key_binding, status, not_before, not_after } = self;
        json::one_of(&[("EdDSA", ())], alg).map_err(|error| error.within("alg"))?;
        let key = PublicKey::from_base64url(public_key_b64url)
            .map_err(|error| DocumentError::new("/public_key_b64url", format!("{error}")))?;
        // Self-issued passports could otherwise claim any class.
        let max_key_binding = max_key_binding.map_or(Ok(KeyBinding::Software), |name| {
            document::key_binding(name).map_err(|error| error.within("max_key_binding"))
        })?;
        let statuses = [("active", false), ("revoked", true)];
        let revoked = json::one_of(&statuses, status.unwrap_or("active")).map_err(|error| error.within("status"))?;
        if let (Some(from), Some(until)) = (not_before, not_after)
            && from > until
        {
            return Err(DocumentError::new("/not_before", "later than not_after"));
        }
        let key = IssuerKey {
            key,
            trust_domain: trust_domain.into(),
            max_key_binding,
            revoked,
            not_before: not_before.map(UnixTime::from_secs),
            not_after: not_after.map(UnixTime::from_secs),
        };
        Ok((kid, key))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;
    use alloc::vec::Vec;

    use super::*;
    use crate::json::Limits;

    const KEY: &str = r#"{"kid":"k1","alg":"EdDSA","public_key_b64url":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    fn load(issuers: &str, rest: &str) -> Result<Trust, DocumentError> {
        let text = format!(
            r#"{{"version":"trustplane-trust-material-bundle-v1","kind":"trust_material_bundle","issuers":{issuers}{rest},
            "signed_by":{{"issuer":"i","kid":"k","alg":"none"}},"signature":{{"format":"unsigned-skeleton","value":"v"}}}}"#
        );
        Trust::load(&json::parse(text.as_bytes(), Limits::DOCUMENT).unwrap(), &Pin::UnsignedDev)
    }

    fn with_key(member: &str) -> Result<Trust, DocumentError> {
        load(
            &format!(
                r#"[{{"issuer":"i","trust_domain":"td","keys":[{}]}}]"#,
                KEY.replace('}', &format!(",{member}}}"))
            ),
            "",
        )
    }

    #[track_caller]
    fn refusal(result: Result<Trust, DocumentError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_key_is_found_by_issuer_and_kid() {
        let issuers = format!(
            r#"[{{"issuer":"i","trust_domain":"td","keys":[{KEY}]}},{{"issuer":"o","trust_domain":"other","keys":[{KEY},{}]}}]"#,
            KEY.replace("k1", "k2")
        );
        let trust =
            load(&issuers, r#","issued_at":7,"revocations":[{"type":"later","value":"v","revoked_at":1}]"#).unwrap();
        assert_eq!(trust.key("i", "k1").map(|key| key.trust_domain.as_str()), Some("td"));
        assert_eq!(trust.key("o", "k2").map(|key| key.trust_domain.as_str()), Some("other"));
        assert!(trust.key("i", "k2").is_none());
        assert!(trust.key("x", "k1").is_none());
        assert_eq!(trust.issued_at(), Some(UnixTime::from_secs(7)));
        assert!(trust.revocations().has_unknown_type());
        let names: Vec<_> = trust.keys().map(|(issuer, kid, _)| (issuer, kid)).collect();
        assert_eq!(names, [("i", "k1"), ("o", "k1"), ("o", "k2")]);
    }

    #[test]
    fn a_key_grants_software_and_is_active_unless_it_says_otherwise() {
        let trust = with_key(r#""not_before":1"#).unwrap();
        let key = trust.key("i", "k1").unwrap();
        assert_eq!((key.max_key_binding, key.revoked, key.not_after), (KeyBinding::Software, false, None));
        let trust =
            with_key(r#""max_key_binding":"attested_workload","status":"revoked","not_before":3,"not_after":3"#);
        let trust = trust.unwrap();
        let key = trust.key("i", "k1").unwrap();
        assert_eq!((key.max_key_binding, key.revoked), (KeyBinding::AttestedWorkload, true));
        assert_eq!((key.not_before, key.not_after), (Some(UnixTime::from_secs(3)), Some(UnixTime::from_secs(3))));
    }

    #[test]
    fn faults_are_named_with_their_place() {
        for (member, error) in [
            (
                r#""max_key_binding":"Software""#,
                "/issuers/0/keys/0/max_key_binding: expected \"software\" or \"remote_kms\" or \"hardware_local\" or \"attested_workload\", found \"Software\"",
            ),
            (r#""status":"paused""#, "/issuers/0/keys/0/status: expected \"active\" or \"revoked\", found \"paused\""),
            (r#""not_before":-1"#, "/issuers/0/keys/0/not_before: expected an integer from 0 to 2^53, found -1"),
            (r#""not_before":4,"not_after":3"#, "/issuers/0/keys/0/not_before: later than not_after"),
            (r#""not_after":null"#, "/issuers/0/keys/0/not_after: expected a value, found null"),
            (r#""use":"sig""#, "/issuers/0/keys/0/use: unknown member"),
        ] {
            assert_eq!(refusal(with_key(member)), error);
        }
        for (key, error) in [
            (KEY.replace("EdDSA", "ES256"), "/issuers/0/keys/0/alg: expected \"EdDSA\", found \"ES256\""),
            (KEY.replace("HURo", "HURp"), "/issuers/0/keys/0/public_key_b64url: not unpadded base64url of 32 bytes"),
            (
                KEY.replace(
                    "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                    "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                ),
                "/issuers/0/keys/0/public_key_b64url: a point of small order, which would verify almost any message",
            ),
            (KEY.replace("k1", ""), "/issuers/0/keys/0/kid: an empty string"),
            (KEY.replace("k1", "\\n"), "/issuers/0/keys/0/kid: a control character in the string"),
            (format!("{KEY},{KEY}"), "/issuers/0/keys/1/kid: listed before"),
        ] {
            let issuers = format!(r#"[{{"issuer":"i","trust_domain":"td","keys":[{key}]}}]"#);
            assert_eq!(refusal(load(&issuers, "")), error);
        }
        let twice = r#"[{"issuer":"i","trust_domain":"a","keys":[]},{"issuer":"i","trust_domain":"b","keys":[]}]"#;
        assert_eq!(refusal(load(twice, "")), "/issuers/1/issuer: listed before");
        assert_eq!(
            refusal(load("[]", r#","issued_at":"now""#)),
            "/issued_at: expected an integer from 0 to 2^53, found a string"
        );
        assert_eq!(
            refusal(load("[]", r#","revocations":[{"type":"jti","value":"v","revoked_at":-1}]"#)),
            "/revocations/0/revoked_at: expected an integer from 0 to 2^53, found -1"
        );
    }
}
