use serde_json::Value;

use crate::bundles::signed;
use crate::tool::{Folder, KEY, OTHER_PUBLIC, PUBLIC, Ran};

const SIGN: &str = "sign --subject service:web --issuer https://issuer.shop.example --trust-domain shop.example \
     --kid web-1 --audience orders-api --route-id orders.read \
     --private-key AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";

fn verify(folder: &Folder, more: &str) -> (i32, Value) {
    let ran = folder.run(&format!(
        "verify --json --policy-bundle policy.json --policy-bundle-signature-public-key {OTHER_PUBLIC} \
         --bundle trust.json --bundle-signature-public-key {OTHER_PUBLIC} \
         --authority orders.shop.example --headers-file headers {more}"
    ));
    let event = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err));
    (ran.code, event)
}

#[test]
fn signing_prints_the_headers_and_the_twenty_lines() {
    let folder = Folder::new();
    let out = folder.ok(&format!("{SIGN} --url https://Orders.shop.example:8443/orders/7?b=2&a=1%2f -H 'Accept: text/plain' --body x --method put --explain"));
    let (headers, lines) = out.split_once("\n\n").unwrap();
    let names: Vec<_> = headers.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        names,
        [
            "Accept",
            "Authorization",
            "X-TrustPlane-Transcript-SHA256",
            "X-TrustPlane-Proof",
            "X-TrustPlane-Nonce",
            "X-TrustPlane-Body-SHA256",
            "X-TrustPlane-Signed-Headers",
        ]
    );
    let mut lines: Vec<_> = lines.lines().collect();
    assert_eq!(lines.len(), 20);
    // What differs in every run.
    for (index, name) in
        [(13, "headers.selected="), (15, "passport_jti=jti-"), (16, "nonce="), (17, "issued_at="), (18, "time_bucket=")]
    {
        assert!(lines[index].starts_with(name), "{}", lines[index]);
        lines[index] = name;
    }
    assert_eq!(
        lines,
        [
            "version=trustplane-transcript-v1",
            "method=PUT",
            "scheme=https",
            "authority=orders.shop.example:8443",
            "path=/orders/7",
            "audience=orders-api",
            "route_id=orders.read",
            "content_encoding=identity",
            "query_normalization.algorithm=rfc3986-sort-keys-values",
            "query_normalization.normalized=a=1%2F&b=2",
            "query_normalization.sha256=0a585e22035bf8e7e2e57e46667f81f3365c335278418e1fd73772570dce9814",
            "query_sha256=0a585e22035bf8e7e2e57e46667f81f3365c335278418e1fd73772570dce9814",
            "headers.allow_list=accept,x-trustplane-nonce",
            "headers.selected=",
            "body_sha256=2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
            "passport_jti=jti-",
            "nonce=",
            "issued_at=",
            "time_bucket=",
            "key_binding=software",
        ]
    );
}

#[test]
fn what_is_signed_verifies_once_the_store_says_fresh() {
    let folder = Folder::new();
    signed(&folder);
    folder.write(
        "headers",
        &folder.ok(&format!("{SIGN} --url https://orders.shop.example/orders/7?b=2&a=1 -H 'X-Tenant: t'")),
    );
    let (code, event) = verify(&folder, "--path /orders/7?b=2&a=1");
    assert_eq!((code, event["reason_code"].as_str()), (0, Some("request_allowed")), "{event}");
    for (member, value) in [
        ("version", "trustplane-auth-audit-event-v0.1"),
        ("component", "verifier"),
        ("outcome", "allow"),
        ("route_id", "orders.read"),
        ("subject", "service:web"),
        ("policy_id", "shop"),
    ] {
        assert_eq!(event[member], value);
    }
    for (store, reason) in [
        ("replayed", "jti_replay"),
        ("unavailable", "replay_store_unavailable"),
        ("full", "replay_store_full"),
        ("cold", "replay_store_cold"),
    ] {
        let (code, event) = verify(&folder, &format!("--path /orders/7?b=2&a=1 --store {store}"));
        assert_eq!((code, event["reason_code"].as_str()), (1, Some(reason)));
    }
}

#[test]
fn whatever_is_changed_is_denied_with_its_reason() {
    let folder = Folder::new();
    signed(&folder);
    let headers = folder.ok(&format!("{SIGN} --url https://orders.shop.example/orders/7?a=1 -H 'X-Tenant: t'"));
    folder.write("headers", &headers);
    let issued_at: u64 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for (more, reason) in [
        ("--path /orders/8?a=1", "request_binding_mismatch"),
        ("--path /orders/7?a=2", "request_binding_mismatch"),
        ("--path /orders/7?a=1 --body x", "request_binding_mismatch"),
        ("--path /orders/7?a=1 -H 'X-Role: admin'", "request_binding_mismatch"),
        ("--path /orders/7?a=1 -H 'X-Tenant: t'", "invalid_request"),
        ("--path /orders/7?a=1&a", "request_not_canonical"),
        ("--path /orders//7?a=1", "request_not_canonical"),
        ("--path /orders?a=1", "bundle_route_missing"),
        ("--path /orders/7?a=1 --method POST", "bundle_route_missing"),
        (&format!("--path /orders/7?a=1 --at {}", issued_at + 299), "request_allowed"),
        (&format!("--path /orders/7?a=1 --at {}", issued_at + 400), "stale_bundle_fail_closed"),
    ] {
        let (code, event) = verify(&folder, more);
        assert_eq!(event["reason_code"], reason, "{more}");
        assert_eq!(code, i32::from(reason != "request_allowed"), "{more}");
    }
    folder.write("headers", &headers.replacen("X-Tenant: t", "X-Tenant: u", 1));
    assert_eq!(verify(&folder, "--path /orders/7?a=1").1["reason_code"], "request_binding_mismatch");
    let proof = headers.lines().find(|line| line.starts_with("X-TrustPlane-Proof")).unwrap();
    let other = format!("X-TrustPlane-Proof: {}", "A".repeat(86));
    folder.write("headers", &headers.replacen(proof, &other, 1));
    assert_eq!(verify(&folder, "--path /orders/7?a=1").1["reason_code"], "invalid_request_proof");
    folder.write("headers", "");
    let (code, event) = verify(&folder, "--path /orders/7");
    assert_eq!((code, event["reason_code"].as_str()), (1, Some("missing_passport")));
}

#[test]
fn a_decision_is_one_line_and_what_is_known() {
    let folder = Folder::new();
    signed(&folder);
    folder.write("headers", "");
    let Ran { code, out, .. } = folder.run(&format!(
        "verify --policy-bundle policy.json --policy-bundle-signature-public-key {OTHER_PUBLIC} \
         --bundle trust.json --bundle-signature-public-key {OTHER_PUBLIC} \
         --authority orders.shop.example --path /orders/7 --headers-file headers"
    ));
    assert_eq!((code, out.as_str()), (1, "deny  missing_passport: The request carries no bearer passport.\n"));
}

#[test]
fn documents_are_believed_only_under_a_key() {
    let folder = Folder::new();
    signed(&folder);
    let line = "verify --policy-bundle policy.json --bundle trust.json --authority a --path /";
    assert_eq!(
        folder.fault(line),
        "error: no key to check the bundle's signature with: give --policy-bundle-signature-public-key, or --allow-unsigned-dev-bundles for development\n"
    );
    let error = folder.fault(&format!("{line} --policy-bundle-signature-public-key {PUBLIC}"));
    assert!(
        error.starts_with("error: policy.json: /signature/value: does not verify under the pinned public key"),
        "{error}"
    );
    let ran = folder.run(&format!("{line} --allow-unsigned-dev-bundles"));
    assert_eq!(ran.code, 1);
}

fn issue(folder: &Folder) -> String {
    let line = format!(
        "issue --subject service:web --audience orders-api --trust-domain shop.example --kid web-1 \
         --issuer https://issuer.shop.example --private-key {KEY} --bundle-out issued.json"
    );
    folder.ok_json(&line)["token"].as_str().unwrap().to_owned()
}

#[test]
fn a_passport_verifies_under_the_issuer_s_key_or_its_bundle() {
    let folder = Folder::new();
    let token = issue(&folder);
    for line in [
        format!("--public-key {PUBLIC} --kid web-1 --issuer https://issuer.shop.example --trust-domain shop.example"),
        format!("--bundle issued.json --bundle-signature-public-key {PUBLIC}"),
        format!("--bundle issued.json --bundle-signature-public-key {PUBLIC} --kid web-1 --trust-domain shop.example"),
    ] {
        let said = folder.ok_json(&format!("verify --token {token} --audience orders-api {line}"));
        assert_eq!(
            (&said["accepted"], &said["subject"], &said["kid"]),
            (&true.into(), &"service:web".into(), &"web-1".into())
        );
    }
    let ran = folder.run_with_input(
        &format!("verify --token - --audience orders-api --bundle issued.json --bundle-signature-public-key {PUBLIC}"),
        &format!("{token}\n"),
    );
    assert_eq!((ran.code, ran.out.lines().next()), (0, Some("accepted          true")));
}

#[test]
fn a_passport_is_refused_with_the_verifier_s_own_reason() {
    let folder = Folder::new();
    let token = issue(&folder);
    let parts: Vec<_> = token.split('.').collect();
    let forged = format!("{}.{}.{}", parts[0], parts[1], "A".repeat(86));
    let issuer = "--issuer https://issuer.shop.example --trust-domain shop.example";
    let later = "--at 4000000000";
    for (token, line, reason) in [
        (token.as_str(), format!("--public-key {PUBLIC} --kid web-1 {issuer} --audience billing"), "audience_mismatch"),
        (&token, format!("--public-key {PUBLIC} --kid web-2 {issuer} --audience orders-api"), "unknown_issuer_key"),
        (
            &token,
            format!("--public-key {OTHER_PUBLIC} --kid web-1 {issuer} --audience orders-api"),
            "invalid_passport_signature",
        ),
        (
            &token,
            format!("--public-key {PUBLIC} --kid web-1 --issuer i --trust-domain shop.example --audience orders-api"),
            "unknown_issuer_key",
        ),
        (
            &token,
            format!(
                "--public-key {PUBLIC} --kid web-1 --issuer https://issuer.shop.example --trust-domain t --audience orders-api"
            ),
            "trust_domain_mismatch",
        ),
        (
            &token,
            format!("--public-key {PUBLIC} --kid web-1 {issuer} --audience orders-api {later}"),
            "passport_expired",
        ),
        (
            &token,
            format!("--bundle issued.json --bundle-signature-public-key {PUBLIC} --kid web-2 --audience orders-api"),
            "unknown_issuer_key",
        ),
        (
            &forged,
            format!("--public-key {PUBLIC} --kid web-1 {issuer} --audience orders-api"),
            "invalid_passport_signature",
        ),
        ("a.b", format!("--public-key {PUBLIC} --kid web-1 {issuer} --audience orders-api"), "invalid_passport"),
    ] {
        let ran = folder.run(&format!("verify --json --token {token} {line}"));
        let said: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err));
        assert_eq!((ran.code, said["reason_code"].as_str()), (1, Some(reason)), "{line}");
    }
}

#[test]
fn a_class_is_worth_what_its_issuer_is_worth() {
    let folder = Folder::new();
    let line = format!(
        "issue --subject s --audience a --trust-domain t --private-key {KEY} --bundle-out issued.json --key-binding attested_workload"
    );
    let token = folder.ok_json(&line)["token"].as_str().unwrap().to_owned();
    let ran = folder.run(&format!(
        "verify --token {token} --audience a --bundle issued.json --bundle-signature-public-key {PUBLIC}"
    ));
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("insufficient_key_binding"), "{}", ran.out);
}

#[test]
fn a_request_that_cannot_be_signed_says_why() {
    let folder = Folder::new();
    for (line, problem) in [
        ("--path /orders/7", "--url or --authority is missing: a proof binds the host and port that are dialled"),
        ("--authority h", "--path or --url is missing, and no --profile names one path"),
        ("--url ftp://h/p", "--url: expected http:// or https://"),
        (
            "--url http://h/p -H 'Host: x'",
            "header Host cannot be covered: no header name, or written by the signer, HTTP libraries or proxies",
        ),
        ("--url http://h/p -H 'a: 1' -H 'A: 2'", "header a comes more than once; verifiers refuse that"),
        ("--url http://h/p?a=%zz", "the query holds a malformed escape or does not decode to UTF-8"),
        ("--url http://h/p#f", "the path must begin with / and hold no fragment"),
        ("--url http://h/p --ttl 0", "the passport's times are not in order"),
    ] {
        assert_eq!(folder.fault(&format!("{SIGN} {line}")), format!("error: {problem}\n"), "{line}");
    }
    let ran = folder.run(&format!("{SIGN} --url http://h/p?a=2&a=1"));
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (0, "note: parsers may read this query in different ways; only a route with query_form compat takes it\n")
    );
}
