use crate::tool::{Folder, KEY, OTHER_KEY, OTHER_PUBLIC, PUBLIC, repository};

const POLICY: &str = r#"{
  "policy_id": "shop",
  "trust_domain": "shop.example",
  "apis": [{ "api_id": "orders", "audience": "orders-api", "base_url": "https://orders.shop.example" }],
  "route_groups": [
    {
      "route_group_id": "read",
      "api_id": "orders",
      "routes": [
        {
          "route_id": "orders.read",
          "method": "GET",
          "path_template": "/orders/{id}",
          "allowed_sources": [
            {
              "issuer": "https://issuer.shop.example",
              "trust_domain": "shop.example",
              "subject_exact": "service:web",
              "required_key_binding": "software"
            }
          ]
        }
      ]
    }
  ],
  "default_required_key_binding": "software",
  "default_freshness_class": "bounded",
  "default_max_staleness_seconds": 300
}"#;

const TRUST: &str = r#"{
  "issuers": [
    {
      "issuer": "https://issuer.shop.example",
      "trust_domain": "shop.example",
      "keys": [
        { "kid": "web-1", "alg": "EdDSA", "public_key_b64url": "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w" }
      ]
    }
  ],
  "revocations": []
}"#;

/// Both documents, built and signed.
pub fn signed(folder: &Folder) {
    folder.write("policy.config.json", POLICY);
    folder.write("trust.config.json", TRUST);
    folder.ok("bundle build --config policy.config.json --out policy.unsigned.json");
    folder.ok("bundle build --config trust.config.json --out trust.unsigned.json");
    let by = format!("--signer-issuer local://signer --kid signer-1 --private-key {OTHER_KEY}");
    folder.ok(&format!("bundle sign --policy-bundle policy.unsigned.json --out policy.json {by}"));
    folder.ok(&format!("bundle sign --trust-material trust.unsigned.json --out trust.json {by}"));
}

#[test]
fn a_build_adds_the_envelope_and_nothing_else() {
    let folder = Folder::new();
    folder.write("config.json", TRUST);
    let built = folder.ok("bundle build --config config.json");
    let expected = r#"{
  "version": "trustplane-trust-material-bundle-v1",
  "kind": "trust_material_bundle",
  "issuers": [
    {
      "issuer": "https://issuer.shop.example",
      "trust_domain": "shop.example",
      "keys": [
        {
          "kid": "web-1",
          "alg": "EdDSA",
          "public_key_b64url": "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w"
        }
      ]
    }
  ],
  "revocations": [],
  "signed_by": {
    "issuer": "local://trustplane.bundle.build",
    "kid": "unsigned-skeleton",
    "alg": "none"
  },
  "signature": {
    "format": "unsigned-skeleton",
    "value": "local-build-placeholder-not-a-production-signature"
  }
}
"#;
    assert_eq!(built, expected);
    assert_eq!(folder.ok("bundle build --config config.json"), expected);
    assert_eq!(
        folder.ok("bundle build --config config.json --out built.json"),
        "out     built.json\nkind    trust_material_bundle\nsigned  false\n"
    );
    assert_eq!(folder.read("built.json"), expected);
}

#[test]
fn a_faulty_config_is_refused_with_file_pointer_and_line() {
    let folder = Folder::new();
    for (from, to, problem) in [
        ("\"GET\"", "\"get\"", "/route_groups/0/routes/0/method: expected upper-case letters alone (line 12)"),
        (
            "\"subject_exact\": \"service:web\"",
            "\"subject_prefix\": \"service\"",
            "/route_groups/0/routes/0/allowed_sources/0/subject_prefix: must end in ':' or '/' (line 18)",
        ),
        ("\"policy_id\"", "\"kind\"", "/kind: building writes this member itself (line 2)"),
        ("\"policy_id\"", "\"policy\"", "/policy: unknown member (line 2)"),
        ("\"shop\",", "\"shop\"", "expected `,` or `}` (line 3)"),
        ("300\n}", "300,\n  \"policy_id\": \"x\"\n}", "/policy_id: duplicate member (line 29)"),
    ] {
        folder.write("config.json", &POLICY.replacen(from, to, 1));
        let error = folder.fault("bundle build --config config.json --out out.json");
        assert_eq!(error, format!("error: config.json: {problem}\n"));
        assert!(!folder.path("out.json").exists());
    }
    assert_eq!(
        folder.fault("bundle build --config none.json"),
        "error: none.json: No such file or directory (os error 2)\n"
    );
}

#[test]
fn a_signed_document_verifies_and_keeps_what_it_says() {
    let folder = Folder::new();
    signed(&folder);
    for (flag, name, kind) in
        [("--policy-bundle", "policy", "policy_runtime_bundle"), ("--trust-material", "trust", "trust_material_bundle")]
    {
        let line = format!("bundle verify {flag} {name}.json --public-key");
        assert_eq!(
            folder.ok(&format!("{line} {OTHER_PUBLIC}")),
            format!("file      {name}.json\nkind      {kind}\nverified  true\n")
        );
        let ran = folder.run(&format!("{line} {PUBLIC} --json"));
        let refused = format!(
            r#"{{"file":"{name}.json","kind":"{kind}","verified":false,"pointer":"/signature/value","problem":"does not verify under the pinned public key"#
        );
        assert_eq!(ran.code, 1);
        assert!(ran.out.starts_with(&refused), "{}", ran.out);

        let (mut unsigned, mut signed) =
            (folder.json(&format!("{name}.unsigned.json")), folder.json(&format!("{name}.json")));
        assert_eq!(
            signed["signed_by"],
            serde_json::json!({"issuer": "local://signer", "kid": "signer-1", "alg": "EdDSA"})
        );
        assert_eq!(signed["signature"]["format"], "ed25519-jcs-v1");
        assert!(signed["issued_at"].as_u64().unwrap() > 1_700_000_000);
        for document in [&mut unsigned, &mut signed] {
            for member in ["signed_by", "signature", "issued_at"] {
                document.as_object_mut().unwrap().remove(member);
            }
        }
        assert_eq!(unsigned, signed);
    }
}

#[test]
fn a_signature_is_a_function_of_document_key_and_time() {
    let folder = Folder::new();
    folder.write("config.json", TRUST);
    folder.ok("bundle build --config config.json --out unsigned.json");
    let line = format!("bundle sign --trust-material unsigned.json --signer-issuer i --kid k --private-key {KEY}");
    let once = folder.ok(&format!("{line} --issued-at 1750000000"));
    assert_eq!(folder.ok(&format!("{line} --issued-at 1750000000")), once);
    assert!(once.contains("\"issued_at\": 1750000000,\n  \"signed_by\""));
    assert_ne!(folder.ok(&format!("{line} --issued-at 1750000001")), once);
}

#[test]
fn a_changed_document_is_refused() {
    let folder = Folder::new();
    signed(&folder);
    let text = folder.read("policy.json");
    for (from, to, code, pointer) in [
        ("service:web", "service:any", 1, "/signature/value: does not verify under the pinned public key"),
        ("\"signer-1\"", "\"signer-2\"", 1, "/signature/value: does not verify under the pinned public key"),
        ("\"EdDSA\"", "\"none\"", 1, "/signed_by/alg: expected \"EdDSA\", found \"none\": the document is not signed"),
        ("ed25519-jcs-v1", "ed25519", 1, "/signature/format: expected \"ed25519-jcs-v1\", found \"ed25519\""),
        ("\"policy_runtime_bundle\"", "\"other\"", 1, "/kind: expected \"policy_runtime_bundle\", found \"other\""),
    ] {
        folder.write("changed.json", &text.replacen(from, to, 1));
        let ran = folder.run(&format!("bundle verify --policy-bundle changed.json --public-key {OTHER_PUBLIC} --json"));
        let result: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let problem = result["problem"].as_str().unwrap();
        let found = format!("{}: {}", result["pointer"].as_str().unwrap(), problem.split(" (line ").next().unwrap());
        assert_eq!((ran.code, found.as_str()), (code, pointer));
    }
    folder.write("changed.json", &text.replacen('{', "", 1));
    let ran = folder.run(&format!("bundle verify --policy-bundle changed.json --public-key {OTHER_PUBLIC}"));
    assert_eq!((ran.code, ran.err.as_str()), (2, "error: changed.json: trailing characters (line 2, column 12)\n"));
}

#[test]
fn what_would_not_load_is_not_signed() {
    let folder = Folder::new();
    signed(&folder);
    folder.write("broken.json", &folder.read("policy.json").replacen("\"GET\"", "\"TRACE\"", 1));
    let by = format!("--signer-issuer i --kid k --private-key {KEY}");
    let error = folder.fault(&format!("bundle sign --policy-bundle broken.json --out out.json {by}"));
    assert_eq!(
        error,
        "error: broken.json: /route_groups/0/routes/0/method: CONNECT and TRACE are never served (line 20)\n"
    );
    assert!(!folder.path("out.json").exists());
}

#[test]
fn the_published_vector_is_read_as_it_is() {
    let vector = repository("core-nostd/vectors/bundle-v1.source-rules.json");
    assert_eq!(
        Folder::new().ok(&format!("bundle inspect {}", vector.display())),
        "\
policy_runtime_bundle, signed by local://trustplane.bundle.build with unsigned-skeleton: not signed
no time of issue
trust domain example.local
0 revocation(s)

GET /v1/orders/search  (orders.search, Exact)
  audience orders-api, software or higher, bounded 300 s
  query unambiguous, body hashed
  from service:orders-client of https://issuer.example/software-jwks in example.local, software or higher
  from system:serviceaccount:automation:orders-runner of https://issuer.example/oidc in example.local, software or higher
  from spiffe://example.local/ns/orders/sa/* of https://issuer.example/spire in example.local, attested_workload or higher
"
    );
}

#[test]
fn trust_material_is_shown_key_by_key() {
    let folder = Folder::new();
    signed(&folder);
    let summary = folder.ok_json(&format!("bundle inspect trust.json --public-key {OTHER_PUBLIC}"));
    assert_eq!(
        summary["signed_by"],
        serde_json::json!({"issuer": "local://signer", "kid": "signer-1", "alg": "EdDSA", "verified": true})
    );
    assert_eq!(
        summary["keys"],
        serde_json::json!([{
            "issuer": "https://issuer.shop.example", "trust_domain": "shop.example", "kid": "web-1",
            "public_key": PUBLIC, "max_key_binding": "software", "status": "active"
        }])
    );
    let error = folder.fault(&format!("bundle inspect trust.json --public-key {PUBLIC}"));
    assert!(
        error.starts_with("error: trust.json: /signature/value: does not verify under the pinned public key"),
        "{error}"
    );
    folder.write("other.json", r#"{"kind":"thing"}"#);
    assert_eq!(
        folder.fault("bundle inspect other.json"),
        "error: other.json: /kind: expected \"policy_runtime_bundle\" or \"trust_material_bundle\" (line 1)\n"
    );
}
