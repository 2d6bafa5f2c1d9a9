//! What `envoy render` and `envoy-config/` give, in a real Envoy.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use trustplane::client::{self, Message};
use trustplane::envoy::{Envoy, Launch, find_binary};
use trustplane::local::find_filter;
use trustplane::upstream::Echo;

use crate::running::command;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("trustplane-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn start(&self, config: &str) -> Envoy {
        let binary = find_binary(None, std::env::var_os("PATH").as_deref()).unwrap();
        let config = self.0.join(config);
        Envoy::start(&Launch { binary, config, folder: self.0.clone(), workers: 2 }).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

fn run(folder: &Path, args: &[&str]) -> String {
    let out = command().args(args).current_dir(folder).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

const ORDERS: &str = r#"{
  "trust_domain": "t",
  "apis": [{ "api_id": "orders", "audience": "orders-api" }],
  "route_groups": [{ "route_group_id": "g", "api_id": "orders", "routes": [{
    "route_id": "orders.create", "method": "POST", "path_template": "/orders",
    "required_key_binding": "software", "freshness_class": "offline-ok", "max_body_bytes": 4096,
    "allowed_sources": [{ "issuer": "i", "trust_domain": "t", "subject_exact": "s", "required_key_binding": "software" }]
  }] }]
}"#;

/// Both ways of holding a request answer alike, and nothing of a denied one reaches the service.
#[tokio::test]
async fn a_rendered_configuration_holds_requests_in_both_modes() {
    for hold in ["stop_iteration", "trailing_buffer"] {
        let folder = Folder::new(hold);
        fs::write(folder.0.join("orders.json"), ORDERS).unwrap();
        run(&folder.0, &["bundle", "build", "--config", "orders.json", "--out", "policy.json"]);
        let key = run(&folder.0, &["gen-key", "--out", "key", "--json"]);
        let key: Value = serde_json::from_str(&key).unwrap();
        let issue =
            ["issue", "--subject", "s", "--audience", "a", "--trust-domain", "t", "--issuer", "i", "--kid", "k"];
        run(&folder.0, &[&issue[..], &["--private-key-file", "key", "--bundle-out", "trust.json"]].concat());
        let echo = Echo::start().unwrap();
        let upstream = format!("http://{}", echo.address());
        let filter = find_filter(None).unwrap();
        let access_log = folder.0.join("access.log");
        let render = ["envoy", "render", "--policy-bundle", "policy.json", "--bundle", "trust.json"];
        let places = [
            "--listen",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
            "--domain",
            "127.0.0.1",
            "--access-log",
            access_log.to_str().unwrap(),
        ];
        let rest = [
            "--bundle-signature-public-key",
            key["public_key"].as_str().unwrap(),
            "--allow-unsigned-dev-bundles",
            "--hold",
            hold,
            "--upstream",
            &upstream,
            "--filter",
            filter.to_str().unwrap(),
            "--out",
            "envoy.json",
        ];
        run(&folder.0, &[&render[..], &places, &rest].concat());
        let envoy = folder.start("envoy.json");
        let listener = envoy.listener("trustplane").unwrap();
        // Passports from the first seconds of the replay store are refused.
        std::thread::sleep(std::time::Duration::from_secs(4));

        let url = format!("http://{listener}/orders");
        let long = "x".repeat(4097);
        for (sent, body, outcome) in [
            ("{}", "{}", (200, None)),
            ("{}", "[]", (403, Some("request_binding_mismatch"))),
            ("{}", "", (403, Some("request_binding_mismatch"))),
            (&long, &long, (413, Some("body_too_large"))),
        ] {
            let before = echo.count();
            let sign = ["sign", "--json", "--url", &url, "--method", "POST", "--audience", "orders-api"];
            let who =
                ["--route-id", "orders.create", "--subject", "s", "--issuer", "i", "--trust-domain", "t", "--kid", "k"];
            let signed = run(&folder.0, &[&sign[..], &who, &["--private-key-file", "key", "--body", sent]].concat());
            let signed: Value = serde_json::from_str(&signed).unwrap();
            let pairs = signed["headers"].as_array().unwrap().iter();
            let message = Message {
                method: "POST".into(),
                target: "/orders".into(),
                authority: listener.to_string(),
                headers: pairs
                    .map(|pair| (pair[0].as_str().unwrap().into(), pair[1].as_str().unwrap().into()))
                    .collect(),
                body: body.into(),
            };
            let answer = client::send(listener, &message).await.unwrap();
            assert_eq!((answer.status, answer.reason().as_deref()), outcome, "{hold} {}", body.len());
            assert_eq!(echo.count() - before, u64::from(outcome.0 == 200), "{hold} {}", body.len());
        }
    }
}

/// The committed examples load, and deny what comes without a passport.
#[tokio::test]
async fn the_example_configurations_run() {
    let folder = Folder::new("examples");
    let filter = find_filter(None).unwrap();
    let envoy: Value = serde_json::from_slice(&fs::read(repository("envoy-config/envoy/envoy.json")).unwrap()).unwrap();
    let istio: Value =
        serde_json::from_slice(&fs::read(repository("envoy-config/istio/envoyfilter.json")).unwrap()).unwrap();
    for (name, mut config) in [("envoy.json", envoy.clone()), ("istio.json", with_patches(envoy, &istio))] {
        let listener = &mut config["static_resources"]["listeners"][0];
        listener["address"]["socket_address"] = json!({"address": "127.0.0.1", "port_value": 0});
        let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
        let wasm = &mut manager["http_filters"][0]["typed_config"]["config"];
        wasm["vm_config"]["code"]["local"]["filename"] = json!(filter);
        config["admin"]["address"]["socket_address"]["port_value"] = json!(0);
        fs::write(folder.0.join(name), config.to_string()).unwrap();
        let envoy = folder.start(name);
        let address = envoy.listener("trustplane").unwrap();
        let message = Message {
            method: "GET".into(),
            target: "/orders/7".into(),
            authority: "orders.example".into(),
            ..Message::default()
        };
        let answer = client::send(address, &message).await.unwrap();
        // A configuration that the filter could not read would be `verifier_unavailable`.
        assert_eq!((answer.status, answer.reason().as_deref()), (401, Some("missing_passport")), "{name}");
    }
}

/// The configuration that a proxy of the mesh would have: its own, with the patches applied.
fn with_patches(mut config: Value, istio: &Value) -> Value {
    let manager = &mut config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let router = manager["http_filters"].as_array().unwrap().last().unwrap().clone();
    let mut filters = Vec::new();
    for patch in istio["spec"]["configPatches"].as_array().unwrap() {
        let value = &patch["patch"]["value"];
        match patch["applyTo"].as_str().unwrap() {
            "HTTP_FILTER" => {
                assert_eq!(patch["patch"]["operation"], "INSERT_BEFORE");
                filters.push(value.clone());
            }
            "NETWORK_FILTER" => {
                assert_eq!(patch["patch"]["operation"], "MERGE");
                for (name, member) in value["typed_config"].as_object().unwrap() {
                    manager[name] = member.clone();
                }
            }
            other => panic!("no patch of {other} is expected"),
        }
    }
    filters.push(router);
    manager["http_filters"] = filters.into();
    config
}
