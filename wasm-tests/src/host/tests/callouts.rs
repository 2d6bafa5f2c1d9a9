use super::*;

/// Calls out at the headers and waits. An answer with headers resumes, one
/// without is a 403; both log the answer's body first.
const ASKS_FIRST: &str = r#"
  (data (i32.const 300) "store")
  ;; :method, :path and :authority, all with the value "x".
  (data (i32.const 400) "\03\00\00\00" "\07\00\00\00\01\00\00\00" "\05\00\00\00\01\00\00\00"
    "\0a\00\00\00\01\00\00\00" ":method\00x\00" ":path\00x\00" ":authority\00x\00")
  (global $stream (mut i32) (i32.const 0))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (global.set $stream (local.get 0))
    (call $say (call $http_call (i32.const 300) (i32.const 5) (i32.const 400) (i32.const 59)
      (i32.const 300) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 250) (i32.const 8)))
    (i32.const 1))
  (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
    (drop (call $buffer (i32.const 4) (i32.const 0) (local.get 3) (i32.const 0) (i32.const 4)))
    (call $log_result)
    (call $say (call $effective (global.get $stream)))
    (if (local.get 2)
      (then (drop (call $continue (i32.const 0))))
      (else (call $reply (i32.const 403)))))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) PAUSE)
"#;

fn asks_first(profile: Profile, body_verdict: &str) -> Host {
    host(&ASKS_FIRST.replace("PAUSE", body_verdict), profile)
}

#[test]
fn a_callout_carries_what_the_guest_gave_and_its_answer_lets_the_request_go() {
    let mut host = asks_first(Profile::envoy_default(), "(i32.const 0)");
    host.answer_with(|_| Answer::new(200, "fresh"));
    let outcome = host.request(&post().chunk("b"));
    assert!(outcome.allowed());
    assert_eq!(lines(&outcome), ["fresh"]);
    let [callout] = outcome.callouts.as_slice() else { panic!("one callout") };
    assert_eq!((callout.upstream.as_str(), callout.timeout_ms), ("store", 250));
    assert_eq!(callout.body, b"st");
    assert_eq!(callout.header(":path"), Some(b"x".as_slice()));
    let sent = outcome.forwarded.expect("let through");
    assert_eq!((sent.released_in, sent.body.as_slice()), (Moment::Callout, b"b".as_slice()));
}

#[test]
fn a_reset_has_no_headers_and_the_guest_may_refuse() {
    for profile in Profile::all() {
        let name = profile.name;
        let mut host = asks_first(profile, "(i32.const 1)");
        host.answer_with(|_| Answer::Reset);
        let outcome = host.request(&get());
        assert_eq!(outcome.status(), Some(403), "{name}");
        assert!(!outcome.leaked(), "{name}");
    }
}

#[test]
fn a_callout_never_answered_leaves_the_client_waiting() {
    let outcome = asks_first(Profile::envoy_hold(), "(i32.const 1)").request(&get());
    assert!(outcome.paused_forever);
    assert_eq!(outcome.forwarded, None);
}

#[test]
fn with_the_flag_a_body_let_go_takes_the_head_with_it_before_the_answer() {
    let mut host = asks_first(Profile::envoy_hold(), "(i32.const 0)");
    let id = host.begin(post().headers);
    host.headers(id, false);
    assert_eq!(host.pending_callouts().len(), 1);
    host.body(id, b"b", true);
    let outcome = host.end(id);
    assert!(outcome.allowed());
    assert_eq!(outcome.forwarded.map(|sent| sent.released_in), Some(Moment::Body));
}

#[test]
fn an_answer_to_a_client_that_left_finds_no_context() {
    let mut host = asks_first(Profile::envoy_hold(), "(i32.const 1)");
    let id = host.begin(get().headers);
    host.headers(id, true);
    let outcome = host.end(id);
    assert!(outcome.paused_forever);
    host.answer_callout(outcome.callouts[0].token, Answer::new(200, "late"));
    assert_eq!(host.pending_callouts(), []);
    assert_eq!(host.failed(), None);
    // The call was made (0), and its context was not found (2).
    let id = host.begin(get().headers);
    host.headers(id, true);
    host.answer_callout(host.pending_callouts()[0].token, Answer::Reset);
    assert_eq!(reply_text(&host.end(id)), "0200");
}

#[test]
fn an_upstream_that_is_not_there_is_a_bad_argument() {
    let mut host = asks_first(Profile::envoy_hold(), "(i32.const 1)");
    host.set_upstreams(&["other"]);
    let outcome = host.request(&get());
    assert_eq!(outcome.callouts, []);
    assert!(outcome.paused_forever);
    assert_eq!(host.calls("proxy_http_call"), 1);
}

#[test]
fn a_trap_in_an_answer_hangs_on_envoy_and_is_refused_on_nginx() {
    let traps = ASKS_FIRST.replace("PAUSE", "(i32.const 1)");
    let traps = traps.replace("(call $log_result)", "(unreachable)");
    for (profile, status) in [(Profile::envoy_hold(), None), (Profile::ngx(), Some(500))] {
        let mut host = host(&traps, profile);
        host.answer_with(|_| Answer::new(200, ""));
        let outcome = host.request(&get());
        assert!(outcome.trapped.is_some());
        assert_eq!(outcome.status(), status);
        assert_eq!(outcome.paused_forever, status.is_none());
    }
}

#[test]
fn apisix_lets_a_request_go_when_its_callout_was_answered_without_a_refusal() {
    let silent = ASKS_FIRST.replace("PAUSE", "(i32.const 1)");
    let silent = silent.replace("(drop (call $continue (i32.const 0)))", "(nop)");
    for (profile, allowed) in [(Profile::apisix(), true), (Profile::envoy_hold(), false)] {
        let mut host = host(&silent, profile);
        host.answer_with(|_| Answer::new(200, ""));
        let outcome = host.request(&get());
        assert_eq!((outcome.allowed(), outcome.paused_forever), (allowed, !allowed));
    }
}

#[test]
fn apisix_breaks_on_a_pause_with_nothing_under_way() {
    let pauses = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))"#;
    let outcome = host(pauses, Profile::apisix()).request(&get());
    assert_eq!(outcome.status(), Some(503));
    let expected = ["proxy_on_request_headers paused with no callout under way"];
    assert_eq!(outcome.violations, expected);
}
