use super::*;

/// Traps at a header named `x`.
const FRAGILE: &str = r#"
  (data (i32.const 300) "x")
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (if (i32.eqz (call $value (i32.const 0) (i32.const 300) (i32.const 1) (i32.const 0) (i32.const 4)))
      (then (unreachable)))
    (i32.const 0))"#;

#[test]
fn a_trap_is_reported_and_answered_as_each_host_does() {
    for (profile, status, next) in [
        (Profile::envoy_hold(), 503, Some(503)),
        (Profile::ngx(), 500, None),
        (Profile::apisix(), 503, None),
        (Profile { after_trap: AfterTrap::Reload, ..Profile::envoy_hold() }, 503, None),
    ] {
        let mut host = host(FRAGILE, profile);
        let outcome = host.request(&get().header("x", "1"));
        let reply = outcome.local_response.as_ref().expect("the host replied");
        assert_eq!((reply.status, reply.by_host), (status, true));
        assert_eq!(reply.details, b"wasm_fail_stream");
        let why = outcome.trapped.as_deref().expect("the trap is reported");
        assert_eq!(why, "proxy_on_request_headers: wasm `unreachable` instruction executed");
        assert_eq!(outcome.forwarded, None);
        let outcome = host.request(&get());
        assert_eq!((outcome.status(), outcome.bypassed), (next, false));
        assert_eq!(outcome.allowed(), next.is_none());
    }
}

#[test]
fn a_host_that_fails_open_forwards_whatever_comes_after_a_trap() {
    let profile = Profile { after_trap: AfterTrap::Bypass, ..Profile::envoy_hold() };
    let mut host = host(FRAGILE, profile);
    assert_eq!(host.request(&get().header("x", "1")).status(), Some(503));
    let outcome = host.request(&post().header("x", "1").chunk("b"));
    assert!(outcome.bypassed && outcome.allowed());
    assert_eq!(outcome.forwarded.map(|sent| sent.released_in), Some(Moment::Bypass));
}

#[test]
fn a_trap_takes_down_the_other_requests_of_the_vm() {
    let patient_and_fragile =
        format!(r#"{FRAGILE} (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (i32.const 1))"#);
    let mut host = host(&patient_and_fragile, Profile::envoy_hold());
    let waiting = host.begin(post().headers);
    host.headers(waiting, false);
    host.body(waiting, b"a", false);
    assert_eq!(host.request(&get().header("x", "1")).status(), Some(503));
    host.body(waiting, b"b", true);
    assert_eq!(host.end(waiting).status(), Some(503));
}

#[test]
fn a_trap_while_configuring_leaves_envoy_without_a_filter() {
    let traps = r#"(func (export "proxy_on_configure") (param i32 i32) (result i32) (unreachable))"#;
    let mut host = Host::start(&guest(traps), Profile::envoy_hold()).expect("it starts");
    let configured = host.configure(b"{}");
    assert!(!configured.ok && configured.trapped.is_some());
    assert!(host.request(&get()).bypassed);
}

#[test]
fn nginx_dies_of_calls_it_lacks() {
    let closes = r#"(import "env" "proxy_close_stream" (func $close (param i32) (result i32)))"#;
    let callback = r#"
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $close (i32.const 0)))
        (i32.const 1))"#;
    let module = format!("(module {closes} {PRELUDE} {callback})");
    let guest = Guest::compile(module.as_bytes()).expect("sound");
    let outcome = |profile| {
        let mut host = Host::start(&guest, profile).expect("it starts");
        assert!(host.configure(b"").ok);
        host.request(&get())
    };
    let envoy = outcome(Profile::envoy_hold());
    assert!(envoy.closed && envoy.trapped.is_none() && !envoy.paused_forever);
    let ngx = outcome(Profile::ngx());
    assert_eq!(ngx.status(), Some(500));
    let why = ngx.trapped.expect("the call trapped");
    assert!(why.contains("proxy_close_stream is not there on this host"), "{why}");
}

#[test]
fn a_second_reply_and_a_continue_after_a_reply_are_noted() {
    let replies_twice = r#"
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $reply (i32.const 401))
        (call $reply (i32.const 403))
        (i32.const 0))"#;
    let outcome = host(replies_twice, Profile::envoy_hold()).request(&get());
    assert_eq!(outcome.status(), Some(401));
    assert_eq!(outcome.forwarded, None);
    let expected = ["a reply (403) to a settled request", "proxy_on_request_headers answered Continue after a reply"];
    assert_eq!(outcome.violations, expected);
}
