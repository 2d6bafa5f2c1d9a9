//! The host against guests of a few lines, written out.

mod callouts;
mod delivery;
mod faults;
mod loading;
mod shared_data;
mod traps;

use super::*;

/// Imports, memory at one page, a bump allocator, and `$out`/`$size` at 0 and 4
/// for results.
const PRELUDE: &str = r#"
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value" (func $value (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_replace_header_map_value" (func $replace (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
  (import "env" "proxy_set_effective_context" (func $effective (param i32) (result i32)))
  (import "env" "proxy_get_shared_data" (func $get_shared (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_shared_data" (func $set_shared (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_http_call" (func $http_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (global $free (mut i32) (i32.const 65536))
  (global $said (mut i32) (i32.const 256))
  (func (export "proxy_abi_version_0_2_1"))
  (func $malloc (export "malloc") (param $size i32) (result i32)
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (local.get $size))))
  ;; Appends a status to the text at 256, as one character from '0'.
  (func $say (param $status i32)
    (i32.store8 (global.get $said) (i32.add (i32.const 48) (local.get $status)))
    (global.set $said (i32.add (global.get $said) (i32.const 1))))
  ;; Replies with that text.
  (func $reply (param $status i32)
    (drop (call $send (local.get $status) (i32.const 0) (i32.const 0) (i32.const 256)
      (i32.sub (global.get $said) (i32.const 256)) (i32.const 0) (i32.const 0) (i32.const -1))))
  ;; Logs what a call has left at 0 and 4.
  (func $log_result
    (drop (call $log (i32.const 2) (i32.load (i32.const 0)) (i32.load (i32.const 4)))))
  ;; Logs the whole request body.
  (func $log_body (param $size i32)
    (drop (call $buffer (i32.const 0) (i32.const 0) (local.get $size) (i32.const 0) (i32.const 4)))
    (call $log_result))
"#;

/// Holds a request back to its end, logging the body it is shown each time.
const PATIENT: &str = r#"
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (i32.eqz (local.get 2)))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
    (call $log_body (local.get 1))
    (i32.eqz (local.get 2)))
  (func (export "proxy_on_request_trailers") (param i32 i32) (result i32) (i32.const 0))
"#;

fn guest(text: &str) -> Guest {
    let module = format!("(module {PRELUDE} {text})");
    Guest::compile(module.as_bytes()).expect("the guest of the test is sound")
}

fn host(text: &str, profile: Profile) -> Host {
    let mut host = Host::start(&guest(text), profile).expect("the guest of the test starts");
    assert!(host.configure(b"{}").ok);
    host
}

fn post() -> RequestInput {
    RequestInput::new("POST", "https", "api.example", "/a")
}

fn get() -> RequestInput {
    RequestInput::new("GET", "https", "api.example", "/a")
}

fn lines(outcome: &Outcome) -> Vec<&str> {
    outcome.logs.iter().map(|line| line.message.as_str()).collect()
}

fn reply_text(outcome: &Outcome) -> &str {
    let reply = outcome.local_response.as_ref().expect("a reply");
    std::str::from_utf8(&reply.body).expect("the guests of these tests reply in ASCII")
}
