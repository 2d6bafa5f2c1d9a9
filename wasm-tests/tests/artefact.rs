//! What is shipped: what it needs of a host, and how large it is.

use std::io::{Write as _, stdout};

use trustplane_core::{hex, sha256};
use trustplane_wasm_tests::artefact;
use trustplane_wasm_tests::host::Guest;

const MOST_BYTES: usize = 400 * 1024;

/// Every function of proxy-wasm ABI 0.2.0, and so of all 0.2.x, that an HTTP filter may import.
const ABI: [&str; 24] = [
    "proxy_log",
    "proxy_get_current_time_nanoseconds",
    "proxy_set_tick_period_milliseconds",
    "proxy_set_effective_context",
    "proxy_done",
    "proxy_continue_stream",
    "proxy_close_stream",
    "proxy_send_local_response",
    "proxy_get_buffer_bytes",
    "proxy_set_buffer_bytes",
    "proxy_get_header_map_pairs",
    "proxy_set_header_map_pairs",
    "proxy_get_header_map_value",
    "proxy_add_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_remove_header_map_value",
    "proxy_get_property",
    "proxy_set_property",
    "proxy_get_shared_data",
    "proxy_set_shared_data",
    "proxy_define_metric",
    "proxy_increment_metric",
    "proxy_record_metric",
    "proxy_http_call",
];

fn guest() -> Guest {
    let wasm = artefact::read().unwrap_or_else(|why| panic!("{why}"));
    Guest::compile(&wasm).unwrap()
}

#[test]
fn it_imports_exactly_the_listed_functions() {
    let mut imports = guest().imports();
    imports.sort_unstable();
    let listed: Vec<&str> = include_str!("artefact/imports.txt").lines().collect();
    assert_eq!(imports, listed);
}

#[test]
fn it_imports_nothing_but_functions_of_the_abi() {
    for import in guest().imports() {
        let known = import.strip_prefix("env.").is_some_and(|name| ABI.contains(&name));
        assert!(known, "{import} is not one that every host has");
    }
}

#[test]
fn it_offers_what_a_host_calls() {
    let exports = guest().exports();
    for name in [
        "memory",
        "_initialize",
        "proxy_abi_version_0_2_1",
        "proxy_on_memory_allocate",
        "proxy_on_vm_start",
        "proxy_on_configure",
        "proxy_on_context_create",
        "proxy_on_request_headers",
        "proxy_on_request_body",
        "proxy_on_request_trailers",
        "proxy_on_done",
        "proxy_on_delete",
    ] {
        assert!(exports.iter().any(|export| export == name), "{name} is missing of {exports:?}");
    }
}

#[test]
fn it_is_small() {
    let wasm = artefact::read().unwrap_or_else(|why| panic!("{why}"));
    // Past the test harness, which shows only what failing tests print.
    writeln!(stdout(), "\n{}: {} bytes, sha256 {}", artefact::path().display(), wasm.len(), hex(&sha256(&wasm)))
        .unwrap();
    assert!(wasm.len() < MOST_BYTES, "{} bytes", wasm.len());
}
