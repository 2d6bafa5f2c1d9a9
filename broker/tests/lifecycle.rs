//! Start, reload and stop of the process.

mod common;

use std::fs;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Output;

use common::{Folder, Running, answer, assert_denied, assert_issued, key, line, policy, request, wait_for};
use nix::sys::signal::Signal;
use serde_json::json;
use trustplane_broker::SigningKey;

fn serve(folder: &Folder, flags: &[&str]) -> Output {
    let mut command = Running::command();
    command.arg("serve");
    for (flag, name) in [("--socket", "run/broker.sock"), ("--policy", "policy.json"), ("--key-file", "key")] {
        command.arg(flag).arg(folder.join(name));
    }
    command.args(flags).output().unwrap()
}

#[track_caller]
fn assert_refused(output: &Output, error: &str) {
    assert_eq!(String::from_utf8_lossy(&output.stderr), format!("trustplane-broker: {error}\n"));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_missing_or_broken_policy_stops_the_start_with_its_place() {
    let folder = Folder::new();
    key().write_file(folder.join("key")).unwrap();
    let path = folder.join("policy.json");
    let shown = path.display();
    assert_refused(&serve(&folder, &[]), &format!("broker policy {shown}: No such file or directory (os error 2)"));
    let mut broken = policy();
    broken["callers"][0]["peer"] = json!({});
    fs::write(&path, broken.to_string()).unwrap();
    let output = serve(&folder, &[]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains(&format!("broker policy {shown}: /callers/0/peer: names neither uid nor gid")), "{error}");
    assert!(error.contains("(line 1, column "), "{error}");
    assert_eq!(output.status.code(), Some(2));
    assert!(!folder.join("run").exists(), "nothing is half started");
}

#[test]
fn a_key_that_others_can_read_stops_the_start() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let path = folder.join("key");
    key().write_file(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    fs::write(folder.join("policy.json"), policy().to_string()).unwrap();
    let error = format!("private key file {}: mode 0640 lets group or others in; chmod 0600 it", path.display());
    assert_refused(&serve(&folder, &[]), &error);
}

#[test]
fn an_audit_log_that_cannot_be_opened_stops_the_start() {
    let folder = Folder::new();
    key().write_file(folder.join("key")).unwrap();
    fs::write(folder.join("policy.json"), policy().to_string()).unwrap();
    let log = folder.join("missing/audit.jsonl");
    let output = serve(&folder, &["--audit-log", log.to_str().unwrap()]);
    assert_refused(&output, &format!("audit log {}: No such file or directory (os error 2)", log.display()));
}

#[test]
fn issuing_takes_socket_policy_and_key_together() {
    for flags in [&["--socket", "/tmp/x"][..], &["--policy", "/tmp/x"], &["--key-file", "/tmp/x"], &[], &["--healthz"]]
    {
        let output = Running::command().arg("serve").args(flags).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
    }
}

#[test]
fn a_second_broker_is_told_that_the_first_lives() {
    let mut first = Running::start(&policy());
    let output = serve(&first.folder, &[]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        error.ends_with(&format!("socket {}: another process listens there\n", first.socket().display())),
        "{error}"
    );
    assert_issued(&first.ask(&request()), &request_of(&first));
    assert!(first.is_alive());
}

/// The last request that the broker answered, as far as its answer echoes it.
fn request_of(broker: &Running) -> trustplane_broker::ipc::Request {
    let mut request = request();
    request.request_id = broker.audit().last().unwrap()["request_id"].as_str().unwrap().into();
    request
}

#[test]
fn the_start_says_what_is_in_force_and_what_memory_is_bounded_by() {
    let broker = Running::start(&policy());
    let listening = format!("issuing on {}", broker.socket().display());
    wait_for("the last word", || broker.stderr().contains(&listening));
    let said = broker.stderr();
    let public = key().public_key().to_base64url();
    assert!(said.contains("issuer https://broker.example.test, kid broker-1, 1 callers"), "{said}");
    assert!(
        said.contains(&format!(
            "public key {public} (sha256:56475aa75463474c0285df5dbf2bcab73da651358839e9b77481b2eab107708c)"
        )),
        "{said}"
    );
    assert!(
        said.contains(
            "remembers at most 1048576 nonces, each for 120 s, in at most 32356060 bytes (count x 9 x 16/7 x 3/2)"
        ),
        "{said}"
    );
}

#[test]
fn sighup_puts_policy_and_key_in_force_together() {
    let broker = Running::start(&policy());
    let mut other = policy();
    other["kid"] = json!("broker-2");
    other["callers"][0]["requests"][0]["route_id"] = json!("orders.list");
    let key = SigningKey::from_seed(&[9; 32]).unwrap();
    fs::write(broker.folder.join("policy.json"), other.to_string()).unwrap();
    fs::remove_file(broker.folder.join("key")).unwrap();
    key.write_file(broker.folder.join("key")).unwrap();
    broker.signal(Signal::SIGHUP);
    wait_for("the reload", || broker.stderr().contains("reloaded: "));
    assert!(broker.stderr().contains(&key.public_key().fingerprint()));
    let old = request();
    assert_denied(&broker.ask(&old), &old.request_id, "broker_route_denied", false);
    let new = common::ask_with(|ask| ask.route_id = "orders.list").request().unwrap();
    let response = broker.ask(&new);
    assert_issued(&response, &new);
    let token = response["artifacts"]["passport"]["value"].as_str().unwrap();
    let header = trustplane_core::base64url_bytes(token.split('.').next().unwrap().as_bytes()).unwrap();
    assert_eq!(header, br#"{"alg":"EdDSA","kid":"broker-2","typ":"JWT"}"#);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    assert!(
        key.public_key().verify(signed.as_bytes(), &trustplane_core::base64url_array(signature.as_bytes()).unwrap())
    );
}

#[test]
fn a_reload_that_fails_keeps_the_old_and_says_so() {
    let broker = Running::start(&policy());
    let first = request();
    assert_issued(&broker.ask(&first), &first);
    for (name, content) in [("policy.json", "{"), ("key", "no key")] {
        let kept = fs::read(broker.folder.join(name)).unwrap();
        fs::write(broker.folder.join(name), content).unwrap();
        let before = broker.stderr().matches("reload refused, the old policy and key stay in force: ").count();
        broker.signal(Signal::SIGHUP);
        wait_for("the refusal", || {
            broker.stderr().matches("reload refused, the old policy and key stay in force: ").count() > before
        });
        assert!(broker.stderr().contains(&broker.folder.join(name).display().to_string()));
        let request = request();
        assert_issued(&broker.ask(&request), &request);
        fs::write(broker.folder.join(name), kept).unwrap();
    }
    // Nonces outlive a reload.
    broker.signal(Signal::SIGHUP);
    wait_for("the reload", || broker.stderr().contains("reloaded: "));
    assert_denied(&broker.ask(&first), &first.request_id, "broker_nonce_stale", false);
}

#[test]
fn sighup_opens_a_moved_audit_log_again() {
    let broker = Running::start(&policy());
    assert_eq!(broker.ask(&request())["accepted"], true);
    fs::rename(broker.folder.join("audit.jsonl"), broker.folder.join("audit.1")).unwrap();
    broker.signal(Signal::SIGHUP);
    wait_for("the reload", || broker.stderr().contains("reloaded: "));
    assert_eq!(broker.ask(&request())["accepted"], true);
    assert_eq!(broker.audit().len(), 1);
    assert_eq!(common::events(&broker.folder.join("audit.1")).len(), 1);
}

#[test]
fn sigterm_ends_what_is_under_way_and_takes_nothing_new() {
    let broker = Running::start(&policy());
    let request = request();
    let mut under_way = broker.connect();
    let text = format!("{}\n", line(&request));
    let (begun, rest) = text.split_at(100);
    under_way.write_all(begun.as_bytes()).unwrap();
    // Its slot is taken once a later connection was served.
    assert_eq!(broker.ask(&common::request())["accepted"], true);
    broker.signal(Signal::SIGTERM);
    wait_for("the socket's end", || UnixStream::connect(broker.socket()).is_err());
    assert!(!broker.socket().exists());
    under_way.write_all(rest.as_bytes()).unwrap();
    assert_issued(&answer(&mut under_way), &request);
    let (status, folder) = broker.stop();
    assert_eq!(status.code(), Some(0));
    assert!(fs::read_to_string(folder.join("stderr")).unwrap().ends_with("trustplane-broker: stopped\n"));
}

#[test]
fn a_broker_that_was_killed_is_succeeded_at_the_same_path() {
    let first = Running::start(&policy());
    first.signal(Signal::SIGKILL);
    wait_for("its end", || UnixStream::connect(first.socket()).is_err());
    assert!(first.socket().exists(), "it left its socket behind");
    let mut second = Running::command();
    second.arg("serve");
    for (flag, name) in [
        ("--socket", "run/broker.sock"),
        ("--policy", "policy.json"),
        ("--key-file", "key"),
        ("--audit-log", "audit.jsonl"),
    ] {
        second.arg(flag).arg(first.folder.join(name));
    }
    let mut second = second.spawn().unwrap();
    wait_for("its successor", || UnixStream::connect(first.socket()).is_ok());
    let request = request();
    assert_issued(&first.ask(&request), &request);
    second.kill().unwrap();
    second.wait().unwrap();
}

#[test]
fn check_config_says_what_policy_and_key_are_or_where_they_fail() {
    let folder = Folder::new();
    let (policy_path, key_path) = (folder.join("policy.json"), folder.join("key"));
    fs::write(&policy_path, policy().to_string()).unwrap();
    key().write_file(&key_path).unwrap();
    let check = |policy: &Path| {
        Running::command()
            .arg("check-config")
            .arg("--policy")
            .arg(policy)
            .arg("--key-file")
            .arg(&key_path)
            .stdout(std::process::Stdio::piped())
            .output()
            .unwrap()
    };
    let output = check(&policy_path);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stdout).unwrap();
    let public = key().public_key().to_base64url();
    assert!(
        said.starts_with(&format!(
            "issuer https://broker.example.test, kid broker-1, 1 callers, public key {public} (sha256:"
        )),
        "{said}"
    );
    let missing = folder.join("missing.json");
    let output = check(&missing);
    assert_refused(&output, &format!("broker policy {}: No such file or directory (os error 2)", missing.display()));
}
