use super::*;

const ECHO_PAIRS: &str = r#"
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $say (local.get 1))
    (call $say (local.get 2))
    (drop (call $pairs (i32.const 0) (i32.const 0) (i32.const 4)))
    (drop (call $send (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 256) (i32.const 2)
      (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const -1)))
    (i32.const 1))"#;

#[test]
fn header_pairs_and_a_local_response_cross_unharmed() {
    let mut host = host(ECHO_PAIRS, Profile::envoy_hold());
    let input = get().header("a", "1").header("a", "").header("b", b"\xff\x80".to_vec());
    let outcome = host.request(&input);
    let reply = outcome.local_response.expect("the guest replied");
    assert_eq!(reply.headers, input.headers);
    assert_eq!((reply.status, reply.by_host), (200, false));
    assert_eq!(reply.body, b"71");
    assert_eq!(outcome.forwarded, None);
    assert!(!outcome.paused_forever);
    assert_eq!(outcome.violations, [""; 0]);
}

#[test]
fn hosts_tell_the_end_with_the_headers_truly_never_or_always() {
    for (profile, bodyless, with_body) in [
        (Profile::envoy_hold(), "41", "40"),
        (Profile::envoy_default(), "41", "40"),
        (Profile::ngx(), "50", "50"),
        (Profile::apisix(), "01", "01"),
    ] {
        let outcome = host(ECHO_PAIRS, profile.clone()).request(&get());
        assert_eq!(reply_text(&outcome), bodyless);
        let outcome = host(ECHO_PAIRS, profile).request(&post().chunk("b"));
        assert_eq!(reply_text(&outcome), with_body);
    }
}

#[test]
fn a_held_body_accumulates_and_is_shown_again_at_its_end() {
    let mut host = host(PATIENT, Profile::envoy_hold());
    let outcome = host.request(&post().chunk("ab").chunk("cd").separate_end());
    assert_eq!(lines(&outcome), ["ab", "abcd", "abcd"]);
    assert!(outcome.allowed());
    let sent = outcome.forwarded.expect("let through");
    assert_eq!(sent.body, b"abcd");
    assert_eq!((sent.released_in, sent.after_end), (Moment::Body, true));
}

#[test]
fn without_the_flag_a_pause_at_the_headers_hangs_a_request_with_a_body() {
    let mut host = host(PATIENT, Profile::envoy_default());
    let outcome = host.request(&post().chunk("ab").chunk("cd"));
    assert!(outcome.paused_forever);
    assert_eq!(outcome.forwarded, None);
    assert_eq!(lines(&outcome), [""; 0]);
    assert!(host.request(&get()).allowed());
}

/// Lets the headers go and replies 403 at the end of the body.
const LATE: &str = r#"
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
    (call $say (call $value (i32.const 0) (i32.const 300) (i32.const 1) (i32.const 0) (i32.const 4)))
    (i32.store (i32.const 4) (i32.const 9))
    (call $say (call $pairs (i32.const 0) (i32.const 0) (i32.const 4)))
    (call $say (i32.load (i32.const 4)))
    (if (local.get 2) (then (call $reply (i32.const 403))))
    (i32.const 1))"#;

#[test]
fn headers_let_go_are_gone_for_the_guest_and_seen_by_the_upstream() {
    let mut host = host(LATE, Profile::envoy_default());
    let outcome = host.request(&post().chunk("ab"));
    // Status 2 for one header; for all of them, success and nothing.
    assert_eq!(reply_text(&outcome), "200");
    assert!(outcome.leaked());
    let sent = outcome.forwarded.expect("the head went");
    assert_eq!((sent.released_in, sent.after_end), (Moment::Headers, false));
    assert_eq!((sent.body, sent.complete), (Vec::new(), false));
}

#[test]
fn nginx_keeps_the_head_until_the_body_was_judged() {
    let mut host = host(LATE, Profile::ngx());
    let outcome = host.request(&post().chunk("ab"));
    assert_eq!(outcome.status(), Some(403));
    assert!(!outcome.leaked());
}

/// Edits a header at the end of the body.
const EDITS_LATE: &str = r#"
  (data (i32.const 300) "x-id")
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
    (drop (call $replace (i32.const 0) (i32.const 300) (i32.const 4) (i32.const 302) (i32.const 2)))
    (i32.eqz (local.get 2)))"#;

#[test]
fn a_held_head_can_be_edited_in_the_body_callback() {
    let mut host = host(EDITS_LATE, Profile::envoy_hold());
    let input = post().header("x-id", "forged").header("x-id", "twice").chunk("ab");
    let outcome = host.request(&input);
    assert!(outcome.allowed());
    assert_eq!(outcome.upstream_header("x-id"), Some(b"id".as_slice()));
    let sent = outcome.forwarded.expect("let through").headers;
    assert_eq!(sent.iter().filter(|(name, _)| name == b"x-id").count(), 1);
    assert_eq!(outcome.route_clears, 1);
}

#[test]
fn nginx_shows_a_body_once_and_whole_and_an_empty_one_never() {
    let patient_after_headers = PATIENT.replacen("(i32.eqz (local.get 2))", "(i32.const 0)", 1);
    let mut host = host(&patient_after_headers, Profile::ngx());
    let outcome = host.request(&post().chunk("ab").chunk("cd").trailer("t", "1"));
    assert_eq!(lines(&outcome), ["abcd"]);
    let sent = outcome.forwarded.expect("let through");
    assert_eq!((sent.body.as_slice(), sent.trailers), (b"abcd".as_slice(), None));
    let outcome = host.request(&post());
    assert_eq!(lines(&outcome), [""; 0]);
    assert!(outcome.allowed());
}

#[test]
fn nginx_reads_every_buffer_from_its_start() {
    let skips = r#"
      (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
        (drop (call $buffer (i32.const 0) (i32.const 2) (i32.const 2) (i32.const 0) (i32.const 4)))
        (call $log_result)
        (i32.const 0))"#;
    let read = |profile| {
        let outcome = host(skips, profile).request(&post().chunk("abcd"));
        lines(&outcome).concat()
    };
    assert_eq!(read(Profile::envoy_hold()), "cd");
    assert_eq!(read(Profile::ngx()), "ab");
}

/// Asks APISIX for the body, then logs up to 4 bytes of it whatever its size.
const ASKS: &str = r#"
  (data (i32.const 300) "wasm_process_req_body")
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $set_property (i32.const 300) (i32.const 21) (i32.const 300) (i32.const 1)))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
    (call $log_body (i32.const 4))
    (i32.const 0))"#;

#[test]
fn apisix_shows_a_body_when_asked_and_the_last_one_when_there_is_none() {
    let mut unasked = host(PATIENT, Profile::apisix());
    assert_eq!(lines(&unasked.request(&post().chunk("ab"))), [""; 0]);
    let mut host = host(ASKS, Profile::apisix());
    assert_eq!(lines(&host.request(&post().chunk("ab").chunk("cd"))), ["abcd"]);
    assert_eq!(lines(&host.request(&post())), ["abcd"]);
}

#[test]
fn with_trailers_the_body_never_ends_and_the_trailers_do() {
    let mut host = host(PATIENT, Profile::envoy_hold());
    let outcome = host.request(&post().chunk("ab").trailer("t", "1"));
    assert_eq!(lines(&outcome), ["ab"]);
    let sent = outcome.forwarded.expect("let through");
    assert_eq!(sent.released_in, Moment::Trailers);
    assert_eq!(sent.trailers, Some(vec![(b"t".to_vec(), b"1".to_vec())]));
    assert!(sent.complete && sent.after_end);
}

#[test]
fn a_held_body_over_the_limit_is_refused_by_the_host() {
    let mut host = host(PATIENT, Profile { body_limit: Some(3), ..Profile::envoy_hold() });
    let outcome = host.request(&post().chunk("abc").chunk("d").chunk("e"));
    assert_eq!(lines(&outcome), ["abc", "abcd"]);
    assert_eq!(outcome.status(), Some(413));
    assert_eq!(outcome.forwarded, None);
    assert!(host.request(&post().chunk("abc")).allowed());
}
