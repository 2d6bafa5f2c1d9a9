//! HTTP on the second socket: each endpoint only if configured, and no key for any of them.

mod common;

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use common::{Folder, Keyless, Running, assert_issued, connect, exchange, policy, request, wait_for};

#[test]
fn without_a_flag_there_is_no_endpoint() {
    let services = Keyless::start(&[]);
    for path in ["/healthz", "/metrics", "/v1/bundles/trust", "/v1/bundles/policy", "/v1/replay/consume", "/", "/x"] {
        assert_eq!(services.get(path).status, 404, "{path}");
    }
}

#[test]
fn each_flag_adds_its_endpoint_and_no_other() {
    for (flags, there) in [
        (&["--healthz"][..], "/healthz"),
        (&["--metrics"], "/metrics"),
        (&["--trust-bundle", "DIR/trust"], "/v1/bundles/trust"),
        (&["--policy-bundle", "DIR/policy"], "/v1/bundles/policy"),
    ] {
        let services = Keyless::start(flags);
        for path in ["/healthz", "/metrics", "/v1/bundles/trust", "/v1/bundles/policy"] {
            assert_eq!(services.get(path).status, if path == there { 200 } else { 404 }, "{flags:?} {path}");
        }
    }
}

#[test]
fn health_is_one_word_and_other_methods_are_refused() {
    let services = Keyless::start(&["--healthz"]);
    assert_eq!(services.get("/healthz").body, "ok\n");
    let head = exchange(&services.socket(), "HEAD /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let post = exchange(
        &services.socket(),
        "POST /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    );
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
}

#[test]
fn metrics_count_outcomes_by_reason() {
    let folder = Folder::new();
    let socket = folder.join("run/services.sock");
    let broker = Running::start_with(&policy(), &["--services-socket", socket.to_str().unwrap(), "--metrics"]);
    wait_for("the services socket", || UnixStream::connect(&socket).is_ok());
    let first = request();
    assert_issued(&broker.ask(&first), &first);
    broker.ask(&first);
    broker.send("{]");
    let reply = exchange(&socket, "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        "# TYPE trustplane_broker_outcomes_total counter",
        "trustplane_broker_outcomes_total{outcome=\"allow\",reason=\"broker_passport_issued\"} 1",
        "trustplane_broker_outcomes_total{outcome=\"deny\",reason=\"broker_nonce_stale\"} 1",
        "trustplane_broker_outcomes_total{outcome=\"deny\",reason=\"broker_request_invalid\"} 1",
        "trustplane_broker_outcomes_total{outcome=\"deny\",reason=\"broker_peer_denied\"} 0",
        "# TYPE trustplane_broker_latency_seconds histogram",
        "trustplane_broker_latency_seconds_bucket{le=\"+Inf\"} 3",
        "trustplane_broker_latency_seconds_count 3",
        "trustplane_broker_open_connections 0",
        "trustplane_broker_nonces 1",
        "trustplane_broker_nonce_capacity 1048576",
        "trustplane_broker_audit_failures_total 0",
        "trustplane_broker_reloads_total 0",
    ] {
        assert!(reply.body.lines().any(|own| own == line), "{line}\n{}", reply.body);
    }
    let buckets: Vec<u64> = reply
        .body
        .lines()
        .filter(|line| line.contains("_bucket{"))
        .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
        .collect();
    assert!(buckets.is_sorted() && buckets.len() == 13, "{buckets:?}");
}

#[test]
fn a_head_that_is_too_long_is_refused_and_the_next_is_served() {
    let services = Keyless::start(&["--healthz"]);
    let mut stream = connect(&services.socket());
    let _ = stream.write_all(format!("GET /healthz HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(64 << 10)).as_bytes());
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    assert!(!String::from_utf8_lossy(&text).contains(" 200 "), "{text:?}");
    assert_eq!(services.get("/healthz").status, 200);
}

#[test]
fn sigterm_closes_idle_connections_and_ends() {
    let mut services = Keyless::start(&["--healthz"]);
    let mut idle = connect(&services.socket());
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut some = [0; 12];
    idle.read_exact(&mut some).unwrap();
    assert_eq!(&some, b"HTTP/1.1 200");
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(services.child.id().cast_signed()),
        nix::sys::signal::Signal::SIGTERM,
    )
    .unwrap();
    assert_eq!(services.child.wait().unwrap().code(), Some(0));
    assert!(!services.socket().exists());
}
