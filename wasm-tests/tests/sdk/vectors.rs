//! The vectors that the SDK's source package ships, through the core.

use serde_json::Value;

use trustplane_broker::SigningKey;
use trustplane_core::json::{self, Limits};
use trustplane_core::{
    Component, Consumed, CoveredHeader, Head, Header, KeyBinding, Pin, Policy, PublicKey, QueryForm, Transcript,
    UnixTime, base64url, base64url_array, base64url_bytes, hex, hex_array, normalize_query, sha256,
};
use trustplane_wasm_tests::case::Cases;
use trustplane_wasm_tests::core_subject::verifier_of;
use trustplane_wasm_tests::run::Run;

macro_rules! vector {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../../core-nostd/vectors/", $name)))
            .expect("a published vector is JSON")
    };
}

/// The private half of the vectors' public key: test 1 of RFC 8032 section 7.1.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

pub fn all(run: &mut Run) {
    let transcripts = [vector!("transcript-v1.json"), vector!("transcript-v1.ambiguous-query-headers.json")];
    for vector in &transcripts {
        let id = text(vector, "/vector_id");
        run.holds(&format!("vector {id} lines"), "The canonical lines.", || lines(vector));
        run.holds(&format!("vector {id} query"), "The query's normal form.", || {
            let normal =
                normalize_query(text(vector, "/raw_request/query").as_bytes()).map_err(|error| error.to_string());
            normal.and_then(|normal| same(text(vector, "/transcript/query_normalization/normalized"), &normal))
        });
    }
    for vector in array(&vector!("body-sha256-v1.json"), "/vectors") {
        let name = format!("vector body-sha256-v1 {}", text(vector, "/id"));
        let digest = hex(&sha256(text(vector, "/bytes_utf8").as_bytes()));
        run.holds(&name, "A body's digest.", || same(text(vector, "/sha256"), &digest));
    }
    run.holds("vector signer-taxonomy-v1", "Four classes, their order and their ranks.", taxonomy);
    run.holds("vector bundle-v1-source-rules", "The policy bundle loads, with what it says.", bundle);
    run.holds("vector passport-v1-minimal-valid-claims", "The claims of the vector pass, with its transcript.", || {
        minimal()
    });
    for claim in array(&vector!("passport-v1.minimal-valid-claims.json"), "/required_claims") {
        let claim = claim.as_str().unwrap_or_default();
        let name = format!("vector passport-v1 without {claim}");
        run.holds(&name, "A required claim is required: a case says so.", || required(claim));
    }
    run.holds("vector broker-ipc-v1.success", "The stamp's digest is the transcript of the request.", stamp);
    run.holds("vector workload-profile", "The golden signature is the key's.", golden);
    run.holds("vector manifest", "Every vector of the manifest is checked.", || {
        let known = [
            "transcript-v1-json-body",
            "transcript-v1-ambiguous-query-headers",
            "body-sha256-v1",
            "passport-v1-minimal-valid-claims",
            "signer-taxonomy-v1",
            "bundle-v1-source-rules",
            "broker-ipc-v1-success",
            "broker-ipc-v1-denied",
        ];
        let manifest = vector!("manifest.json");
        let listed: Vec<&str> = array(&manifest, "/vectors").iter().map(|vector| text(vector, "/id")).collect();
        same(&known.join(" "), &listed.join(" "))
    });
    queries(run);
    paths(run);
}

fn lines(vector: &Value) -> Result<(), String> {
    let expected: Vec<&str> = array(vector, "/canonical/lines").iter().filter_map(Value::as_str).collect();
    let headers = covered(vector, "/transcript/headers/selected")?;
    let transcript = transcript(vector, "/transcript", &headers)?;
    if !transcript.is_sound() {
        return Err("the transcript is not sound".into());
    }
    same(&expected.join("\n"), &transcript.text())?;
    same(text(vector, "/canonical/sha256"), &hex(&transcript.digest()))
}

fn transcript<'a>(vector: &'a Value, at: &str, headers: &'a [CoveredHeader<'a>]) -> Result<Transcript<'a>, String> {
    // The broker's request has no stamp of its own.
    let field = |name: &str| vector.pointer(&format!("{at}/{name}")).and_then(Value::as_str).unwrap_or_default();
    let body_sha256 = hex_array(field("body_sha256").as_bytes()).ok_or("no digest of a body")?;
    Ok(Transcript {
        method: field("method"),
        scheme: field("scheme"),
        authority: field("authority"),
        path: field("path"),
        audience: field("audience"),
        route_id: field("route_id"),
        content_encoding: field("content_encoding"),
        query: field("query_normalization/normalized"),
        headers,
        body_sha256,
        passport_jti: field("passport_jti"),
        nonce: field("nonce"),
        issued_at: vector.pointer(&format!("{at}/issued_at")).and_then(Value::as_u64).unwrap_or_default(),
        key_binding: KeyBinding::parse(field("key_binding")).unwrap_or(KeyBinding::Software),
    })
}

fn covered<'a>(vector: &'a Value, at: &str) -> Result<Vec<CoveredHeader<'a>>, String> {
    let header = |selected: &'a Value| {
        let value_sha256 = hex_array(text(selected, "/value_sha256").as_bytes()).ok_or("no digest of a value")?;
        Ok(CoveredHeader { name: text(selected, "/name"), value_sha256 })
    };
    array(vector, at).iter().map(header).collect()
}

fn taxonomy() -> Result<(), String> {
    let vector = vector!("signer-taxonomy-v1.json");
    let mut before = None;
    for (name, class) in array(&vector, "/ordering").iter().zip(array(&vector, "/classes")) {
        let name = name.as_str().unwrap_or_default();
        let binding = KeyBinding::parse(name).ok_or_else(|| format!("{name} is not known"))?;
        same(name, binding.as_str())?;
        same(text(class, "/class"), name)?;
        same(&class["rank"].to_string(), &binding.rank().to_string())?;
        if before >= Some(binding) {
            return Err(format!("{name} does not rank above the one before"));
        }
        before = Some(binding);
    }
    if before == Some(KeyBinding::AttestedWorkload) { Ok(()) } else { Err(format!("the last is {before:?}")) }
}

fn bundle() -> Result<(), String> {
    let document = include_bytes!("../../../core-nostd/vectors/bundle-v1.source-rules.json");
    let vector = json::parse(document, Limits::DOCUMENT).map_err(|error| error.to_string())?;
    let policy = vector.as_object().and_then(|vector| vector.get("policy_bundle")).ok_or("no bundle")?;
    let policy = Policy::load(policy, &Pin::UnsignedDev).map_err(|error| error.to_string())?;
    let route = policy.route("GET", "/v1/orders/search").ok_or("no route matches")?;
    same(
        "orders.search orders-api software",
        &format!("{} {} {}", route.route_id(), route.audience(), route.required_key_binding().as_str()),
    )?;
    let base = route.base().ok_or("no base URL")?;
    same("https://orders.example", &format!("{}://{}", base.scheme(), base.authority()))
}

/// The minimal claims, signed, with the proof over the published transcript: both vectors are of
/// one request, and the key is that of RFC 8032.
fn minimal() -> Result<(), String> {
    let (vector, request) = (vector!("passport-v1.minimal-valid-claims.json"), vector!("transcript-v1.json"));
    let claims = &vector["claims"];
    let proof_key =
        SigningKey::from_seed(&hex_array(SEED.as_bytes()).ok_or("no seed")?).map_err(|error| error.to_string())?;
    same(text(claims, "/cnf/public_key_b64url"), &proof_key.public_key().to_base64url())?;
    let issuer = SigningKey::from_seed(&[7; 32]).map_err(|error| error.to_string())?;
    let header = r#"{"alg":"EdDSA","kid":"issuer-1","typ":"JWT"}"#;
    let unsigned = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.to_string().as_bytes()));
    let authorization = format!("Bearer {unsigned}.{}", base64url(&issuer.sign(unsigned.as_bytes())));
    let digest = hex_array(text(&request, "/canonical/sha256").as_bytes()).ok_or("no digest")?;
    let proof = base64url(&proof_key.sign(&digest));
    let headers = [
        ("authorization", authorization.as_str()),
        ("content-type", "application/json"),
        ("x-ignore-me", "not-covered"),
        ("x-trustplane-body-sha256", text(&request, "/transcript/body_sha256")),
        ("x-trustplane-nonce", text(&request, "/transcript/nonce")),
        ("x-trustplane-proof", &proof),
        ("x-trustplane-transcript-sha256", text(&request, "/canonical/sha256")),
    ];
    let headers = headers.map(|(name, value)| -> Header<'_> { (name.as_bytes(), value.as_bytes()) });
    let issued_at = UnixTime::from_secs(claims["iat"].as_u64().unwrap_or_default());
    let verifier = verifier_of(&configuration(&issuer), issued_at).map_err(|error| error.to_string())?;
    let head =
        Head { method: b"POST", target: b"/v1/orders", authority: b"orders.example", tls: false, headers: &headers };
    let mut proven = verifier.prove(&head, issued_at).map_err(|denied| denied.reason().to_string())?;
    proven.feed(text(&request, "/raw_request/body_utf8").as_bytes()).map_err(|reason| reason.to_string())?;
    let admission = proven.settle(issued_at).map_err(|denied| denied.reason().to_string())?;
    let allowed = admission.conclude(Consumed::Fresh, issued_at).map_err(|denied| denied.reason().to_string())?;
    let event: Value =
        serde_json::from_str(&allowed.event().to_json(Component::Verifier)).map_err(|error| error.to_string())?;
    let told = |name: &str| event[name].as_str().unwrap_or("nothing").to_owned();
    same(text(&request, "/canonical/sha256"), &told("transcript_sha256"))?;
    same(text(claims, "/sub"), &told("subject"))
}

/// For signers of the vectors' fixed list of headers.
fn configuration(issuer: &SigningKey) -> String {
    let unsigned = serde_json::json!({"issuer": "local://test", "kid": "unsigned-skeleton", "alg": "none"});
    let signature = serde_json::json!({"format": "unsigned-skeleton", "value": "none"});
    serde_json::json!({
        "allow_unsigned_dev_bundles": true,
        "covered_headers": {"required": ["content-type", "x-trustplane-nonce"], "uncovered": "remove"},
        "policy_bundle": {
            "version": "trustplane-bundle-v1", "kind": "policy_runtime_bundle", "trust_domain": "example.local",
            "apis": [{"api_id": "orders-api", "audience": "orders-api", "base_url": "https://orders.example"}],
            "route_groups": [{"route_group_id": "orders", "api_id": "orders-api", "routes": [{
                "route_id": "orders.create", "method": "POST", "path_template": "/v1/orders", "risk": "medium",
                "required_key_binding": "hardware_local",
                "allowed_sources": [{
                    "issuer": "https://issuer.example", "trust_domain": "example.local",
                    "subject_prefix": "spiffe://example.local/", "required_key_binding": "hardware_local",
                }],
            }]}],
            "scopes": [], "default_required_key_binding": "software", "default_freshness_class": "bounded",
            "default_max_staleness_seconds": 300, "revocations": [], "signed_by": unsigned, "signature": signature,
        },
        "trust_bundle": {
            "version": "trustplane-trust-material-bundle-v1", "kind": "trust_material_bundle",
            "issuers": [{"issuer": "https://issuer.example", "trust_domain": "example.local", "keys": [{
                "kid": "issuer-1", "alg": "EdDSA", "public_key_b64url": issuer.public_key().to_base64url(),
                "max_key_binding": "hardware_local",
            }]}],
            "revocations": [], "signed_by": unsigned, "signature": signature,
        },
    })
    .to_string()
}

fn required(claim: &str) -> Result<(), String> {
    let name = format!("{}_missing", claim.replace('.', "_"));
    let cases = Cases::committed();
    let case = cases.cases.iter().find(|case| case.name == name).ok_or_else(|| format!("no case is named {name}"))?;
    same("invalid_passport", &case.expect.reason)
}

/// No vector says it: the success fixture's stamp is the transcript of its own request.
fn stamp() -> Result<(), String> {
    let vector = vector!("broker-ipc-v1.success.json");
    let headers = covered(&vector, "/request/http/headers/selected")?;
    let transcript = Transcript {
        query: text(&vector, "/request/http/query/normalized"),
        passport_jti: text(&vector, "/response/artifacts/passport/jti"),
        issued_at: vector.pointer("/response/issued_at").and_then(Value::as_u64).unwrap_or_default(),
        key_binding: KeyBinding::HardwareLocal,
        ..transcript(&vector, "/request/http", &headers)?
    };
    same(text(&vector, "/response/artifacts/stamp/transcript_sha256"), &hex(&transcript.digest()))
}

fn golden() -> Result<(), String> {
    let vector = vector!("workload-profile-golden-transcript.json");
    let key = PublicKey::from_base64url(text(&vector, "/public_key_b64url")).map_err(|error| error.to_string())?;
    let message = base64url_bytes(text(&vector, "/transcript_b64url").as_bytes()).ok_or("no transcript")?;
    let signature = base64url_array(text(&vector, "/signature_b64url").as_bytes()).ok_or("no signature")?;
    if !key.verify(&message, &signature) {
        return Err("the signature does not verify".into());
    }
    let mut changed = message;
    changed[0] ^= 1;
    if key.verify(&changed, &signature) { Err("it verifies over another text too".into()) } else { Ok(()) }
}

fn queries(run: &mut Run) {
    for row in array(&vector!("query.json"), "/rows") {
        let raw = row["query"].as_str();
        let name = format!("query {}", row["query"]);
        run.holds(&name, "The query's normal form, and the forms that take it.", || query(row, raw));
    }
}

fn query(row: &Value, raw: Option<&str>) -> Result<(), String> {
    let raw = raw.map(str::as_bytes);
    if row.get("normal").is_some() {
        let normal = normalize_query(raw.unwrap_or_default()).map_err(|error| error.to_string())?;
        same(text(row, "/normal"), &normal)?;
    }
    let forms = ["strict", "unambiguous", "compat"].map(|name| (name, QueryForm::parse(name)));
    for (name, form) in forms {
        let form = form.ok_or_else(|| format!("no form {name}"))?;
        // Outside every form where its escapes are bad.
        let expected = row.get(name).and_then(Value::as_bool).unwrap_or(false);
        if form.read(raw).is_ok() != expected {
            return Err(format!("{name}: expected {expected}"));
        }
    }
    Ok(())
}

/// A sound path gets as far as the routes, of which there is none; any other is not canonical.
fn paths(run: &mut Run) {
    let vector = vector!("path.json");
    let issuer = SigningKey::from_seed(&[7; 32]).expect("no seed of zeros");
    let now = UnixTime::from_secs(1_740_000_000);
    let verifier = verifier_of(&configuration(&issuer), now).expect("the configuration is sound");
    let (zeros, proof) = ("0".repeat(64), "A".repeat(86));
    let headers = [
        ("authorization", "Bearer e30.e30.AA"),
        ("x-trustplane-body-sha256", &zeros),
        ("x-trustplane-nonce", "n"),
        ("x-trustplane-proof", &proof),
        ("x-trustplane-transcript-sha256", &zeros),
    ];
    let headers = headers.map(|(name, value)| -> Header<'_> { (name.as_bytes(), value.as_bytes()) });
    for row in array(&vector, "/rows") {
        let path = text(row, "/path");
        let head = Head { method: b"GET", target: path.as_bytes(), authority: b"a", tls: false, headers: &headers };
        let expected = if row["fault"].is_null() { "bundle_route_missing" } else { "request_not_canonical" };
        let actual = verifier.prove(&head, now).err().map(|denied| denied.reason().to_string());
        run.holds(&format!("path {path}"), "A path is in normal form, or refused.", || {
            same(expected, actual.as_deref().unwrap_or("request_allowed"))
        });
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    // An absent member would equal another absent one.
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer}"))
}

fn array<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn same(expected: &str, actual: &str) -> Result<(), String> {
    if expected == actual { Ok(()) } else { Err(format!("expected {expected:?}, got {actual:?}")) }
}
