use serde_json::{Value, json};

use crate::bundles::signed;
use crate::tool::{Folder, OTHER_PUBLIC, PUBLIC};

fn render(more: &str) -> String {
    format!(
        "envoy render --policy-bundle policy.json --bundle trust.json --filter /etc/trustplane/filter.wasm \
         --policy-bundle-signature-public-key {OTHER_PUBLIC} --bundle-signature-public-key {OTHER_PUBLIC} \
         --upstream http://127.0.0.1:3000 {more}"
    )
}

fn manager(config: &Value) -> &Value {
    &config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
}

fn filter_names(config: &Value) -> Vec<&str> {
    manager(config)["http_filters"].as_array().unwrap().iter().map(|filter| filter["name"].as_str().unwrap()).collect()
}

#[test]
fn the_configuration_is_complete_and_hardened() {
    let folder = Folder::new();
    signed(&folder);
    let config: Value = serde_json::from_str(&folder.ok(&render(""))).unwrap();
    let http = manager(&config);
    for (pointer, value) in [
        ("/normalize_path", json!(true)),
        ("/merge_slashes", json!(true)),
        ("/path_with_escaped_slashes_action", json!("REJECT_REQUEST")),
        ("/common_http_protocol_options/headers_with_underscores_action", json!("REJECT_REQUEST")),
        ("/use_remote_address", json!(true)),
        ("/request_headers_timeout", json!("10s")),
        ("/request_timeout", json!("60s")),
        ("/stream_idle_timeout", json!("60s")),
        ("/route_config/virtual_hosts/0/domains", json!(["orders.shop.example"])),
    ] {
        assert_eq!(http.pointer(pointer), Some(&value), "{pointer}");
    }
    assert_eq!(http.get("upgrade_configs"), None);
    assert_eq!(filter_names(&config), ["envoy.filters.http.wasm", "envoy.filters.http.router"]);
    let wasm = &http["http_filters"][0]["typed_config"]["config"];
    for (pointer, value) in [
        ("/failure_policy", json!("FAIL_RELOAD")),
        ("/allow_on_headers_stop_iteration", json!(true)),
        ("/vm_config/vm_id", json!("trustplane")),
        ("/vm_config/code/local/filename", json!("/etc/trustplane/filter.wasm")),
    ] {
        assert_eq!(wasm.pointer(pointer), Some(&value), "{pointer}");
    }
    let inline: Value = serde_json::from_str(wasm["configuration"]["value"].as_str().unwrap()).unwrap();
    assert_eq!(inline["policy_bundle"], folder.json("policy.json"));
    assert_eq!(inline["trust_bundle"], folder.json("trust.json"));
    assert_eq!(inline["policy_bundle_signature_public_key"], OTHER_PUBLIC);
    assert_eq!(config["admin"]["address"]["socket_address"]["address"], "127.0.0.1");
    let most = config["static_resources"]["listeners"][0]["per_connection_buffer_limit_bytes"].as_u64();
    assert_eq!(most, Some(1024 * 1024 + 64 * 1024));
}

#[test]
fn a_trailing_buffer_stands_behind_the_filter() {
    let folder = Folder::new();
    signed(&folder);
    let config: Value = serde_json::from_str(&folder.ok(&render("--hold trailing_buffer"))).unwrap();
    assert_eq!(
        filter_names(&config),
        ["envoy.filters.http.wasm", "envoy.filters.http.buffer", "envoy.filters.http.router"]
    );
    let filters = &manager(&config)["http_filters"];
    assert_eq!(filters[0]["typed_config"]["config"].get("allow_on_headers_stop_iteration"), None);
    assert_eq!(filters[1]["typed_config"]["max_request_bytes"], 1024 * 1024 + 64 * 1024);
}

#[test]
fn tls_and_a_filter_configuration_are_taken_in() {
    let folder = Folder::new();
    signed(&folder);
    folder.write("filter.json", r#"{"max_body_bytes": 2097152, "forward_credentials": true}"#);
    let more = "--filter-config filter.json --tls-certificate c.pem --tls-private-key k.pem --domain a.example --domain b.example \
         --out envoy.json";
    assert_eq!(folder.ok(&render(more)), "out  envoy.json\n");
    let config = folder.json("envoy.json");
    let listener = &config["static_resources"]["listeners"][0];
    assert_eq!(listener["per_connection_buffer_limit_bytes"], 2 * 1024 * 1024 + 64 * 1024);
    let tls = &listener["filter_chains"][0]["transport_socket"]["typed_config"]["common_tls_context"];
    assert_eq!(tls["tls_certificates"][0]["certificate_chain"]["filename"], "c.pem");
    assert_eq!(manager(&config)["route_config"]["virtual_hosts"][0]["domains"], json!(["a.example", "b.example"]));
}

#[test]
fn a_replay_service_is_a_cluster_on_its_socket() {
    let folder = Folder::new();
    signed(&folder);
    folder
        .write("callout.json", r#"{"replay": {"store": "callout", "cluster": "replay", "authority": "replay.local"}}"#);
    for (more, name, authority) in [
        ("--replicas 2", "trustplane_replay", "trustplane-replay"),
        ("--filter-config callout.json", "replay", "replay.local"),
    ] {
        let more = format!("--replay-socket /run/trustplane/services.sock {more}");
        let config: Value = serde_json::from_str(&folder.ok(&render(&more))).unwrap();
        let cluster = &config["static_resources"]["clusters"][1];
        assert_eq!(cluster["name"], name);
        let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
        assert_eq!(endpoint["address"], json!({ "pipe": { "path": "/run/trustplane/services.sock" } }));
        let wasm = &manager(&config)["http_filters"][0]["typed_config"]["config"]["configuration"]["value"];
        let filter: Value = serde_json::from_str(wasm.as_str().unwrap()).unwrap();
        assert_eq!((&filter["replay"]["store"], &filter["replay"]["cluster"]), (&json!("callout"), &json!(name)));
        assert_eq!(filter["replay"]["authority"], authority);
    }
    folder.write("shared.json", r#"{"replay": {"store": "shared_data"}}"#);
    assert_eq!(
        folder.fault(&render("--replay-socket /s --filter-config shared.json")),
        "error: shared.json: /replay/store: --replay-socket is for callout (line 1)\n"
    );
    folder.write("upstream.json", r#"{"replay": {"store": "callout", "cluster": "upstream", "authority": "a"}}"#);
    assert_eq!(
        folder.fault(&render("--replay-socket /s --filter-config upstream.json")),
        "error: upstream.json: /replay/cluster: \"upstream\" is the service behind (line 1)\n"
    );
}

#[test]
fn what_could_not_be_loaded_is_not_rendered() {
    let folder = Folder::new();
    signed(&folder);
    folder.write("filter.json", "{\n  \"skew_seconds\": 301\n}");
    folder.write("unknown.json", "{\"skew\": 1}");
    folder
        .write("callout.json", r#"{"replay": {"store": "callout", "cluster": "replay", "authority": "replay.local"}}"#);
    for (more, problem) in [
        (
            "--replicas 2",
            "filter configuration: /replay: shared_data is the memory of one Envoy: each replica would admit a passport once; use callout",
        ),
        (
            "--filter-config filter.json",
            "filter.json: /skew_seconds: expected an integer from 0 to 300, found 301 (line 2)",
        ),
        ("--filter-config unknown.json", "unknown.json: /skew: unknown member (line 1)"),
        ("--filter-config policy.config.json", "policy.config.json: /policy_id: unknown member (line 2)"),
        (
            "--filter-config callout.json",
            "callout.json: /replay/cluster: no cluster \"replay\": --replay-socket says where it is (line 1)",
        ),
        ("--upstream-ca ca.pem", "--upstream: --upstream-ca is for https://"),
        (
            "--authority A.example",
            "filter configuration: /authority: expected host or host:port in lower case, found \"A.example\"",
        ),
    ] {
        assert_eq!(folder.fault(&render(more)), format!("error: {problem}\n"), "{more}");
    }
    let other_key = render("").replace(
        &format!("--bundle-signature-public-key {OTHER_PUBLIC}"),
        &format!("--bundle-signature-public-key {PUBLIC}"),
    );
    let error = folder.fault(&other_key);
    assert!(error.starts_with("error: trust.json: /signature/value: does not verify"), "{error}");
    let unpinned =
        "envoy render --policy-bundle policy.json --bundle trust.json --filter f --upstream http://127.0.0.1:3000";
    assert_eq!(
        folder.fault(unpinned),
        "error: filter configuration: /trust_bundle_signature_public_key: missing member: without a key no bundle is believed\n"
    );
}
