//! Bundles for verifiers: whatever becomes of their files, what is served is sound and never older.

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use common::{Folder, Keyless, bundle, bundle_with, wait_for};
use serde_json::json;
use trustplane_core::{hex, sha256};

const BOTH: [&str; 4] = ["--trust-bundle", "DIR/trust", "--policy-bundle", "DIR/policy"];
const PINNED: [&str; 5] = ["--policy-bundle", "DIR/policy", "--policy-bundle-signature-public-key", "KEY", "--metrics"];
const POLICY: &str = "/v1/bundles/policy";

/// Another file in the place of the old one, as careful writers change one.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

/// What is served, which is never nothing.
#[track_caller]
fn served(services: &Keyless) -> String {
    let reply = services.get(POLICY);
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body
}

fn metric(services: &Keyless, name: &str) -> Option<u64> {
    let text = services.get("/metrics").body;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("{bundle=\"policy\"} ")?.parse().ok())
}

fn said(services: &Keyless, what: &str) -> usize {
    services.stderr().lines().filter(|line| line.contains("policy bundle") && line.contains(what)).count()
}

#[test]
fn a_bundle_has_a_strong_tag_and_is_sent_again_only_when_it_changed() {
    let services = Keyless::start(&BOTH);
    let first = services.get("/v1/bundles/trust");
    assert_eq!((first.status, first.body.as_str()), (200, bundle("trust", 5).as_str()));
    assert_eq!(first.header("content-type"), Some("application/json"));
    assert_eq!(first.header("cache-control"), Some("no-cache"));
    let tag = first.header("etag").unwrap().to_owned();
    assert_eq!(tag, format!("\"{}\"", hex(&sha256(first.body.as_bytes()))));
    for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".into()] {
        let again = services.get_if_changed("/v1/bundles/trust", &known);
        assert_eq!((again.status, again.body.as_str(), again.header("etag")), (304, "", Some(tag.as_str())), "{known}");
    }
    assert_eq!(services.get_if_changed(POLICY, &tag).status, 200);

    let newer = bundle("trust", 6);
    replace(&services.folder.join("trust"), &newer);
    let changed = services.get_if_changed("/v1/bundles/trust", &tag);
    assert_eq!((changed.status, changed.body.as_str()), (200, newer.as_str()));
    let new_tag = changed.header("etag").unwrap();
    assert_ne!(new_tag, tag);
    assert_eq!(services.get_if_changed("/v1/bundles/trust", new_tag).status, 304);
}

/// Kubernetes mounts a ConfigMap as links through `..data`, which it swaps for a new folder's name.
#[test]
fn a_config_map_is_followed_through_its_links() {
    let folder = Folder::new();
    let mount = folder.join("mount");
    let publish = |name: &str, issued_at: u64| {
        fs::create_dir_all(mount.join(name)).unwrap();
        for kind in ["trust", "policy"] {
            fs::write(mount.join(name).join(kind), bundle(kind, issued_at)).unwrap();
        }
        symlink(name, mount.join("..data_tmp")).unwrap();
        fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    };
    publish("..2026_01", 5);
    for kind in ["trust", "policy"] {
        symlink(format!("..data/{kind}"), mount.join(kind)).unwrap();
    }
    let flags = ["--trust-bundle", "DIR/mount/trust", "--policy-bundle", "DIR/mount/policy"];
    let services = Keyless::start_in(folder, &flags);
    let tags: Vec<_> = ["trust", "policy"]
        .map(|kind| services.get(&format!("/v1/bundles/{kind}")).header("etag").unwrap().to_owned())
        .into();
    for (name, old, issued_at) in [("..2026_02", "..2026_01", 6), ("..2026_03", "..2026_02", 7)] {
        publish(name, issued_at);
        fs::remove_dir_all(mount.join(old)).unwrap();
        for (kind, tag) in ["trust", "policy"].into_iter().zip(&tags) {
            let path = format!("/v1/bundles/{kind}");
            let reply = services.get_if_changed(&path, tag);
            assert_eq!((reply.status, reply.body), (200, bundle(kind, issued_at)));
            assert_eq!(services.get_if_changed(&path, services.get(&path).header("etag").unwrap()).status, 304);
        }
    }
}

#[test]
fn half_of_a_file_is_not_served() {
    let services = Keyless::start(&PINNED);
    let (old, new) = (bundle("policy", 5), bundle("policy", 6));
    let tag = services.get(POLICY).header("etag").unwrap().to_owned();
    let cuts = [0, 1, new.len() / 3, new.len() / 2, new.len() - 3];
    for cut in cuts {
        // In place, as careless writers change one.
        fs::write(services.folder.join("policy"), &new[..cut]).unwrap();
        assert_eq!(served(&services), old, "{cut}");
        assert_eq!(services.get_if_changed(POLICY, &tag).status, 304);
    }
    // An empty file may have been seen between a cut and the next.
    assert!(metric(&services, "trustplane_broker_bundle_refusals_total") >= Some(cuts.len() as u64));
    fs::write(services.folder.join("policy"), &new).unwrap();
    assert_eq!(services.get_if_changed(POLICY, &tag).body, new);
}

#[test]
fn what_is_wrong_or_older_leaves_the_last_good_one_and_is_told_once() {
    let services = Keyless::start(&PINNED);
    let path = services.folder.join("policy");
    let mut good = bundle("policy", 5);
    let forged = bundle("policy", 9).replace("example.test", "example.evil");
    let unsigned = bundle_with("policy", |it| it["issued_at"] = json!(9)).replace("EdDSA", "none");
    for (round, (wrong, problem)) in [
        (
            bundle("policy", 4),
            "/issued_at: expected more than 5, found 4: older than what is served (line 3, column 16)",
        ),
        (
            bundle_with("policy", |it| {
                it["issued_at"] = json!(6);
                it["policy_id"] = json!("other");
            }),
            "/issued_at: expected more than 6, found 6 in another document (line 3, column 16)",
        ),
        (
            bundle_with("policy", |_| {}),
            "/issued_at: missing member: what is served was issued at 7 (line 1, column 1)",
        ),
        (forged, "/signature/value: does not verify under the pinned public key"),
        (unsigned, "/signed_by/alg: expected \"EdDSA\", found \"none\""),
        (
            bundle("trust", 9),
            "/version: expected \"trustplane-bundle-v1\", found \"trustplane-trust-material-bundle-v1\"",
        ),
        (bundle_with("policy", |it| it["deny"] = json!([])), "/deny: unknown member"),
        ("{\"a\":1,\"a\":2}".into(), "/a: duplicate member"),
        ("[]".into(), "expected an object, found an array"),
        (String::new(), "EOF while parsing a value"),
    ]
    .into_iter()
    .enumerate()
    {
        let refused = format!("refused, the one issued at {} stays: {problem}", 5 + round);
        replace(&path, &wrong);
        for _ in 0..3 {
            assert_eq!(served(&services), good, "{problem}");
        }
        assert_eq!(said(&services, &refused), 1, "{problem}\n{}", services.stderr());
        assert_eq!(metric(&services, "trustplane_broker_bundle_refusals_total"), Some(round as u64 + 1));
        assert_eq!(metric(&services, "trustplane_broker_bundle_issued_at_seconds"), Some(5 + round as u64));
        good = bundle("policy", 6 + round as u64);
        replace(&path, &good);
        assert_eq!(served(&services), good);
    }
}

#[test]
fn a_file_that_goes_away_leaves_what_was_served_and_may_come_back() {
    let services = Keyless::start(&PINNED);
    let path = services.folder.join("policy");
    fs::remove_file(&path).unwrap();
    for _ in 0..3 {
        assert_eq!(served(&services), bundle("policy", 5));
    }
    assert_eq!(said(&services, "refused, the one issued at 5 stays: No such file or directory"), 1);
    replace(&path, &bundle("policy", 5));
    assert_eq!(served(&services), bundle("policy", 5));
    assert_eq!(said(&services, "sound again"), 1);
    assert_eq!(metric(&services, "trustplane_broker_bundle_refusals_total"), Some(1));
}

#[test]
fn what_the_file_no_longer_holds_says_its_age() {
    let services = Keyless::start(&PINNED);
    let path = services.folder.join("policy");
    let sound = services.get(POLICY);
    assert_eq!(sound.header("age"), None);
    let tag = sound.header("etag").unwrap();
    replace(&path, "{}");
    let age = || services.get(POLICY).header("age").map(|age| age.parse::<u64>().unwrap());
    assert!(age() >= Some(1), "{:?}", age());
    let unchanged = services.get_if_changed(POLICY, tag);
    assert_eq!((unchanged.status, unchanged.header("age").is_some()), (304, true));
    let first = age();
    wait_for("a greater age", || age() > first);
    replace(&path, &bundle("policy", 5));
    assert_eq!(age(), None, "the file holds it again");
}

#[test]
fn nothing_is_served_until_there_was_something_sound() {
    let services = Keyless::start_in(Folder::new(), &PINNED);
    assert_eq!(services.get(POLICY).status, 503);
    assert_eq!(said(&services, "not there yet; nothing is served until it is"), 1);
    fs::write(services.folder.join("policy"), "{").unwrap();
    assert_eq!(services.get(POLICY).status, 503);
    assert_eq!(said(&services, "refused, nothing is served: EOF while parsing an object (line 1, column 1)"), 1);
    assert_eq!(metric(&services, "trustplane_broker_bundle_issued_at_seconds"), None);
    fs::write(services.folder.join("policy"), bundle("policy", 5)).unwrap();
    assert_eq!(served(&services), bundle("policy", 5));
    assert_eq!(metric(&services, "trustplane_broker_bundle_issued_at_seconds"), Some(5));
}

#[test]
fn a_broken_bundle_stops_the_start_and_names_its_place() {
    for (text, problem) in [
        ("{\n  \"kind\": 1,,\n}".to_owned(), "key must be a string (line 2, column 13)"),
        (
            bundle("policy", 5).replace("\"i\"", "7"),
            "/signed_by/issuer: expected a string, found an integer (line 12, column 15)",
        ),
        (
            bundle("policy", 5).replace("example.test", "other.test"),
            "/signature/value: does not verify under the pinned public key",
        ),
        ("[]".into(), "expected an object, found an array (line 1, column 1)"),
    ] {
        let folder = Folder::new();
        let path = folder.join("policy");
        fs::write(&path, text).unwrap();
        let (status, stderr) = Keyless::fail_in(folder, &PINNED);
        assert_eq!(status.code(), Some(2), "{stderr}");
        let expected = format!("trustplane-broker: policy bundle {}: {problem}", path.display());
        assert!(stderr.lines().next().unwrap().starts_with(&expected), "{expected}\n{stderr}");
    }
}

/// The signature is the verifiers' to check; they hold the key.
#[test]
fn without_a_key_the_form_alone_counts() {
    let services = Keyless::start(&BOTH);
    let forged = bundle("policy", 6).replace("example.test", "other.test");
    replace(&services.folder.join("policy"), &forged);
    assert_eq!(served(&services), forged);
}

#[test]
fn a_change_is_told_also_when_nobody_asks() {
    let services = Keyless::start(&PINNED);
    replace(&services.folder.join("policy"), &bundle("policy", 4));
    wait_for("the refusal", || said(&services, "refused, the one issued at 5 stays") == 1);
    replace(&services.folder.join("policy"), &bundle("policy", 6));
    wait_for("the next bundle", || said(&services, "serving the one issued at 6") == 1);
}
