use std::sync::mpsc;

use super::*;

/// Says the statuses of: absent with 0; absent with any; present with 0;
/// present with a stale cas.
const CAS_TABLE: &str = r#"
  (data (i32.const 300) "ab")
  (func $set (param $key i32) (param $cas i32)
    (call $say (call $set_shared (local.get $key) (i32.const 1) (i32.const 300) (i32.const 2) (local.get $cas))))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $set (i32.const 300) (i32.const 0))
    (call $set (i32.const 301) (i32.const -1))
    (call $set (i32.const 300) (i32.const 0))
    (call $set (i32.const 300) (i32.const 77))
    (call $reply (i32.const 200))
    (i32.const 1))"#;

#[test]
fn each_host_has_its_own_compare_and_swap() {
    for (profile, statuses) in [
        (Profile::envoy_hold(), "0008"),
        (Profile::envoy_default(), "0008"),
        (Profile::ngx(), "0888"),
        (Profile::mosn(), "0088"),
        // 12, four times.
        (Profile::apisix(), "<<<<"),
    ] {
        let name = profile.name;
        let outcome = host(CAS_TABLE, profile).request(&get());
        assert_eq!(reply_text(&outcome), statuses, "{name}");
    }
}

/// Replies 200 to the first and 403 to all others, by a sentinel cas.
const FIRST_ONLY: &str = r#"
  (data (i32.const 300) "k")
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $reply (select (i32.const 403) (i32.const 200)
      (call $set_shared (i32.const 300) (i32.const 1) (i32.const 300) (i32.const 1) (i32.const -1))))
    (i32.const 1))"#;

#[test]
fn workers_of_one_vm_id_share_and_others_do_not() {
    let (guest, shared) = (guest(FIRST_ONLY), SharedStore::default());
    let worker = |vm_id| {
        let host = Host::start_sharing(&guest, Profile::envoy_hold(), &shared, vm_id);
        let mut host = host.expect("it starts");
        assert!(host.configure(b"").ok);
        host
    };
    let (mut one, mut two, mut stranger) = (worker("a"), worker("a"), worker("b"));
    assert_eq!(one.request(&get()).status(), Some(200));
    assert_eq!(two.request(&get()).status(), Some(403));
    assert_eq!(stranger.request(&get()).status(), Some(200));
    let replaced = one.reload().expect("it loaded before").expect("it was configured before");
    assert!(replaced.ok);
    assert_eq!(one.request(&get()).status(), Some(403));
    shared.clear();
    assert_eq!(one.request(&get()).status(), Some(200));
}

#[test]
fn another_worker_can_run_a_whole_request_between_two_hostcalls() {
    let (guest, shared) = (guest(FIRST_ONLY), SharedStore::default());
    let start = || {
        let host = Host::start_sharing(&guest, Profile::envoy_hold(), &shared, "a");
        let mut host = host.expect("it starts");
        assert!(host.configure(b"").ok);
        host
    };
    let (mut slow, mut fast) = (start(), start());
    let (sender, receiver) = mpsc::channel();
    slow.before_call("proxy_set_shared_data", 1, move || {
        sender.send(fast.request(&get()).status()).expect("the test listens");
    });
    assert_eq!(slow.request(&get()).status(), Some(403));
    assert_eq!(receiver.recv(), Ok(Some(200)));
}
