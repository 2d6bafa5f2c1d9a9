//! The shapes in which Redis is deployed, one real run each.

use std::process::Command;

use crate::common::{Folder, wait_for};
use crate::redis::{Redis, free_port};
use crate::service::Service;

/// A server that follows another.
fn replica_of(primary: &Redis) -> Redis {
    let replica = Redis::start_with(&["--replicaof", &format!("127.0.0.1 {}", primary.port)]);
    wait_for("the replica", || replica.cli(&["info", "replication"]).contains("master_link_status:up"));
    replica
}

#[test]
fn a_replica_is_not_asked_even_one_that_takes_writes() {
    let primary = Redis::start();
    let replica = replica_of(&primary);
    assert_eq!(replica.cli(&["config", "set", "replica-read-only", "no"]), "OK");
    let service = Service::start(&replica.url(), &[]);
    assert_eq!(service.consume(1), "unavailable");
    assert!(service.log().contains("the server is a replica"), "{}", service.log());
}

#[test]
fn with_wait_replicas_a_passport_passes_when_enough_have_it() {
    let primary = Redis::start();
    let service = Service::start(&primary.url(), &["--replay-wait-replicas", "1", "--replay-timeout-ms", "2000"]);
    assert_eq!(service.consume(1), "unavailable", "nobody else has it");
    assert!(service.log().contains("reached 0 replicas"), "{}", service.log());
    assert_eq!(service.consume(1), "replayed", "but it is consumed");
    let replica = replica_of(&primary);
    wait_for("a copy", || service.consume(2) == "fresh" || service.consume(3) == "fresh");
    assert_eq!(service.consume(4), "fresh");
    assert_eq!(replica.cli(&["exists", &format!("trustplane:replay:v1:{}", crate::service::id(4))]), "1");
}

#[test]
fn sentinels_lead_to_the_next_primary_which_admits_nothing_older_than_itself() {
    let mut primary = Redis::start();
    let replica = replica_of(&primary);
    let folder = Folder::new();
    let port = free_port();
    let config = format!(
        "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor orders 127.0.0.1 {} 1\n\
         sentinel down-after-milliseconds orders 300\nsentinel failover-timeout orders 2000\n",
        folder.0.display(),
        primary.port
    );
    std::fs::write(folder.join("sentinel.conf"), config).unwrap();
    let mut sentinel = Command::new("redis-server")
        .arg(folder.join("sentinel.conf"))
        .arg("--sentinel")
        .stdout(std::fs::File::create(folder.join("log")).unwrap())
        .spawn()
        .unwrap();
    let knows_replica = || {
        let told = Command::new("redis-cli").args(["-p", &port.to_string(), "sentinel", "replicas", "orders"]).output();
        String::from_utf8_lossy(&told.unwrap().stdout).contains(&replica.port.to_string())
    };
    wait_for("the sentinel", knows_replica);
    let service = Service::start(
        // The first is gone, and is not the only one.
        &format!("redis://127.0.0.1:{},redis://127.0.0.1:{port}", free_port()),
        &["--replay-sentinel", "orders"],
    );
    wait_for("an answer", || service.consume(1) != "unavailable");
    let issued = crate::service::now() + 3;
    wait_for("a passport that is younger than the store", || service.consume_issued(2, issued) == "fresh");
    // What the replica lacks, it could let in again.
    assert_eq!(replica.cli(&["replicaof", "127.0.0.1", "1"]), "OK");
    assert_eq!(service.consume_issued(3, issued), "fresh");
    primary.kill();
    wait_for("the failover", || replica.cli(&["role"]).starts_with("master") && crate::service::now() > issued);
    wait_for("an answer", || service.consume(4) == "fresh");
    assert_eq!(service.consume_issued(2, issued), "cold");
    assert_eq!(service.consume_issued(3, issued), "cold");
    sentinel.kill().unwrap();
    sentinel.wait().unwrap();
}

#[test]
fn in_a_cluster_each_passport_goes_to_its_own_node() {
    let nodes: Vec<Redis> =
        (0..3).map(|_| Redis::start_with(&["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"])).collect();
    for (node, range) in nodes.iter().zip([["0", "5460"], ["5461", "10922"], ["10923", "16383"]]) {
        assert_eq!(node.cli(&["cluster", "addslotsrange", range[0], range[1]]), "OK");
        assert_eq!(node.cli(&["cluster", "meet", "127.0.0.1", &nodes[0].port.to_string()]), "OK");
    }
    let joined = |node: &Redis| {
        let info = node.cli(&["cluster", "info"]);
        info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
    };
    wait_for("the cluster", || nodes.iter().all(joined));
    let service = Service::start(&nodes[0].tcp_url(), &["--replay-cluster", "--replay-timeout-ms", "2000"]);
    for number in 0..50 {
        assert_eq!([service.consume(number), service.consume(number)], ["fresh", "replayed"], "{number}");
    }
    let sizes: Vec<u32> = nodes.iter().map(|node| node.cli(&["dbsize"]).parse().unwrap()).collect();
    assert_eq!(sizes.iter().sum::<u32>(), 50);
    assert!(sizes.iter().all(|size| *size > 0), "{sizes:?}");
    assert_eq!(nodes[1].cli(&["config", "set", "maxmemory-policy", "allkeys-lfu"]), "OK");
    let (status, log) = Service::refused(&nodes[0].tcp_url(), &["--replay-cluster", "--replay-timeout-ms", "2000"]);
    assert_eq!(status.code(), Some(2));
    assert!(log.contains("maxmemory-policy is allkeys-lfu"), "{log}");
}

#[test]
fn tls_needs_the_right_authority() {
    let folder = Folder::new();
    let openssl = |line: String| {
        let done = Command::new("openssl").args(line.split(' ')).current_dir(&folder.0).output().unwrap();
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
    };
    std::fs::write(folder.join("san"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n").unwrap();
    for name in ["right", "wrong"] {
        openssl(format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} -keyout {name}.key -out {name}.pem"
        ));
    }
    openssl(
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=redis -keyout server.key -out server.csr"
            .into(),
    );
    openssl(
        "x509 -req -in server.csr -CA right.pem -CAkey right.key -CAcreateserial -days 2 -extfile san -out server.pem"
            .into(),
    );
    let (port, file) = (free_port(), |name: &str| folder.join(name).display().to_string());
    let _redis = Redis::start_with(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &file("server.pem"),
        "--tls-key-file",
        &file("server.key"),
        "--tls-ca-cert-file",
        &file("right.pem"),
        "--tls-auth-clients",
        "no",
    ]);
    let url = format!("rediss://127.0.0.1:{port}");
    let service = Service::start(&url, &["--replay-ca", &file("right.pem"), "--replay-timeout-ms", "2000"]);
    assert_eq!([service.consume(1), service.consume(1)], ["fresh", "replayed"]);
    for flags in [&["--replay-ca", &file("wrong.pem")][..], &[]] {
        let service = Service::start(&url, &[flags, &["--replay-timeout-ms", "2000"]].concat());
        assert_eq!(service.consume(2), "unavailable", "{flags:?}");
        assert!(service.log().contains("certificate"), "{}", service.log());
    }
}
