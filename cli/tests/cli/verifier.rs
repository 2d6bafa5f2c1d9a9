//! `trustplane verifier serve`, asked about requests.

use serde_json::{Value, json};

use crate::bundles::signed;
use crate::serving::Serving;
use crate::tool::{Folder, OTHER_KEY, OTHER_PUBLIC};

const SIGN: &str = "sign --explain --subject service:web --issuer https://issuer.shop.example \
     --trust-domain shop.example --kid web-1 --audience orders-api --route-id orders.read \
     --private-key AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE --url https://orders.shop.example/orders/7?a=1";
const VERIFY: &str = "/v1/verify";

fn start(folder: &Folder, place: &str) -> Serving {
    signed(folder);
    Serving::start(
        folder,
        &format!(
            "verifier serve --policy-bundle policy.json --policy-bundle-signature-public-key {OTHER_PUBLIC} \
             --bundle trust.json --bundle-signature-public-key {OTHER_PUBLIC} {place}"
        ),
    )
}

/// The description of a request that was signed, and the lines that its signer signed.
fn described(folder: &Folder, more: &str) -> (Value, Value) {
    let signed = folder.ok_json(&format!("{SIGN} {more}"));
    let description = json!({
        "method": "GET", "authority": "orders.shop.example", "path": "/orders/7?a=1", "headers": signed["headers"],
    });
    (description, signed["canonical_lines"].clone())
}

fn with(description: &Value, member: &str, value: impl Into<Value>) -> String {
    let mut description = description.clone();
    description[member] = value.into();
    description.to_string()
}

#[test]
fn it_says_what_the_verifier_would_and_consumes_nothing() {
    let folder = Folder::new();
    let verifier = start(&folder, "--socket run/verifier.sock");
    assert_eq!(verifier.report, json!({ "listening": "unix:run/verifier.sock" }));
    let (description, _) = described(&folder, "");
    for _ in 0..2 {
        let (status, answer) = verifier.post(VERIFY, &description.to_string());
        assert_eq!(status, 200);
        assert_eq!(
            (&answer["allowed"], &answer["reason"], &answer["status"]),
            (&true.into(), &"request_allowed".into(), &200.into())
        );
        let event = &answer["event"];
        assert_eq!((&event["component"], &event["subject"]), (&"verifier".into(), &"service:web".into()));
        assert_eq!(answer.get("transcript"), None);
    }
    for (store, reason, status) in [
        ("fresh", "request_allowed", 200),
        ("replayed", "jti_replay", 403),
        ("unavailable", "replay_store_unavailable", 503),
        ("full", "replay_store_full", 503),
        ("cold", "replay_store_cold", 503),
    ] {
        let (_, answer) = verifier.post(VERIFY, &with(&description, "store", store));
        assert_eq!((&answer["reason"], &answer["status"]), (&reason.into(), &status.into()));
        assert_eq!(answer["event"]["reason_code"], reason);
    }
    let issued_at = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for (at, reason) in [(issued_at + 299, "request_allowed"), (issued_at + 400, "stale_bundle_fail_closed")] {
        assert_eq!(verifier.post(VERIFY, &with(&description, "at", at)).1["reason"], reason);
    }
    assert_eq!(
        verifier.post(VERIFY, &description.to_string()).1["reason"],
        "request_allowed",
        "time runs on as before"
    );
    assert_eq!(verifier.end(), (Some(0), String::new()));
    assert!(!folder.path("run/verifier.sock").exists());
}

#[test]
fn a_body_is_described_as_text_as_bytes_or_by_its_digest() {
    let folder = Folder::new();
    let verifier = start(&folder, "--listen 127.0.0.1:0");
    let digest = |text: &str| trustplane_core::hex(&trustplane_core::sha256(text.as_bytes()));
    let (description, _) = described(&folder, "--body x");
    for (member, value, reason) in [
        ("body", "x", "request_allowed"),
        ("body_b64url", "eA", "request_allowed"),
        ("body_sha256", &digest("x"), "request_allowed"),
        ("body", "y", "request_binding_mismatch"),
        ("body_b64url", "eQ", "request_binding_mismatch"),
        ("body_sha256", &digest("y"), "request_binding_mismatch"),
        ("body_sha256", &digest(""), "request_binding_mismatch"),
    ] {
        let mut description = description.clone();
        description[member] = value.into();
        description["explain"] = true.into();
        let (_, answer) = verifier.post(VERIFY, &description.to_string());
        assert_eq!(answer["reason"], reason, "{member} {value}");
        let same = answer["transcript"]["sha256"] == answer["transcript"]["claimed_sha256"];
        assert_eq!(same, reason == "request_allowed", "{member} {value}");
    }
    // A digest stands for the body whatever the store answers.
    for store in ["cold", "fresh", "full", "replayed", "unavailable"] {
        let mut description = description.clone();
        description["store"] = store.into();
        let (_, by_body) = verifier.post(VERIFY, &with(&description, "body", "x"));
        let (_, by_digest) = verifier.post(VERIFY, &with(&description, "body_sha256", digest("x")));
        let untimed = |mut answer: Value| {
            answer["event"]["occurred_at"] = Value::Null;
            answer
        };
        assert_eq!(untimed(by_body), untimed(by_digest));
    }
}

#[test]
fn the_route_says_what_a_body_has_to_be() {
    for (mode, given, reason) in [
        ("claimed", json!({ "body": "y" }), "request_allowed"),
        ("claimed", json!({ "body_sha256": "0".repeat(64) }), "request_allowed"),
        ("none", json!({ "body": "x" }), "request_not_canonical"),
        ("none", json!({ "body_sha256": "0".repeat(64) }), "request_not_canonical"),
        ("none", json!({}), "request_binding_mismatch"),
    ] {
        let folder = Folder::new();
        signed(&folder);
        let authored = folder.read("policy.config.json");
        let own = authored.trim_end().strip_suffix('}').unwrap();
        folder.write("policy.config.json", &format!(r#"{own}, "default_body_mode": "{mode}" }}"#));
        folder.ok("bundle build --config policy.config.json --out policy.json");
        let verifier = Serving::start(
            &folder,
            "verifier serve --policy-bundle policy.json --bundle trust.json --allow-unsigned-dev-bundles \
             --bundle-signature-public-key gTl3Dqh9F19Wo1Rmw0x-zMuNipG07jeiXfYPW4_Js5Q --listen 127.0.0.1:0",
        );
        let (mut description, _) = described(&folder, "--body x");
        description["explain"] = true.into();
        description.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
        let (_, answer) = verifier.post(VERIFY, &description.to_string());
        assert_eq!(answer["reason"], reason, "{mode} {given}");
        // Where the caller's word is taken, the transcript is over it.
        let same = answer["transcript"]["sha256"] == answer["transcript"]["claimed_sha256"];
        assert_eq!(same, mode == "claimed" || given["body"] == "x", "{mode} {given}");
    }
}

#[test]
fn it_shows_which_lines_differ_from_the_signers() {
    let folder = Folder::new();
    let verifier = start(&folder, "--listen 127.0.0.1:0");
    let (mut description, lines) = described(&folder, "-H 'X-Tenant: t'");
    description["explain"] = true.into();
    description["path"] = "/orders/8?a=1".into();
    let (_, answer) = verifier.post(VERIFY, &with(&description, "signer_transcript", lines));
    assert_eq!(answer["reason"], "request_binding_mismatch");
    assert_eq!(
        answer["transcript"]["differences"],
        json!([{ "line": 5, "name": "path", "signer": "/orders/7", "verifier": "/orders/8" }])
    );
    assert_eq!(answer["transcript"]["lines"].as_array().unwrap().len(), 20);

    // The command line says the same of the same request.
    let headers: Vec<String> = (description["headers"].as_array().unwrap().iter())
        .map(|pair| format!("{}: {}", pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
        .collect();
    folder.write("headers", &headers.join("\n"));
    let ran = folder.run(&format!(
        "verify --json --explain --policy-bundle policy.json --policy-bundle-signature-public-key {OTHER_PUBLIC} \
         --bundle trust.json --bundle-signature-public-key {OTHER_PUBLIC} --authority orders.shop.example \
         --headers-file headers --path /orders/8?a=1"
    ));
    let said: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(said["transcript"]["lines"], answer["transcript"]["lines"]);
    assert_eq!((&said["reason"], &said["detail"]), (&answer["reason"], &answer["detail"]));
}

#[test]
fn a_description_that_is_none_is_refused_in_place() {
    let folder = Folder::new();
    let verifier = start(&folder, "--listen 127.0.0.1:0");
    let sound = json!({ "method": "GET", "authority": "h", "path": "/", "headers": [["A", "b"]] });
    assert_eq!(verifier.post(VERIFY, &sound.to_string()).1["reason"], "missing_passport");
    for (member, value, pointer, problem) in [
        ("method", json!(1), "/method", "expected a string, found an integer"),
        ("scheme", json!("ftp"), "/scheme", "expected \"http\" or \"https\", found \"ftp\""),
        ("headers", json!({ "A": "b" }), "/headers", "expected an array, found an object"),
        ("headers", json!([["A"]]), "/headers/0", "expected a tuple of size 2, found 1 items"),
        ("headers", json!([["A", "b", "c"]]), "/headers/0", "expected"),
        ("headers", json!([["A", "b"], ["a b", "c"]]), "/headers/1/0", "no header's name"),
        ("headers", json!([["A", "b\r\nC: d"]]), "/headers/0/1", "a line break or a zero byte in a header's value"),
        ("body_b64url", json!("="), "/body_b64url", "not unpadded base64url"),
        ("body_sha256", json!("AB"), "/body_sha256", "expected 64 hex digits in lower case"),
        ("store", json!("hot"), "/store", "expected \"cold\" or \"fresh\""),
        ("at", json!(-1), "/at", "expected an integer"),
        ("explain", Value::Null, "/explain", "expected a value, found null"),
        ("signer_transcript", json!(["method=GET"]), "/signer_transcript/0", "expected version=, found \"method=GET\""),
        ("replay", json!("fresh"), "/replay", "unknown member"),
    ] {
        let (status, answer) = verifier.post(VERIFY, &with(&sound, member, value));
        assert_eq!((status, &answer["error"]["pointer"]), (400, &pointer.into()), "{answer}");
        assert!(answer["error"]["problem"].as_str().unwrap().starts_with(problem), "{answer}");
    }
    let (_, lines) = described(&folder, "");
    let (status, answer) = verifier.post(VERIFY, &with(&sound, "signer_transcript", lines));
    assert_eq!((status, &answer["error"]["pointer"]), (400, &"/signer_transcript".into()));
    let mut twice = sound.clone();
    (twice["body"], twice["body_sha256"]) = ("".into(), "0".repeat(64).into());
    let (status, answer) = verifier.post(VERIFY, &twice.to_string());
    assert_eq!(
        (status, &answer["error"]["problem"]),
        (400, &"has more than one of body, body_b64url and body_sha256 (line 1, column 1)".into())
    );
    let (status, answer) = verifier.post(VERIFY, &sound.to_string()[1..]);
    assert_eq!((status, answer["error"].get("pointer")), (400, None));
}

#[test]
fn the_documents_are_those_that_the_files_hold_and_never_older_ones() {
    let folder = Folder::new();
    let verifier = start(&folder, "--listen 127.0.0.1:0");
    let (description, _) = described(&folder, "");
    let reason = || verifier.post(VERIFY, &description.to_string()).1["reason"].as_str().unwrap().to_owned();
    assert_eq!(reason(), "request_allowed");
    let before = folder.read("trust.json");
    folder.write("ops.key", OTHER_KEY);
    std::fs::set_permissions(folder.path("ops.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    folder.ok("bundle revoke trust.json --signing-key ops.key kid web-1");
    assert_eq!(reason(), "passport_revoked");
    folder.write("trust.json", &before);
    assert_eq!(reason(), "passport_revoked");
    folder.write("trust.json", "{");
    assert_eq!(reason(), "passport_revoked");
    std::fs::remove_file(folder.path("trust.json")).unwrap();
    assert_eq!(reason(), "passport_revoked");
}

#[test]
fn documents_that_nobody_vouches_for_are_refused_at_the_start() {
    let folder = Folder::new();
    signed(&folder);
    let line = "verifier serve --policy-bundle policy.json --bundle trust.json --listen 127.0.0.1:0";
    assert_eq!(
        folder.fault(line),
        "error: no key to check the bundle's signature with: give --policy-bundle-signature-public-key, or --allow-unsigned-dev-bundles for development\n"
    );
    folder.write("trust.json", "{}");
    assert_eq!(
        folder.fault(&format!("{line} --allow-unsigned-dev-bundles")),
        "error: trust.json: /version: missing member (line 1)\n"
    );
}
