//! `envoy-config/tiers/`: each tier's documents are what its authoring file gives, its caller is
//! let in, and what its README says it does not prove opens nothing. TRUSTPLANE_BLESS=1 writes the
//! documents anew.

use std::process::Command;

use crate::examples::settle;
use crate::tool::{Folder, KEY, PUBLIC, repository};

/// The keys of the examples: seeds of one byte, 32 times.
const SOFTWARE: &str = "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM";
const STS: &str = "BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ";
const RUNNER: &str = "BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU";
const RUNNER_PUBLIC: &str = "bnoc3Smwt4_ROvTFWY_v9O8qlxZuPKby5Pv8zYBQW_E";
const FLEET: &str = "BgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgY";

const TIERS: [(&str, &str); 3] =
    [("software-jwks", "authoring.yaml"), ("oidc-jwks", "authoring.toml"), ("aws-ec2", "authoring.json")];

/// Its callers ask a broker that asks SPIRE.
const SPIFFE: (&str, &str) = ("spiffe", "authoring.yaml");

/// The documents of a tier, signed with a key that is in the tests, at a fixed time.
pub fn built(tier: &str, authoring: &str) -> Folder {
    let folder = Folder::new();
    let config = repository(&format!("envoy-config/tiers/{tier}/{authoring}"));
    folder.ok(&format!(
        "bundle build --config {} --out-policy-bundle p.json --out-trust-material t.json",
        config.display()
    ));
    for (flag, from, to) in [("--policy-bundle", "p", "policy"), ("--trust-material", "t", "trust")] {
        folder.ok(&format!(
            "bundle sign {flag} {from}.json --out {to}.json --signer-issuer local://example --kid example --private-key {KEY} --issued-at 1790000000"
        ));
    }
    for (name, key) in [("software.key", SOFTWARE), ("sts.key", STS), ("runner.key", RUNNER), ("fleet.key", FLEET)] {
        folder.write_key(name, 0o600);
        folder.write(name, key);
    }
    folder
}

/// Runs a tier's script with more flags, and gives what it prints.
fn script(folder: &Folder, line: &str, environment: &[(&str, &str)]) -> String {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_trustplane"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell
        .args(["-c", line])
        .current_dir(folder.path(""))
        .env("PATH", path)
        .env("TIERS", repository("envoy-config/tiers"));
    let out = shell.envs(environment.iter().copied()).output().unwrap();
    assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// What the verifier says of the headers.
pub fn verdict(folder: &Folder, headers: &str) -> String {
    folder.write("headers", headers);
    let ran = folder.run(&format!(
        "verify --json --policy-bundle policy.json --policy-bundle-signature-public-key {PUBLIC} --bundle trust.json \
         --bundle-signature-public-key {PUBLIC} --authority orders.example --path /orders/7 --headers-file headers"
    ));
    let event: serde_json::Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err));
    event["reason_code"].as_str().unwrap().to_owned()
}

const SOFTWARE_CALL: &str = "sh $TIERS/software-jwks/caller.sh";
const OIDC_CALL: &str = "sh $TIERS/oidc-jwks/issuer.sh | sh $TIERS/oidc-jwks/caller.sh";
const FLEET_CALL: &str = "sh $TIERS/aws-ec2/caller.sh";

fn keys(tier: &str) -> [(&'static str, &'static str); 3] {
    let own = match tier {
        "software-jwks" => "software.key",
        "oidc-jwks" => "runner.key",
        _ => "fleet.key",
    };
    [("PRIVATE_KEY_FILE", own), ("ISSUER_KEY_FILE", "sts.key"), ("PUBLIC_KEY", RUNNER_PUBLIC)]
}

/// The tier's own call.
fn call(tier: &str) -> &'static str {
    match tier {
        "software-jwks" => SOFTWARE_CALL,
        "oidc-jwks" => OIDC_CALL,
        _ => FLEET_CALL,
    }
}

#[test]
fn each_tiers_documents_are_what_its_authoring_file_gives() {
    for (tier, authoring) in TIERS.into_iter().chain([SPIFFE]) {
        let folder = built(tier, authoring);
        for name in ["policy.json", "trust.json"] {
            settle(&format!("envoy-config/tiers/{tier}/{name}"), &folder.read(name));
        }
    }
}

#[test]
fn each_tiers_caller_is_let_in() {
    for (tier, authoring) in TIERS {
        let folder = built(tier, authoring);
        let headers = script(&folder, call(tier), &keys(tier));
        assert_eq!(verdict(&folder, &headers), "request_allowed", "{tier}");
    }
}

#[test]
fn no_source_type_grants_or_takes_anything() {
    for (tier, authoring) in TIERS {
        let folder = built(tier, authoring);
        let unsigned = folder.read("p.json");
        let before = folder.json("p.json")["route_groups"][0]["routes"][0]["allowed_sources"][0]["source_type"].clone();
        let headers = script(&folder, call(tier), &keys(tier));
        for other in ["spiffe_spire", "hardware_attested", "nobody"] {
            folder.write("p.json", &unsigned.replace(before.as_str().unwrap(), other));
            folder.ok(&format!(
                "bundle sign --policy-bundle p.json --out policy.json --signer-issuer i --kid k --private-key {KEY}"
            ));
            assert_eq!(verdict(&folder, &headers), "request_allowed", "{tier} {other}");
            let boast = match tier {
                "oidc-jwks" => OIDC_CALL.replace("issuer.sh", "issuer.sh --key-binding attested_workload"),
                _ => format!("{} --key-binding attested_workload", call(tier)),
            };
            let headers = script(&folder, &boast, &keys(tier));
            assert_eq!(verdict(&folder, &headers), "insufficient_key_binding", "{tier} {other}");
        }
    }
}

#[test]
fn what_a_tier_does_not_cover_opens_nothing() {
    let folder = built("aws-ec2", "authoring.json");
    let near = FLEET_CALL.replace("sh ", "INSTANCE_ID=i-1 sh ");
    assert_eq!(verdict(&folder, &script(&folder, &near, &keys("aws-ec2"))), "request_allowed");
    let fleet = repository("envoy-config/tiers/aws-ec2/caller.sh");
    let text = std::fs::read_to_string(fleet).unwrap().replace("us-east-1:$", "us-east-1x:$");
    folder.write("elsewhere.sh", &text);
    assert_eq!(verdict(&folder, &script(&folder, "sh elsewhere.sh", &keys("aws-ec2"))), "source_subject_mismatch");

    // A passport for another's key: the signer says so, and so does a verifier that gets it anyway.
    let folder = built("oidc-jwks", "authoring.toml");
    let token = script(&folder, "sh $TIERS/oidc-jwks/issuer.sh", &keys("oidc-jwks"));
    let sign = format!("sign --token {} --route-id orders.read --url https://orders.example/orders/7", token.trim());
    assert_eq!(
        folder.fault(&format!("{sign} --private-key-file fleet.key")),
        format!(
            "error: --token: /cnf/public_key_b64url: it was issued for the key {RUNNER_PUBLIC}, and the private key given is that of \
             iodf_x6zhFFXes1a_uQFRWVo3XyJ4JCGOgVXvHr0nxc\n"
        )
    );
    for (token, problem) in [
        ("nothing", "not a compact JWS"),
        ("bm90aGluZw.bm90aGluZw.x", "expected ident (line 1, column 2)"),
        ("e30.e30.x", "/kid: missing member"),
    ] {
        let line =
            format!("sign --token {token} --route-id r --url https://orders.example/ --private-key-file runner.key");
        let ran = folder.run(&line);
        assert_eq!((ran.code, ran.out), (2, String::new()));
        assert_eq!(ran.err, format!("error: --token: {problem}\n"));
    }
    let headers = folder.ok(&format!("{sign} --private-key-file runner.key"));
    assert_eq!(verdict(&folder, &headers), "request_allowed");
    let other = script(&folder, OIDC_CALL, &keys("oidc-jwks"));
    let proof = other.lines().find(|line| line.starts_with("X-TrustPlane-Proof")).unwrap();
    let mixed: Vec<_> =
        headers.lines().map(|line| if line.starts_with("X-TrustPlane-Proof") { proof } else { line }).collect();
    assert_eq!(verdict(&folder, &mixed.join("\n")), "invalid_request_proof");
}

#[test]
fn lint_finds_nothing_but_that_the_keys_are_published() {
    for (tier, authoring) in TIERS.into_iter().chain([SPIFFE]) {
        let config = repository(&format!("envoy-config/tiers/{tier}/{authoring}"));
        let ran = Folder::new().run(&format!("bundle lint {} --json", config.display()));
        let found: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let codes: Vec<_> =
            found["findings"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap()).collect();
        assert_eq!((ran.code, codes), (1, vec!["key-published"]), "{tier}");
    }
}
