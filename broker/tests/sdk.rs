//! The official Python SDK's `BrokerClient` works against this broker unchanged.
//!
//! `TRUSTPLANE_PYTHON` names an interpreter that has `trustplane-auth-sdk`.

mod common;

use std::fs;
use std::os::unix::net::UnixStream;
use std::process::Command;

use common::{Running, policy};
use serde_json::{Value, json};
use trustplane_broker::{Fact, PeerReader};

#[test]
fn the_official_broker_client_is_served_and_denied_as_its_sdk_expects() {
    let python = std::env::var_os("TRUSTPLANE_PYTHON")
        .expect("set TRUSTPLANE_PYTHON to a Python interpreter that has trustplane-auth-sdk 0.2.3 installed");
    let mut policy = policy();
    // Where the kernel can say it safely (Linux 6.5), the client's executable is demanded, too.
    let process = match PeerReader::new().read(&UnixStream::pair().unwrap().0).process {
        Fact::Unsupported => json!("unsupported"),
        _ => {
            let executable = json!(fs::canonicalize(&python).unwrap());
            policy["callers"][0]["peer"]["executable"] = executable.clone();
            executable
        }
    };
    let broker = Running::start(&policy);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sdk_client.py");
    let output = Command::new(&python).arg(script).arg(broker.socket()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();

    let issued = result["issued"].as_array().unwrap();
    assert_eq!(issued.len(), 4);
    for exchange in issued {
        assert_eq!(exchange["response"]["reason_code"], "broker_passport_issued");
        assert_eq!(exchange["claims"]["sub"], "service:orders-caller");
        assert_eq!(exchange["claims"]["cnf"]["key_binding"], "software");
        let peer = &exchange["claims"]["provenance"]["peer"];
        assert_eq!(peer["uid"], nix::unistd::geteuid().to_string());
        assert_eq!(peer["process"], process);
    }
    assert_eq!(issued[2]["claims"]["context"], json!({ "purpose": "create_order", "tool_name": "wörker" }));
    assert_eq!(result["distinct_jtis"], 200);
    for (case, reason) in [
        ("denied_route", "broker_route_denied"),
        ("denied_class", "insufficient_key_binding"),
        ("first", "broker_passport_issued"),
        ("second", "broker_nonce_stale"),
    ] {
        assert_eq!(result[case]["reason_code"], reason, "{case}");
    }
    let events = broker.audit();
    assert_eq!(events.len(), 4 + 200 + 4);
    assert!(events.iter().all(|event| event["peer"]["process"] == process));
}
