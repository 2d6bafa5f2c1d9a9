use super::*;

/// Refused: why. (A host has nothing to print.)
fn refusal(guest: &Guest, profile: Profile) -> String {
    Host::start(guest, profile).map(|_| ()).expect_err("must be refused").to_string()
}

#[test]
fn a_module_with_an_import_the_host_lacks_is_refused_by_name() {
    let unknown = Guest::compile(br#"(module (import "env" "LIMBS_are_zero" (func)) (memory (export "memory") 1))"#)
        .expect("the module is sound");
    assert_eq!(unknown.imports(), ["env.LIMBS_are_zero"]);
    let why = refusal(&unknown, Profile::envoy_hold());
    assert_eq!(why, "missing import: env.LIMBS_are_zero");

    let log_level = Guest::compile(
        br#"(module
          (import "env" "proxy_get_log_level" (func (param i32) (result i32)))
          (memory (export "memory") 1)
          (func (export "malloc") (param i32) (result i32) (i32.const 8))
          (func (export "proxy_abi_version_0_2_1")))"#,
    )
    .expect("the module is sound");
    assert!(Host::start(&log_level, Profile::envoy_hold()).is_ok());
    let why = refusal(&log_level, Profile::apisix());
    assert_eq!(why, "missing import: env.proxy_get_log_level");
}

#[test]
fn a_module_without_marker_or_allocator_is_refused() {
    let bare = Guest::compile(br#"(module (memory (export "memory") 1))"#).expect("sound");
    let why = refusal(&bare, Profile::envoy_hold());
    assert_eq!(why, "no marker of a known ABI version");
    let marked = br#"(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1")))"#;
    let marked = Guest::compile(marked).expect("sound");
    assert_eq!(refusal(&marked, Profile::envoy_hold()), "no way to allocate in the guest");
}

#[test]
fn while_a_module_starts_only_logs_and_the_clock_answer() {
    let logs = guest(
        r#"(func (export "_initialize")
             (drop (call $now (i32.const 8)))
             (drop (call $log (i32.const 1) (i32.const 8) (i32.const 2))))"#,
    );
    let host = Host::start(&logs, Profile::envoy_hold()).expect("logs and time are allowed");
    assert_eq!(host.logs().len(), 1);
    let asks = guest(
        r#"(func (export "_initialize")
             (drop (call $pairs (i32.const 0) (i32.const 0) (i32.const 4))))"#,
    );
    let why = refusal(&asks, Profile::envoy_hold());
    assert!(why.contains("proxy_get_header_map_pairs may not be called while the module starts"));
}

#[test]
fn vectors_multiple_values_and_references_run() {
    let modern = guest(
        r#"(table 1 externref)
           (func $two (result i32 i32) (i32.const 3) (i32.const 4))
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (table.set (i32.const 0) (ref.null extern))
             (call $say (i32x4.extract_lane 2
               (i32x4.add (i32x4.splat (i32.add (call $two))) (v128.const i32x4 0 0 1 0))))
             (call $reply (i32.const 200))
             (i32.const 1))"#,
    );
    let mut host = Host::start(&modern, Profile::envoy_hold()).expect("it starts");
    assert!(host.configure(b"").ok);
    assert_eq!(reply_text(&host.request(&get())), "8");
}

#[test]
fn the_configuration_is_readable_while_it_is_given_and_never_after() {
    let reads = r#"
      (func $read (param $size i32)
        (call $say (call $buffer (i32.const 7) (i32.const 0) (local.get $size) (i32.const 0) (i32.const 4))))
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (call $read (local.get 1))
        (call $log_result)
        (i32.const 1))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $read (i32.const 1))
        (call $reply (i32.const 200))
        (i32.const 1))"#;
    let mut host = Host::start(&guest(reads), Profile::envoy_hold()).expect("it starts");
    let configured = host.configure(b"{\"a\":1}");
    assert!(configured.ok);
    assert_eq!(configured.logs[0].message, "{\"a\":1}");
    assert_eq!(reply_text(&host.request(&get())), "01");
}

#[test]
fn a_refused_configuration_bypasses_on_envoy_and_refuses_on_nginx() {
    let refuses = r#"(func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 0))"#;
    for (profile, bypassed, status) in
        [(Profile::envoy_hold(), true, None), (Profile::ngx(), false, Some(500)), (Profile::apisix(), false, Some(503))]
    {
        let mut host = Host::start(&guest(refuses), profile).expect("it starts");
        assert!(!host.configure(b"{}").ok);
        let outcome = host.request(&post().chunk("body"));
        assert_eq!(outcome.bypassed, bypassed);
        assert_eq!(outcome.allowed(), bypassed);
        assert_eq!(outcome.status(), status);
    }
}

#[test]
fn a_second_configuration_is_a_new_root_that_new_requests_belong_to() {
    let names_root = r#"
      (func (export "proxy_on_context_create") (param $own i32) (param $parent i32)
        (call $say (local.get $parent)))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $reply (i32.const 200))
        (i32.const 1))"#;
    let mut host = host(names_root, Profile::envoy_hold());
    assert_eq!(reply_text(&host.request(&get())), "01");
    assert!(host.configure(b"{}").ok);
    assert_eq!(reply_text(&host.request(&get())), "0103");
}
