//! A policy says exactly what it means or is refused at the member that does not.

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use common::{Folder, policy};
use serde_json::{Value, json};
use trustplane_broker::{Fact, Peer, Policy, Tuple};

fn parse(policy: &Value) -> Result<Policy, String> {
    Policy::parse(policy.to_string().as_bytes()).map_err(|fault| fault.to_string())
}

fn changed(pointer: &str, value: Value) -> Value {
    let mut policy = policy();
    *policy.pointer_mut(pointer).unwrap() = value;
    policy
}

fn peer(uid: u32, gid: u32, process: Fact<&str>) -> Peer {
    let process = match process {
        Fact::Known(path) => Fact::Known(path.to_owned()),
        Fact::Unknown => Fact::Unknown,
        Fact::Unsupported => Fact::Unsupported,
    };
    Peer { uid: Fact::Known(uid), gid: Fact::Known(gid), pid: Fact::Unknown, process, cgroup: Fact::Unknown }
}

const GET: Tuple<'_> = Tuple { audience: "orders-api", route_id: "orders.get", method: "GET", context: &[] };

#[test]
fn the_example_is_a_policy() {
    let policy = Policy::parse(include_bytes!("../policy.example.json")).unwrap();
    assert_eq!((policy.callers(), policy.longest_ttl_seconds()), (2, 300));
}

#[test]
fn faults_are_named_by_their_place() {
    for (policy, fault) in [
        (changed("/version", json!("v2")), r#"/version: expected "trustplane-broker-policy-v1", found "v2""#),
        (changed("/issuer", json!("")), "/issuer: empty, or with outer white space or a control character"),
        (changed("/kid", json!(" k")), "/kid: empty, or with outer white space or a control character"),
        (changed("/kid", json!(7)), "/kid: expected a string, found an integer"),
        (changed("/ttl_seconds", json!(0)), "/ttl_seconds: expected 1 to 900 seconds, found 0"),
        (changed("/ttl_seconds", json!(901)), "/ttl_seconds: expected 1 to 900 seconds, found 901"),
        (changed("/callers", json!({})), "/callers: expected an array, found an object"),
        (
            changed("/callers/0/peer", json!({})),
            "/callers/0/peer: names neither uid nor gid: an executable alone is no ground, any user can run it",
        ),
        (
            changed("/callers/0/peer", json!({ "executable": "/usr/bin/curl" })),
            "/callers/0/peer: names neither uid nor gid: an executable alone is no ground, any user can run it",
        ),
        (
            changed("/callers/0/peer", json!({ "uid": 1, "executable": "curl" })),
            "/callers/0/peer/executable: not an absolute path, or with a control character",
        ),
        (
            changed("/callers/0/peer", json!({ "uid": 1, "executable": null })),
            "/callers/0/peer/executable: expected a value, found null",
        ),
        (
            changed("/callers/0/peer", json!({ "uid": -1 })),
            "/callers/0/peer/uid: expected an integer from 0 to 4294967295, found -1",
        ),
        (changed("/callers/0/peer", json!({ "user": "root" })), "/callers/0/peer/user: unknown member"),
        (
            changed("/callers/0/subject", json!("a\nb")),
            "/callers/0/subject: empty, or with outer white space or a control character",
        ),
        (
            changed("/callers/0/context_fields/1", json!("")),
            "/callers/0/context_fields/1: empty, or with outer white space or a control character",
        ),
        (
            changed("/callers/0/requests", json!([])),
            "/callers/0/requests: lists nothing, so the caller could have nothing",
        ),
        (changed("/callers/0/requests/0/methods", json!([])), "/callers/0/requests/0/methods: lists no method"),
        (
            changed("/callers/0/requests/0/methods/1", json!("get")),
            "/callers/0/requests/0/methods/1: expected a method of upper-case letters",
        ),
        (
            changed("/callers/0/requests/0/audience", json!("")),
            "/callers/0/requests/0/audience: empty, or with outer white space or a control character",
        ),
        (
            changed("/callers/0/requests/0", json!({ "audience": "a", "methods": ["GET"] })),
            "/callers/0/requests/0/route_id: missing member",
        ),
    ] {
        assert_eq!(parse(&policy).unwrap_err(), fault);
    }
}

#[test]
fn every_selector_must_hold_and_what_is_unknown_matches_none() {
    let policy =
        parse(&changed("/callers/0/peer", json!({ "uid": 7, "gid": 8, "executable": "/usr/bin/orders" }))).unwrap();
    assert!(policy.knows(&peer(7, 8, Fact::Known("/usr/bin/orders"))));
    for other in [
        peer(6, 8, Fact::Known("/usr/bin/orders")),
        peer(7, 9, Fact::Known("/usr/bin/orders")),
        peer(7, 8, Fact::Known("/usr/bin/orders2")),
        peer(7, 8, Fact::Unknown),
        peer(7, 8, Fact::Unsupported),
        Peer { uid: Fact::Unknown, ..peer(7, 8, Fact::Known("/usr/bin/orders")) },
    ] {
        assert!(!policy.knows(&other), "{other:?}");
        assert!(policy.permit(&other, &GET).is_none(), "{other:?}");
    }
    let policy = parse(&changed("/callers/0/peer", json!({ "gid": 8 }))).unwrap();
    assert!(policy.knows(&peer(1, 8, Fact::Unknown)));
}

#[test]
fn the_first_caller_that_lists_the_request_names_the_subject_and_the_life() {
    let mut document = policy();
    let request = |route: &str| json!([{ "audience": "orders-api", "route_id": route, "methods": ["GET"] }]);
    document["callers"] = json!([
        { "peer": { "uid": 7, "gid": 8 }, "subject": "narrow", "ttl_seconds": 30, "requests": request("orders.get") },
        { "peer": { "uid": 7 }, "subject": "wide", "context_fields": ["purpose"], "requests": request("orders.get") },
    ]);
    let policy = parse(&document).unwrap();
    let subject = |peer: &Peer, tuple: &Tuple<'_>| {
        policy.permit(peer, tuple).map(|caller| (caller.subject.clone(), caller.ttl_seconds))
    };
    assert_eq!(subject(&peer(7, 8, Fact::Unknown), &GET), Some(("narrow".into(), 30)));
    assert_eq!(subject(&peer(7, 9, Fact::Unknown), &GET), Some(("wide".into(), 120)));
    let context = [("purpose".to_owned(), "x".to_owned())];
    assert_eq!(subject(&peer(7, 8, Fact::Unknown), &Tuple { context: &context, ..GET }), Some(("wide".into(), 120)));
    assert_eq!(subject(&peer(6, 8, Fact::Unknown), &GET), None);
    assert_eq!(policy.longest_ttl_seconds(), 120);
}

#[test]
fn parts_of_two_requests_do_not_make_a_third() {
    let mut document = policy();
    document["callers"][0]["peer"] = json!({ "uid": 7 });
    document["callers"][0]["requests"] = json!([
        { "audience": "orders-api", "route_id": "orders.get", "methods": ["GET"] },
        { "audience": "billing-api", "route_id": "bills.pay", "methods": ["POST"] },
    ]);
    let policy = parse(&document).unwrap();
    let peer = peer(7, 8, Fact::Unknown);
    assert!(policy.permit(&peer, &GET).is_some());
    for mixed in [
        Tuple { method: "POST", ..GET },
        Tuple { audience: "billing-api", ..GET },
        Tuple { route_id: "bills.pay", ..GET },
        Tuple { method: "get", ..GET },
    ] {
        assert!(policy.permit(&peer, &mixed).is_none(), "{mixed:?}");
    }
}

#[test]
fn a_file_is_named_with_line_column_and_pointer() {
    let folder = Folder::new();
    let path = folder.join("policy.json");
    let shown = path.display();
    fs::write(&path, "{\n  \"version\": \"trustplane-broker-policy-v1\",\n  \"isuer\": \"x\"\n}\n").unwrap();
    let fault = Policy::from_file(&path).unwrap_err().to_string();
    assert!(fault.starts_with(&format!("broker policy {shown}: /isuer: unknown member (line 3, column ")), "{fault}");
    fs::write(&path, "{\n  \"version\": 1,,\n}").unwrap();
    let fault = Policy::from_file(&path).unwrap_err().to_string();
    assert!(fault.starts_with(&format!("broker policy {shown}: ")) && fault.contains("line 2, column"), "{fault}");
    fs::write(&path, "{\"version\":\"a\",\"version\":\"b\"}").unwrap();
    let fault = Policy::from_file(&path).unwrap_err().to_string();
    assert!(fault.contains("/version: duplicate member"), "{fault}");
    fs::set_permissions(&path, Permissions::from_mode(0o602)).unwrap();
    assert_eq!(
        Policy::from_file(&path).unwrap_err().to_string(),
        format!("broker policy {shown}: mode 0602 lets everyone write it")
    );
    let missing = folder.join("missing.json");
    let fault = Policy::from_file(&missing).unwrap_err().to_string();
    assert_eq!(fault, format!("broker policy {}: No such file or directory (os error 2)", missing.display()));
}
