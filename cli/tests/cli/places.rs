//! Whatever reads a document says of one it refuses: file, JSON pointer, expected and found, line and column.

use crate::bundles::signed;
use crate::tool::{Folder, repository};

const POLICY: &[&str] = &[
    "bundle inspect policy.json",
    "bundle sign --policy-bundle policy.json --signer-issuer i --kid k --private-key-file key",
    "verify --policy-bundle policy.json --bundle trust.json --authority a --path / --allow-unsigned-dev-bundles",
    "envoy render --policy-bundle policy.json --bundle trust.json --upstream http://a \
     --filter f --allow-unsigned-dev-bundles",
];
const TRUST: &[&str] = &[
    "bundle inspect trust.json",
    "bundle sign --trust-material trust.json --signer-issuer i --kid k --private-key-file key",
    "verify --token a.b.c --audience a --bundle trust.json --allow-unsigned-dev-bundles",
    "verify --policy-bundle policy.json --bundle trust.json --authority a --path / --allow-unsigned-dev-bundles",
    "envoy render --policy-bundle policy.json --bundle trust.json --upstream http://a \
     --filter f --allow-unsigned-dev-bundles",
];
const FILTER: &[&str] = &["envoy render --policy-bundle policy.json --bundle trust.json --upstream http://a \
     --filter f --filter-config filter.json"];
const PROFILE: &[&str] = &["sign --profile profile.json --private-key-file key --path /"];
const BROKER: &[&str] = &[
    "broker check-config --policy broker.json",
    "broker serve --socket run/broker.sock --policy broker.json --key-file key",
];

/// Changes a file so that `wrong` stands in it, and answers the place of its first byte.
fn spoil(folder: &Folder, name: &str, right: &str, wrong: &str) -> (usize, usize) {
    let text = folder.read(name);
    let before = &text[..text.find(right).unwrap()];
    folder.write(name, &text.replacen(right, wrong, 1));
    let value = wrong.find(": ").map_or(0, |colon| colon + 2);
    let line = before.rsplit('\n').next().unwrap();
    (before.matches('\n').count() + 1, line.len() + value + 1)
}

#[test]
fn every_refusal_names_the_place() {
    for (name, right, wrong, problem, commands) in [
        (
            "policy.json",
            r#""trust_domain": "shop.example","#,
            r#""trust_domain": 7,"#,
            "/trust_domain: expected a string, found an integer",
            POLICY,
        ),
        (
            "policy.json",
            r#""method": "GET""#,
            r#""method": "get""#,
            "/route_groups/0/routes/0/method: expected upper-case letters alone",
            POLICY,
        ),
        (
            "trust.json",
            r#""kid": "web-1""#,
            r#""kid": ["é"]"#,
            "/issuers/0/keys/0/kid: expected a string, found an array",
            TRUST,
        ),
        (
            "trust.json",
            r#""alg": "EdDSA","#,
            r#""alg": "ES256","#,
            "/issuers/0/keys/0/alg: expected \"EdDSA\", found \"ES256\"",
            TRUST,
        ),
        (
            "filter.json",
            r#""é": 1, "skew_seconds": 30"#,
            r#""skew_seconds": "é""#,
            "/skew_seconds: expected an integer from 0 to 2^53, found a string",
            FILTER,
        ),
        (
            "profile.json",
            r#""state": "active""#,
            r#""state": {}"#,
            "/state: expected a string, found an object",
            PROFILE,
        ),
        (
            "profile.json",
            r#""state": "active""#,
            r#""state": "retired""#,
            "/state: expected \"active\", found \"retired\"",
            PROFILE,
        ),
        (
            "broker.json",
            r#""ttl_seconds": 300"#,
            r#""ttl_seconds": 901"#,
            "/ttl_seconds: expected 1 to 900 seconds, found 901",
            BROKER,
        ),
        (
            "broker.json",
            r#""gid": 2000"#,
            r#""gid": -1"#,
            "/callers/1/peer/gid: expected an integer from 0 to 4294967295, found -1",
            BROKER,
        ),
    ] {
        let folder = Folder::new();
        signed(&folder);
        folder.write_key("key", 0o600);
        folder.write("filter.json", "{ \"allow_unsigned_dev_bundles\": true,\n\t\"é\": 1, \"skew_seconds\": 30 }");
        folder.write("profile.json", "{ \"kid\": \"k\",\n  \"state\": \"active\" }");
        folder.write("broker.json", &std::fs::read_to_string(repository("broker/policy.example.json")).unwrap());
        let (line, column) = spoil(&folder, name, right, wrong);
        for command in commands {
            let ran = folder.run(command);
            let expected = format!("{name}: {problem} (line {line}, column {column})\n");
            assert!(ran.code == 2 && ran.err.ends_with(&expected), "{command}: {expected}{}", ran.err);
        }
    }
}
