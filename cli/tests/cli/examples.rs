//! `envoy-config/` is what the program writes: run with TRUSTPLANE_BLESS=1 to write it anew.

use std::fs;

use serde_json::{Value, json};

use crate::tool::{Folder, KEY, PUBLIC, repository};

const RENDER: &str = "envoy render --policy-bundle policy.json --bundle trust.json --filter /etc/trustplane/trustplane_filter.wasm \
     --upstream http://127.0.0.1:3000";

/// Compares with the committed file, or writes it.
pub fn settle(path: &str, text: &str) {
    let path = repository(path);
    if std::env::var_os("TRUSTPLANE_BLESS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "{} differs from what the program writes", path.display());
}

/// The bundles of the examples: signed with a key that is in this file, at a fixed time.
fn examples() -> Folder {
    let folder = Folder::new();
    for (name, flag) in [("policy", "--policy-bundle"), ("trust", "--trust-material")] {
        let config = repository(&format!("envoy-config/{name}.config.json"));
        folder.ok(&format!("bundle build --config {} --out {name}.unsigned.json", config.display()));
        folder.ok(&format!(
            "bundle sign {flag} {name}.unsigned.json --out {name}.json --signer-issuer local://example --kid example \
             --private-key {KEY} --issued-at 1790000000"
        ));
    }
    folder
}

fn rendered(folder: &Folder, more: &str) -> String {
    let keys = format!("--policy-bundle-signature-public-key {PUBLIC} --bundle-signature-public-key {PUBLIC}");
    folder.ok(&format!("{RENDER} {keys} {more}"))
}

#[test]
fn the_envoy_example_is_what_render_writes() {
    settle("envoy-config/envoy/envoy.json", &rendered(&examples(), ""));
}

#[test]
fn the_istio_example_holds_the_filters_that_render_writes() {
    let config: Value = serde_json::from_str(&rendered(&examples(), "--hold trailing_buffer")).unwrap();
    let manager = &config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let context = json!({"context": "SIDECAR_INBOUND", "listener": {"filterChain": {"filter": {"name": "envoy.filters.network.http_connection_manager"}}}});
    let mut in_front = context.clone();
    in_front["listener"]["filterChain"]["filter"]["subFilter"] = json!({"name": "envoy.filters.http.router"});
    let mut settings = json!({});
    for name in [
        "@type",
        "normalize_path",
        "merge_slashes",
        "path_with_escaped_slashes_action",
        "preserve_external_request_id",
        "request_headers_timeout",
        "request_timeout",
        "stream_idle_timeout",
        "common_http_protocol_options",
    ] {
        settings[name] = manager[name].clone();
    }
    let mut patches = vec![json!({
        "applyTo": "NETWORK_FILTER",
        "match": context,
        "patch": {"operation": "MERGE", "value": {"name": "envoy.filters.network.http_connection_manager", "typed_config": settings}},
    })];
    // The filter, then the buffer behind it: each goes right before the router.
    for filter in &manager["http_filters"].as_array().unwrap()[..2] {
        patches.push(json!({
            "applyTo": "HTTP_FILTER",
            "match": in_front,
            "patch": {"operation": "INSERT_BEFORE", "value": filter},
        }));
    }
    let manifest = json!({
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": "trustplane", "namespace": "orders"},
        "spec": {"workloadSelector": {"labels": {"app": "orders"}}, "configPatches": patches},
    });
    settle("envoy-config/istio/envoyfilter.json", &format!("{manifest:#}\n"));
}
