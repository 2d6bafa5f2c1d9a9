use super::*;

/// Says the status of reading the clock, three times, then replies.
const CLOCK: &str = r#"
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $say (call $now (i32.const 8)))
    (call $say (call $now (i32.const 8)))
    (call $say (call $now (i32.const 8)))
    (drop (call $log (i32.const 2) (i32.const 8) (i32.const 8)))
    (call $reply (i32.const 200))
    (i32.const 1))"#;

#[test]
fn a_call_fails_once_at_the_nth_time_or_always_with_any_number() {
    for (status, times, said) in [(10u32, Times::Once, ":00"), (77, Times::Nth(2), "0}0"), (12, Times::Always, "<<<")] {
        let mut host = host(CLOCK, Profile::envoy_hold());
        host.fail_call("proxy_get_current_time_nanoseconds", status, times);
        assert_eq!(reply_text(&host.request(&get())), said);
        assert_eq!(host.calls("proxy_get_current_time_nanoseconds"), 3);
        host.heal();
        assert_eq!(reply_text(&host.request(&get())), format!("{said}000"));
    }
}

#[test]
#[should_panic(expected = "no hostcall is named proxy_get_time")]
fn a_fault_on_a_call_that_is_not_there_is_a_mistake() {
    host(CLOCK, Profile::envoy_hold()).fail_call("proxy_get_time", 10u32, Times::Once);
}

#[test]
fn a_call_can_take_the_vm_down() {
    let mut host = host(CLOCK, Profile::envoy_hold());
    host.trap_call("proxy_get_current_time_nanoseconds", Times::Nth(3));
    let outcome = host.request(&get());
    assert_eq!(outcome.status(), Some(503));
    let why = outcome.trapped.expect("reported");
    assert!(why.contains("was told to trap"), "{why}");
}

#[test]
fn the_clock_stands_where_it_was_set() {
    let mut host = host(CLOCK, Profile::envoy_hold());
    host.set_now_nanos(u64::from_le_bytes(*b"tick-toc"));
    assert_eq!(lines(&host.request(&get())), ["tick-toc"]);
}

#[test]
fn a_shortened_buffer_yields_fewer_bytes_than_announced() {
    let mut host = host(PATIENT, Profile::envoy_hold());
    host.shorten_buffer(BufferKind::RequestBody, 1);
    assert_eq!(lines(&host.request(&post().chunk("abc"))), ["ab"]);
}

#[test]
fn a_suppressed_callback_never_runs_and_the_request_goes_on() {
    let mut host = host(PATIENT, Profile::envoy_hold());
    host.suppress("proxy_on_request_body");
    let outcome = host.request(&post().chunk("abc"));
    assert_eq!(lines(&outcome), [""; 0]);
    assert!(outcome.allowed());
}

#[test]
fn requests_interleave_step_by_step() {
    let mut host = host(PATIENT, Profile::envoy_hold());
    let one = host.begin(post().headers);
    let two = host.begin(post().headers);
    host.headers(one, false);
    host.headers(two, false);
    host.body(one, b"a", false);
    host.body(two, b"x", true);
    host.body(one, b"b", true);
    assert_eq!(host.end(two).forwarded.map(|sent| sent.body), Some(b"x".to_vec()));
    assert_eq!(host.end(one).forwarded.map(|sent| sent.body), Some(b"ab".to_vec()));
}

#[test]
fn pointers_outside_the_memory_are_refused_with_a_status() {
    let wild = r#"
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $say (call $log (i32.const 2) (i32.const -1) (i32.const 4)))
        (call $say (call $now (i32.const -4)))
        (call $reply (i32.const 200))
        (i32.const 1))"#;
    assert_eq!(reply_text(&host(wild, Profile::envoy_hold()).request(&get())), "66");
}

#[test]
fn a_resume_in_the_callback_that_pauses_is_noted_and_lets_envoys_head_go() {
    let hasty = r#"
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $continue (i32.const 0)))
        (i32.const 1))"#;
    for (profile, leaked) in [(Profile::envoy_default(), true), (Profile::ngx(), false)] {
        let outcome = host(hasty, profile).request(&post().chunk("b"));
        assert_eq!((outcome.leaked(), outcome.paused_forever), (leaked, true));
        let expected = ["a request that was not paused was resumed"];
        assert_eq!(outcome.violations, expected);
    }
}

const PROPERTY: &str = r#"
  (import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))"#;

#[test]
fn a_property_is_the_hosts_own_until_a_test_sets_it() {
    let reads = r#"
      (data (i32.const 300) "connection\00mtls" "request\00path")
      (func $read (param $path i32) (param $size i32)
        (call $say (call $property (local.get $path) (local.get $size) (i32.const 0) (i32.const 4)))
        (call $log_result))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $read (i32.const 300) (i32.const 15))
        (call $read (i32.const 315) (i32.const 12))
        (call $reply (i32.const 200))
        (i32.const 1))"#;
    let module = format!("(module {PROPERTY} {PRELUDE} {reads})");
    let guest = Guest::compile(module.as_bytes()).expect("sound");
    for (profile, mtls, statuses, values) in [
        (Profile::envoy_hold(), None, "00", ["\0", "/a//b"]),
        (Profile::envoy_hold(), Some([1]), "00", ["\x01", "/a//b"]),
        (Profile::ngx(), None, "10", ["", "/a//b"]),
        (Profile::apisix(), None, "11", ["", ""]),
    ] {
        let mut host = Host::start(&guest, profile).expect("it starts");
        assert!(host.configure(b"").ok);
        if let Some(mtls) = mtls {
            host.set_property("connection.mtls", mtls);
        }
        let outcome = host.request(&RequestInput::new("GET", "https", "a", "/a//b"));
        assert_eq!(reply_text(&outcome), statuses);
        assert_eq!(lines(&outcome), values);
    }
}
