//! Changing documents where they stand: what is not touched keeps its bytes, and nothing is left
//! wrongly signed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::bundles::signed;
use crate::tool::{Folder, KEY, OTHER_KEY, OTHER_PUBLIC, PUBLIC};

/// Trust material as a person may have written it: every white space and order is theirs.
const BY_HAND: &str = r#"{ "version":"trustplane-trust-material-bundle-v1",
   "kind" : "trust_material_bundle", "issuers": [
      {"issuer":"https://a.example", "trust_domain":"a.example",
       "keys":[ {"public_key_b64url":"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w","alg":"EdDSA","kid":"a-1"} ] }
   ],
	"revocations":[],
   "signature":{"value":"v","format":"unsigned-skeleton"}, "signed_by":{"alg":"none","kid":"k","issuer":"i"}}"#;

/// A signing key file for what `signed` signs.
fn signing_key(folder: &Folder) {
    folder.write_key("signer.key", 0o600);
    folder.write("signer.key", OTHER_KEY);
}

#[test]
fn a_revocation_adds_its_own_bytes_and_no_others() {
    let folder = Folder::new();
    folder.write("trust.json", BY_HAND);
    let line = "bundle revoke trust.json subject service:web --issuer https://a.example --revoked-at \
                2026-01-31T00:00:00Z --reason 'left the project'";
    assert_eq!(
        folder.ok(line),
        "out         trust.json\ntype        subject\nvalue       service:web\nissuer      https://a.example\n\
         revoked at  2026-01-31T00:00:00Z\nsigned      false\n"
    );
    let entry = "[\n\t  {\n\t    \"type\": \"subject\",\n\t    \"value\": \"service:web\",\n\t    \"issuer\": \
                 \"https://a.example\",\n\t    \"revoked_at\": 1769817600,\n\t    \"reason\": \"left the project\"\n\t  }\n\t]";
    assert_eq!(folder.read("trust.json"), BY_HAND.replace("[],", &format!("{entry},")));
    assert_eq!(
        folder.fault(line),
        "error: trust.json: /revocations/0: a revocation of this is there already; --replace-existing puts the new one in its place (line 7)\n"
    );
    folder.ok(&line.replace("2026-01-31T00:00:00Z", "5 --replace-existing"));
    assert_eq!(folder.json("trust.json")["revocations"][0]["revoked_at"], 5);
}

#[test]
fn every_type_of_revocation_is_taken_by_either_document() {
    let folder = Folder::new();
    signed(&folder);
    for (number, r#type) in ["jti", "kid", "subject", "issuer", "source"].into_iter().enumerate() {
        for name in ["policy.json", "trust.json"] {
            folder.ok(&format!("bundle revoke {name} {type} value: --revoked-at 7"));
            let entry = &folder.json(name)["revocations"][number];
            assert_eq!(entry, &serde_json::json!({"type": r#type, "value": "value:", "revoked_at": 7}));
        }
    }
    assert_eq!(
        folder.fault("bundle revoke trust.json issuer a --issuer b"),
        "error: trust.json: /revocations/5/issuer: differs from the issuer that /value revokes (line 17)\n"
    );
}

#[test]
fn a_change_takes_the_signature_off_and_says_so() {
    let folder = Folder::new();
    signed(&folder);
    let ran = folder.run("bundle revoke trust.json jti j-1");
    assert_eq!(ran.code, 0);
    assert_eq!(
        ran.err,
        "trust.json: the signature of local://signer (signer-1) is taken off, for it does not cover the change: \
         sign the document with `trustplane bundle sign`, or change it with --signing-key\n"
    );
    assert!(ran.out.ends_with("signed      false\n"), "{}", ran.out);
    let document = folder.json("trust.json");
    assert_eq!(
        (&document["signed_by"]["alg"], &document["signature"]["format"]),
        (&"none".into(), &"unsigned-skeleton".into())
    );
}

#[test]
fn a_change_is_signed_again_by_the_key_that_signed_before() {
    let folder = Folder::new();
    signed(&folder);
    signing_key(&folder);
    let issued = |folder: &Folder| folder.json("trust.json")["issued_at"].as_u64().unwrap();
    let (before, text) = (issued(&folder), folder.read("trust.json"));
    folder.ok("bundle revoke trust.json jti j-1 --revoked-at 7 --signing-key signer.key");
    folder.ok(&format!("bundle verify --trust-material trust.json --public-key {OTHER_PUBLIC}"));
    assert!(issued(&folder) > before, "a verifier that holds the old one takes the new one");
    let changed = folder.read("trust.json");
    let place = text.find("\"revocations\"").unwrap();
    assert_eq!(changed[..place], text[..place]);
    // Two changes within a second still differ in their time.
    let before = issued(&folder);
    folder.ok("bundle revoke trust.json jti j-2 --signing-key signer.key");
    assert!(issued(&folder) > before);

    folder.write("other.key", KEY);
    fs::set_permissions(folder.path("other.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let other = "bundle revoke trust.json jti j-3 --signing-key other.key";
    assert_eq!(
        folder.fault(other),
        "error: trust.json: /signature/value: does not verify under the pinned public key: before the change the document is not \
         one that --signing-key signed; another signer is named with --signer-issuer and --signer-kid (line 37)\n"
    );
    folder.ok(&format!("{other} --signer-issuer local://new --signer-kid new-1"));
    folder.ok(&format!("bundle verify --trust-material trust.json --public-key {PUBLIC}"));
    assert_eq!(folder.json("trust.json")["signed_by"]["kid"], "new-1");
}

#[test]
fn what_somebody_else_changed_is_not_signed_along() {
    let folder = Folder::new();
    signed(&folder);
    signing_key(&folder);
    folder.write("trust.json", &folder.read("trust.json").replace("\"web-1\"", "\"evil\""));
    let before = folder.read("trust.json");
    let error = folder.fault("bundle revoke trust.json jti j-1 --signing-key signer.key");
    assert!(error.starts_with("error: trust.json: /signature/value: does not verify"), "{error}");
    assert_eq!(folder.read("trust.json"), before);
    let unsigned = folder.fault("bundle revoke trust.unsigned.json jti j-1 --signing-key signer.key");
    assert_eq!(
        unsigned,
        "error: trust.unsigned.json: /signed_by: the document is unsigned: who signs is said with --signer-issuer and --signer-kid (line 18)\n"
    );
}

#[test]
fn a_rotation_adds_the_new_key_and_ends_the_old_one_after_the_overlap() {
    let folder = Folder::new();
    folder.write("trust.json", BY_HAND);
    let line =
        format!("bundle rotate-key trust.json --issuer https://a.example --public-key {OTHER_PUBLIC} --from 1000");
    assert_eq!(
        folder.ok(&format!("{line} --kid a-2 --overlap 1h")),
        "out        trust.json\nissuer     https://a.example\nkid        a-2\nold kid    a-1\n\
         old until  1970-01-01T01:16:40Z\nsigned     false\n"
    );
    let expected = BY_HAND.replace(
        r#""kid":"a-1"} ]"#,
        &format!(
            r#""kid":"a-1","not_after":4600}}, {{"kid":"a-2","alg":"EdDSA","public_key_b64url":"{OTHER_PUBLIC}","max_key_binding":"software"}} ]"#
        ),
    );
    assert_eq!(folder.read("trust.json"), expected);
    assert_eq!(
        folder.fault(&format!("{line} --kid a-1 --overlap 1h")),
        "error: trust.json: /issuers/0/keys/0: key \"a-1\" is there already: a new key has an id of its own (line 4)\n"
    );
    // The one key without an end is the one that goes next; an end that is there never moves back.
    folder.ok(&format!("{line} --kid a-3 --overlap 0s"));
    folder.ok(&format!("{line} --kid a-4 --old-kid a-1 --overlap 9h"));
    let keys = folder.json("trust.json")["issuers"][0]["keys"].clone();
    let ends: Vec<_> = keys.as_array().unwrap().iter().map(|key| key["not_after"].as_u64()).collect();
    assert_eq!(ends, [Some(4600), Some(1000), None, None]);
    assert_eq!(
        folder.fault(&format!("{line} --kid a-5 --overlap 1h")),
        "error: trust.json: /issuers/0/keys: several active keys: name the one that goes with --old-kid (line 4)\n"
    );
    assert_eq!(
        folder.fault(&format!("{line} --kid a-5 --old-kid x --overlap 1h")),
        "error: trust.json: /issuers/0/keys: no key \"x\" (line 4)\n"
    );
}

#[test]
fn documents_are_changed_in_place_with_their_mode_or_through_a_pipe() {
    let folder = Folder::new();
    signed(&folder);
    signing_key(&folder);
    fs::set_permissions(folder.path("trust.json"), fs::Permissions::from_mode(0o640)).unwrap();
    let merge = format!(
        "bundle merge-source --trust-material trust.json --policy-bundle policy.json --issuer https://new.example \
         --trust-domain new.example --kid n-1 --public-key {PUBLIC} --route-id orders.read --subject-exact service:new \
         --signing-key signer.key"
    );
    assert_eq!(
        folder.ok(&merge),
        "trust material  trust.json\npolicy bundle   policy.json\nkeys            [\"n-1\"]\nroute id        orders.read\nsigned          true\n"
    );
    assert_eq!(fs::metadata(folder.path("trust.json")).unwrap().permissions().mode() & 0o777, 0o640);
    for (flag, name) in [("--trust-material", "trust.json"), ("--policy-bundle", "policy.json")] {
        folder.ok(&format!("bundle verify {flag} {name} --public-key {OTHER_PUBLIC}"));
    }
    let ran = folder.run_with_input("bundle revoke - jti j-1 --revoked-at 7", BY_HAND);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(
        ran.out.starts_with("{ \"version\":\"trustplane-trust-material-bundle-v1\",\n   \"kind\" : "),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("\"value\": \"j-1\""), "{}", ran.out);
    let both = folder.ok(&format!("{merge} --replace-existing --out-trust-material - --out-policy-bundle -"));
    let documents: Vec<serde_json::Value> =
        serde_json::Deserializer::from_str(&both).into_iter().map(Result::unwrap).collect();
    let kinds: Vec<_> = documents.iter().map(|document| document["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["trust_material_bundle", "policy_runtime_bundle"]);
    folder.ok("bundle revoke trust.json jti j-1 --out elsewhere.json");
    assert!(!folder.read("trust.json").contains("j-1") && folder.read("elsewhere.json").contains("j-1"));
}

const JWKS: &str = r#"{
  "keys": [
    { "kty": "OKP", "crv": "Ed25519", "kid": "j-1", "alg": "EdDSA", "use": "sig",
      "x": "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w" },
    { "kty": "RSA", "kid": "r-1", "n": "AQAB", "e": "AQAB" },
    { "kty": "OKP", "crv": "Ed25519", "kid": "j-2", "x": "gTl3Dqh9F19Wo1Rmw0x-zMuNipG07jeiXfYPW4_Js5Q" }
  ]
}"#;

#[test]
fn a_key_set_is_merged_key_by_key() {
    let folder = Folder::new();
    folder.write("trust.json", BY_HAND);
    folder.write("set.json", JWKS);
    let line = "bundle merge-source --trust-material trust.json --trust-domain a.example --jwks set.json --issuer https://a.example";
    let ran = folder.run(line);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "trust material  trust.json\nkeys            [\"j-1\",\"j-2\"]\nsigned          false\n")
    );
    assert_eq!(ran.err, "set.json: /keys/1: passed by: kty RSA, and passports are signed with Ed25519\n");
    let keys = folder.json("trust.json")["issuers"][0]["keys"].clone();
    let kids: Vec<_> = keys.as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(kids, ["a-1", "j-1", "j-2"]);
    assert_eq!(
        folder.fault(line).lines().last().unwrap(),
        "error: trust.json: /issuers/0/keys/1: key \"j-1\" is there already; --replace-existing puts the new one in its place (line 4)"
    );
    for (from, to, problem) in [
        (
            "\"x\"",
            "\"d\": \"s\", \"x\"",
            "/keys/0/d: a private key: verifiers get the public half alone, without d (line 4)",
        ),
        ("\"EdDSA\"", "\"ES256\"", "/keys/0/alg: expected \"EdDSA\", found \"ES256\" (line 3)"),
        ("\"sig\"", "\"enc\"", "/keys/0/use: expected \"sig\", found \"enc\" (line 3)"),
        ("j-2", "j-1", "/keys/2/kid: listed before (line 6)"),
        ("\"kid\": \"j-1\", ", "", "/keys/0/kid: missing member: passports name their key by it (line 3)"),
        ("Pb1w", "Pb1x", "/keys/0/x: not unpadded base64url of 32 bytes (line 4)"),
        ("Ed25519\"", "X25519\"", ""),
        ("\"keys\"", "\"key\"", "/keys: missing member (line 1)"),
    ] {
        let changed = if problem.is_empty() { JWKS.replace(from, to) } else { JWKS.replacen(from, to, 1) };
        folder.write("set.json", &changed);
        let ran = folder.run(line);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""));
        let last = ran.err.lines().last().unwrap();
        let found = last.split_once(", column ").map_or(last.to_owned(), |(before, _)| format!("{before})"));
        let problem = if problem.is_empty() { "/keys: no Ed25519 key (line 2)" } else { problem };
        assert_eq!(found, format!("error: set.json: {problem}"));
    }
}
