//! What is found in documents, with a stable name, its place and a sentence.

use crate::authoring::{JWKS, YAML, authored};
use crate::bundles::signed;
use crate::tool::{Folder, OTHER_PUBLIC, PUBLIC, repository};

/// Public keys whose private halves nobody keeps.
const ONE: &str = "xEZjxDOxYSSdWyRVVPyj59LWi4x2qSu8Z8-iwwG25zE";
const TWO: &str = "zyeD8PGuTliTuYXlgmnAoM_afd5GRP4OdDIqPWHMXDA";
const THREE: &str = "LAo0z5VvQOKDrzZ2w5Wa7P9OCejqiOyqSrpFSIn49Z8";

/// The authoring file with keys that nobody else has.
fn clean() -> Folder {
    let folder = authored("shop.yaml", &sound());
    folder.write("keys/ci.jwks.json", &JWKS.replace(PUBLIC, THREE));
    folder
}

fn sound() -> String {
    YAML.replace(PUBLIC, ONE).replace(OTHER_PUBLIC, TWO)
}

const AT: &str = "--at 2026-06-01T00:00:00Z";

/// Severity, code and pointer of each finding, and its sentence.
fn findings(folder: &Folder, line: &str) -> Vec<(String, String)> {
    let ran = folder.run(&format!("{line} --json"));
    let found: serde_json::Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err));
    let found = found["findings"].as_array().unwrap();
    assert_eq!(ran.code, i32::from(!found.is_empty()));
    let word = |finding: &serde_json::Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let head = |it| format!("{} {} {}", word(it, "severity"), word(it, "code"), word(it, "pointer"));
    found.iter().map(|it| (head(it), word(it, "sentence"))).collect()
}

#[track_caller]
fn assert_found(folder: &Folder, line: &str, expected: &[(&str, &str)]) {
    let found = findings(folder, line);
    let found: Vec<_> = found.iter().map(|(head, sentence)| (head.as_str(), sentence.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_sound_file_has_no_findings() {
    let folder = clean();
    let ran = folder.run(&format!("bundle lint shop.yaml {AT}"));
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""));
    assert_eq!(folder.ok(&format!("bundle lint shop.yaml {AT} --json")), "{\"findings\":[]}\n");
}

#[test]
fn findings_are_lines_that_editors_follow() {
    let folder = clean();
    folder.write(
        "shop.yaml",
        &sound()
            .replace("service:web", "service:web\n    source_type: software_jwks")
            .replace("subject_prefix: \"pipeline:release:\"", "subject_prefix: \"pipeline:\""),
    );
    let ran = folder.run(&format!("bundle lint shop.yaml {AT}"));
    assert_eq!(ran.code, 1);
    assert_eq!(
        ran.out,
        "shop.yaml:41:21: warning subject-prefix-broad: /callers/1/subject_prefix\n  \
         It admits every subject of https://ci.shop.example that begins with pipeline:\n"
    );
}

#[test]
fn routes_that_nothing_reaches_or_that_cross_are_found() {
    let folder = clean();
    let routes = "
      - { route_id: a, method: GET, path_template: '/a/{x}/c' }
      - { route_id: b, method: GET, path_template: '/a/b/{y}' }
      - { route_id: c, method: GET, path_template: '/a/{other}/c' }
      - { route_id: d, method: GET, path_template: '/a/{y}/{z}' }
      - { route_id: e, method: GET, path_template: '/a/{y}/d' }
      - { route_id: f, method: POST, path_template: /orders }
      - { route_id: g, method: GET, path_template: /, match_type: PathPrefix }
      - { route_id: h, method: GET, path_template: /p, match_type: PathPrefix, body_mode: claimed }
      - { route_id: i, method: GET, path_template: /p, match_type: PathPrefix }
      - { route_id: j, method: GET, path_template: /q, freshness_class: bounded, max_staleness_seconds: 0 }
      - { route_id: k, method: GET, path_template: /r }
callers:
  - { issuer: 'https://issuer.shop.example', subject_exact: x, may_call: [a, b, c, d, e, f, g, h, i, j] }";
    folder.write("shop.yaml", &sound().replace("\ncallers:", routes));
    let at = "/apis/0/routes/";
    assert_found(
        &folder,
        &format!("bundle lint shop.yaml {AT}"),
        &[
            (
                &format!("warning route-overlap {at}3/path_template"),
                "It shares paths with a (GET /a/{x}/c); on those, b (GET /a/b/{y}) decides.",
            ),
            (
                &format!("error route-unreachable {at}4/path_template"),
                "No request reaches it: a (GET /a/{x}/c) takes every request that it would serve.",
            ),
            (
                &format!("error route-unreachable {at}6/path_template"),
                "No request reaches it: d (GET /a/{y}/{z}) takes every request that it would serve.",
            ),
            (
                &format!("error route-unreachable {at}7/path_template"),
                "No request reaches it: orders.create (POST /orders) takes every request that it would serve.",
            ),
            (
                &format!("warning path-prefix-broad {at}8/path_template"),
                "It serves GET on every path that no other route names.",
            ),
            (
                &format!("warning body-unbound {at}9/body_mode"),
                "The body that comes may be another than the one that was signed: it is not hashed.",
            ),
            (
                &format!("error route-unreachable {at}10/path_template"),
                "No request reaches it: h (GET /p) takes every request that it would serve.",
            ),
            (
                &format!("error route-denies-all {at}11/max_staleness_seconds"),
                "It denies everyone: it is bounded, and no maximum is given.",
            ),
            (&format!("error route-denies-all {at}12/allowed_sources"), "It denies everyone: it allows no source."),
        ],
    );
}

#[test]
fn rules_that_admit_nobody_or_more_than_they_say_are_found() {
    let folder = clean();
    let caller =
        |rest: &str| format!("\n  - {{ issuer: 'https://issuer.shop.example', {rest}, may_call: [orders.read] }}");
    let callers = [
        "subject_prefix: 'service:batch:'",
        "subject_exact: 'service:batch:1'",
        "subject_exact: 'service:batch:2', required_key_binding: hardware_local",
        "subject_prefix: 'service:batch:eu:', context_policy: { required_purpose: x }",
        "subject_exact: 'service:batch:2'",
        "subject_exact: 'gold', required_key_binding: attested_workload",
        "subject_exact: 'strange', trust_domain: other.example",
        "subject_prefix: 'spiffe://shop.example/'",
    ];
    let text: String = callers.iter().map(|rest| caller(rest)).collect();
    folder.write("shop.yaml", &sound().replace("\nrevocations:", &format!("{text}\nrevocations:")));
    let of = "another rule admits the same callers, as";
    assert_found(
        &folder,
        &format!("bundle lint shop.yaml {AT}"),
        &[
            ("note rule-redundant /callers/3", &format!("It is of no use: {of} service:batch:*.")),
            (
                "warning rule-bypassed /callers/4",
                &format!("Its terms bind nobody: {of} service:batch:2, on laxer terms."),
            ),
            (
                "warning rule-bypassed /callers/5",
                &format!("Its terms bind nobody: {of} service:batch:*, on laxer terms."),
            ),
            ("note rule-redundant /callers/6", &format!("It is of no use: {of} service:batch:*.")),
            (
                "error class-above-issuer /callers/7/required_key_binding",
                "It admits nobody: it needs attested_workload, and no key of https://issuer.shop.example may grant more than hardware_local.",
            ),
            (
                "error rule-domain-differs /callers/8/trust_domain",
                "It admits nobody: https://issuer.shop.example speaks for \"shop.example\".",
            ),
            (
                "warning subject-prefix-broad /callers/9/subject_prefix",
                "It admits every subject of https://issuer.shop.example that begins with spiffe://shop.example/",
            ),
        ],
    );
}

#[test]
fn weak_shared_and_ending_keys_are_found() {
    let folder = clean();
    folder.write("keys/ci.jwks.json", &JWKS.replace(PUBLIC, TWO));
    folder.write("shop.yaml", &sound().replace(ONE, PUBLIC));
    let published = (
        "error key-published /issuers/0/keys/0/public_key_b64url",
        "Anyone can sign with it: it is the key of the seed that is 32 times 0x01.",
    );
    let shared = (
        "warning key-shared /keys/0/x",
        "Whoever holds web-2 of https://issuer.shop.example holds it too: it is the same key.",
    );
    let line = "bundle lint shop.yaml --at";
    // The key set is another file, and stands first by its name.
    assert_found(&folder, &format!("{line} 2026-06-01T00:00:00Z"), &[shared, published]);
    let soon =
        ("warning key-expiring /issuers/0/keys/0/not_after", "It is unknown to verifiers after 2027-01-31T00:00:00Z.");
    assert_found(&folder, &format!("{line} 2027-01-02T00:00:00Z"), &[shared, published, soon]);
    assert_found(&folder, &format!("{line} 2027-01-02T00:00:00Z --within 1w"), &[shared, published]);
    let over =
        ("note key-expired /issuers/0/keys/0/not_after", "It is unknown to verifiers since 2027-01-31T00:00:00Z.");
    assert_found(&folder, &format!("{line} 2027-02-02T00:00:00Z"), &[shared, published, over]);
}

#[test]
fn two_documents_are_compared_with_each_other() {
    let folder = Folder::new();
    signed(&folder);
    folder.write("trust.json", &folder.read("trust.json").replace(PUBLIC, ONE));
    let issued = folder.json("policy.json")["issued_at"].as_u64().unwrap();
    let line = format!("bundle lint policy.json trust.json --at {issued}");
    assert_found(&folder, &line, &[]);
    folder.write(
        "other.json",
        &folder.read("trust.json").replace("https://issuer.shop.example", "https://other.example"),
    );
    assert_found(
        &folder,
        &line.replace("trust.json", "other.json"),
        &[(
            "error rule-issuer-unknown /route_groups/0/routes/0/allowed_sources/0/issuer",
            "It admits nobody: the trust material has no issuer https://issuer.shop.example.",
        )],
    );
    folder.write(
        "other.json",
        &folder.read("trust.json").replace("\"kid\": \"web-1\"", "\"status\": \"revoked\", \"kid\": \"web-1\""),
    );
    assert_found(
        &folder,
        &line.replace("trust.json", "other.json"),
        &[(
            "error issuer-without-key /route_groups/0/routes/0/allowed_sources/0/issuer",
            "It admits nobody: every key of https://issuer.shop.example is revoked or has expired.",
        )],
    );
    folder.ok("bundle revoke policy.json jti x");
    folder.write("policy.json", &folder.read("policy.json").replace("\"jti\"", "\"fleet\""));
    assert_found(
        &folder,
        &line,
        &[(
            "error revocation-type-unknown /revocations/0/type",
            "No verifier knows the type \"fleet\", so every route that is not offline-ok denies everyone.",
        )],
    );
}

#[test]
fn a_document_that_is_too_old_for_its_routes_is_found() {
    let folder = Folder::new();
    signed(&folder);
    let line = "bundle sign --signer-issuer i --kid k --private-key AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE --policy-bundle policy.json --out old.json --issued-at 1790000000";
    folder.ok(line);
    let stale = |sentence: &'static str| [("warning document-stale /issued_at", sentence)];
    assert_found(&folder, "bundle lint old.json --at 1790000300", &[]);
    assert_found(
        &folder,
        "bundle lint old.json --at 1790000301",
        &stale("It was issued at 2026-09-21T14:13:20Z: routes bounded to 300 s deny since 2026-09-21T14:18:20Z."),
    );
    assert_found(
        &folder,
        "bundle lint old.json --at 1790000250 --within 60s",
        &stale("It was issued at 2026-09-21T14:13:20Z: routes bounded to 300 s deny from 2026-09-21T14:18:20Z on."),
    );
}

#[test]
fn what_cannot_be_read_is_a_fault_and_no_finding() {
    let folder = clean();
    folder.write("other.json", "{\"kind\": 1}");
    assert_eq!(
        folder.fault("bundle lint other.json"),
        "error: other.json: /kind: expected \"policy_runtime_bundle\" or \"trust_material_bundle\", or an authoring file (line 1)\n"
    );
    assert_eq!(
        folder.fault("bundle lint shop.yaml shop.yaml"),
        "error: both files have a policy: expected at most one of each kind\n"
    );
    let vector = repository("core-nostd/vectors/bundle-v1.source-rules.json");
    assert_found(&folder, &format!("bundle lint {}", vector.display()), &[]);
}
