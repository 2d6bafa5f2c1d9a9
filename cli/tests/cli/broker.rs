use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::tool::{Folder, KEY};

const ISSUE: &str = "broker issue --socket run/broker.sock --audience orders-api";
const ORDER: &str = "--route-id orders.read --url http://127.0.0.1:8080/orders/7?b=2";

/// `trustplane broker serve`, which lets this user read orders.
struct Serving(Child);

impl Serving {
    fn start(folder: &Folder) -> Self {
        write_policy(folder, "300");
        folder.write_key("key", 0o600);
        let line = "broker serve --socket run/broker.sock --policy broker.json --key-file key --audit-log audit.jsonl";
        let child = folder.command(line).stderr(Stdio::piped()).spawn().unwrap();
        let mut serving = Self(child);
        let said = BufReader::new(serving.0.stderr.take().unwrap());
        let last = said.lines().map(Result::unwrap).find(|line| line.contains("issuing on"));
        assert_eq!(last.as_deref(), Some("trustplane-broker: issuing on run/broker.sock"));
        serving
    }

    fn end(mut self) -> Option<i32> {
        let pid = nix::unistd::Pid::from_raw(self.0.id().try_into().unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn write_policy(folder: &Folder, ttl: &str) {
    let uid = nix::unistd::geteuid();
    folder.write(
        "broker.json",
        &format!(
            r#"{{"version":"trustplane-broker-policy-v1","issuer":"https://broker.example","kid":"b-1",
"trust_domain":"example","ttl_seconds":{ttl},
"callers":[{{"peer":{{"uid":{uid}}},"subject":"service:web","context_fields":["purpose"],
"requests":[{{"audience":"orders-api","route_id":"orders.read","methods":["GET"]}}]}}]}}"#
        ),
    );
}

#[test]
fn a_broker_gives_headers_or_a_command_and_its_refusals_end_with_1() {
    let folder = Folder::new();
    let broker = Serving::start(&folder);
    let headers = folder.ok(&format!("{ISSUE} {ORDER} -H 'X-Tenant: acme' --context purpose=test"));
    let names: Vec<_> = headers.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        names,
        [
            "X-Tenant",
            "Authorization",
            "X-TrustPlane-Transcript-SHA256",
            "X-TrustPlane-Proof",
            "X-TrustPlane-Nonce",
            "X-TrustPlane-Body-SHA256",
        ]
    );
    let curl = folder.ok(&format!("{ISSUE} {ORDER} --curl"));
    assert!(curl.starts_with("curl -sS --path-as-is --globoff -H 'Authorization: Bearer "), "{curl}");
    assert!(curl.ends_with(" 'http://127.0.0.1:8080/orders/7?b=2'\n"), "{curl}");
    let issued = folder.ok_json(&format!("{ISSUE} {ORDER} --key-binding hardware_local --allow-software-fallback"));
    assert_eq!((&issued["accepted"], &issued["reason_code"]), (&true.into(), &"broker_passport_issued".into()));
    assert_eq!(issued["headers"].as_array().unwrap().len(), 5);

    for (line, denial) in [
        (
            format!("{ISSUE} --route-id orders.create --method post --url http://127.0.0.1:8080/orders --body x"),
            "accepted     false\nreason code  broker_route_denied\nretryable    false\n\
             message      The broker's policy does not allow this peer this request.\n",
        ),
        (
            format!("{ISSUE} {ORDER} --key-binding hardware_local"),
            "accepted               false\nreason code            insufficient_key_binding\n\
             retryable              false\nmessage                The key-binding class is below what is required, or above what its signer may grant.\n\
             requested key binding  hardware_local\navailable key binding  software\n",
        ),
        (
            format!("{ISSUE} --route-id orders.read --authority h --path /orders/../7"),
            "accepted     false\nreason code  broker_request_invalid\nretryable    false\n\
             message      The broker could not read the request, or its parts contradict each other.\nat           /request/http/path\n\
             problem      not in its canonical form\n",
        ),
    ] {
        let ran = folder.run(&line);
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (1, denial, ""), "{line}");
    }
    assert_eq!(broker.end(), Some(0));
    assert!(!folder.path("run/broker.sock").exists());
    assert_eq!(folder.read("audit.jsonl").lines().count(), 6);
}

#[test]
fn check_config_says_what_policy_and_key_are() {
    let folder = Folder::new();
    write_policy(&folder, "60");
    folder.write_key("key", 0o600);
    assert_eq!(
        folder.ok("broker check-config --policy broker.json"),
        "issuer               https://broker.example\nkid                  b-1\ntrust domain         example\n\
         callers              1\nlongest ttl seconds  60\n"
    );
    let found = folder.ok_json("broker check-config --policy broker.json --key-file key");
    assert_eq!(found["public_key"], crate::tool::PUBLIC);
    assert!(!found.to_string().contains(KEY));
}

#[test]
fn broker_faults_end_with_2_and_name_the_place() {
    let folder = Folder::new();
    write_policy(&folder, "901");
    folder.write_key("open", 0o644);
    folder.write("plain", "");
    for (line, fault) in [
        (
            format!("{ISSUE} {ORDER}"),
            "error: run/broker.sock: the broker cannot be reached: No such file or directory (os error 2)\n",
        ),
        (
            format!("broker issue --socket plain --audience a {ORDER}"),
            "error: plain: the broker cannot be reached: Connection refused (os error 111)\n",
        ),
        (format!("{ISSUE} --route-id r --url h/p"), "error: --url: expected http:// or https://\n"),
        (
            format!("{ISSUE} --route-id r --authority h --path p"),
            "error: the path must begin with / and hold no fragment\n",
        ),
        (
            format!("{ISSUE} {ORDER} -H 'Host: h'"),
            "error: header Host cannot be covered: no header name, or written by the signer, HTTP libraries or proxies\n",
        ),
        (format!("{ISSUE} {ORDER} --body-file none"), "error: none: No such file or directory (os error 2)\n"),
        (
            "broker check-config --policy none".to_owned(),
            "error: broker policy none: No such file or directory (os error 2)\n",
        ),
        (
            "broker serve --socket run/broker.sock --policy none --key-file open".to_owned(),
            "error: broker policy none: No such file or directory (os error 2)\n",
        ),
    ] {
        assert_eq!(folder.fault(&line), fault, "{line}");
    }
    let wrong = folder.fault("broker check-config --policy broker.json");
    assert!(wrong.starts_with("error: broker policy broker.json: /ttl_seconds: "), "{wrong}");
    let usage = folder.run(&format!("{ISSUE} {ORDER} --context purpose"));
    assert_eq!(usage.code, 2);
    assert!(
        usage.err.starts_with("error: invalid value 'purpose' for '--context <NAME=VALUE>': expected NAME=VALUE\n")
    );
}
