//! Consuming passports in a real Redis, through every fault that it has.

#[path = "../common/mod.rs"]
mod common;
mod deployment;
mod redis;
mod service;

use std::sync::Barrier;
use std::thread;

use common::wait_for;
use nix::sys::signal::Signal;
use redis::Redis;
use service::{Service, id, now};

#[test]
fn of_many_at_once_exactly_one_is_fresh() {
    let redis = Redis::start();
    let service = Service::start(&redis.url(), &["--workers", "4"]);
    for number in 0..20 {
        let barrier = Barrier::new(32);
        let ask = || {
            barrier.wait();
            service.consume(number)
        };
        let outcomes: Vec<String> = thread::scope(|scope| {
            let asking: Vec<_> = (0..32).map(|_| scope.spawn(ask)).collect();
            asking.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let count = |word: &str| outcomes.iter().filter(|outcome| *outcome == word).count();
        assert_eq!((count("fresh"), count("replayed")), (1, 31), "{outcomes:?}");
    }
    assert_eq!((service.count("fresh"), service.count("replayed")), (20, 620));
}

#[test]
fn two_services_with_one_redis_are_one_store() {
    let redis = Redis::start();
    let services = [Service::start(&redis.url(), &[]), Service::start(&redis.tcp_url(), &[])];
    assert_eq!(services.each_ref().map(|service| service.consume(1)), ["fresh", "replayed"]);
    assert_eq!(services.each_ref().map(|service| service.consume(2)), ["fresh", "replayed"]);
}

#[test]
fn the_key_and_its_life_are_as_the_contract_has_them() {
    let redis = Redis::start();
    let service = Service::start(&redis.url(), &[]);
    assert_eq!(service.consume(7), "fresh");
    let key = format!("trustplane:replay:v1:{}", id(7));
    let left: u64 = redis.cli(&["pttl", &key]).parse().unwrap();
    assert!((1..=60_000).contains(&left), "{left}");
    // Without it every new passport would stay for good.
    assert_eq!(redis.cli(&["ttl", "trustplane:replay:v1:began"]), "-1");
    assert_eq!(redis.cli(&["dbsize"]), "2");
}

#[test]
fn a_question_that_is_none_consumes_nothing() {
    let redis = Redis::start();
    let service = Service::start(&redis.url(), &[]);
    let sound = format!(r#"{{"id":"{}","issued_at":{},"ttl_ms":1000}}"#, id(1), now() + 60);
    for broken in [
        String::new(),
        sound.replace("1000", "0"),
        sound.replace('}', r#","x":1}"#),
        format!("{sound}{}", " ".repeat(256)),
    ] {
        assert_eq!(service.send("POST /v1/replay/consume", &broken).0, 400, "{broken}");
    }
    assert_eq!(service.send("GET /v1/replay/consume", &sound).0, 405);
    assert_eq!(
        service.send("POST /v1/replay/consume?x", &sound),
        (200, format!(r#"{{"id":"{}","outcome":"fresh"}}"#, id(1)))
    );
}

#[test]
fn without_the_replicas_that_it_demands_redis_consumes_nothing() {
    let redis = Redis::start();
    let service = Service::start(&redis.url(), &[]);
    assert_eq!(redis.cli(&["config", "set", "min-replicas-to-write", "1"]), "OK");
    assert_eq!(service.consume(1), "unavailable");
    assert!(service.log().contains("NOREPLICAS"), "{}", service.log());
    assert_eq!(redis.cli(&["config", "set", "min-replicas-to-write", "0"]), "OK");
    assert_eq!(service.consume(1), "fresh", "a refused command left nothing behind");
}

#[test]
fn out_of_memory_says_full_and_forgets_nothing() {
    let redis = Redis::start();
    let service = Service::start(&redis.url(), &[]);
    assert_eq!(service.consume(1), "fresh");
    assert_eq!(redis.cli(&["config", "set", "maxmemory", "1"]), "OK");
    assert_eq!(service.consume(2), "full");
    assert_eq!(redis.cli(&["config", "set", "maxmemory", "0"]), "OK");
    assert_eq!([service.consume(1), service.consume(2)], ["replayed", "fresh"]);
}

#[test]
fn a_frozen_redis_is_no_answer_and_is_found_again() {
    let redis = Redis::start();
    let service = Service::start(&redis.url(), &[]);
    assert_eq!(service.consume(1), "fresh");
    redis.signal(Signal::SIGSTOP);
    assert_eq!([service.consume(2), service.consume(3)], ["unavailable", "unavailable"]);
    redis.signal(Signal::SIGCONT);
    let mut number = 10;
    wait_for("an answer", || {
        number += 1;
        service.consume(number) == "fresh"
    });
    assert_eq!(service.consume(1), "replayed");
    assert_ne!(service.consume(2), "unavailable");
}

#[test]
fn a_redis_that_was_killed_is_found_again_and_lets_nobody_in_twice() {
    let mut redis = Redis::start();
    let service = Service::start(&redis.url(), &["--replay-cold-margin-seconds", "0"]);
    let issued = now() + 1;
    wait_for("a passport that is younger than the store", || service.consume_issued(99, now()) != "cold");
    assert_eq!(service.consume_issued(1, issued), "fresh");
    redis.kill();
    assert_eq!(service.consume(2), "unavailable");
    wait_for("the next second", || now() > issued);
    redis.restart();
    wait_for("an answer", || service.consume_issued(1, issued) != "unavailable");
    assert_eq!(redis.cli(&["exists", &format!("trustplane:replay:v1:{}", id(1))]), "0", "it really is empty");
    assert_eq!(service.consume_issued(1, issued), "cold", "it was consumed, and only the service can know");
    assert_eq!(service.consume(2), "fresh");
}

#[test]
fn a_redis_that_was_emptied_is_noticed_by_the_next_question() {
    let redis = Redis::start();
    let service = Service::start(&redis.url(), &[]);
    assert_eq!(service.consume(1), "fresh");
    assert_eq!(redis.cli(&["flushall"]), "OK");
    let issued = now();
    assert_eq!(service.consume_issued(1, issued), "cold", "it began a moment ago");
    assert_eq!(service.consume(1), "unavailable", "the marker is gone");
    assert_eq!(service.consume_issued(1, issued), "cold");
    assert_eq!(service.consume(2), "fresh");
}

#[test]
fn a_redis_that_comes_late_is_found() {
    let mut redis = Redis::start();
    redis.kill();
    let service = Service::start(&redis.url(), &[]);
    assert_eq!(service.consume(1), "unavailable");
    redis.restart();
    wait_for("an answer", || service.consume(1) == "fresh");
    assert_eq!(service.consume(1), "replayed");
}

#[test]
fn a_redis_that_drops_keys_is_refused_unless_told() {
    let redis = Redis::start_with(&["--maxmemory-policy", "allkeys-lru"]);
    let (status, log) = Service::refused(&redis.url(), &[]);
    assert_eq!(status.code(), Some(2));
    assert!(log.contains("maxmemory-policy is allkeys-lru") && log.contains("--allow-evicting-redis"), "{log}");
    let service = Service::start(&redis.url(), &["--allow-evicting-redis"]);
    assert_eq!([service.consume(1), service.consume(1)], ["fresh", "replayed"]);
}

#[test]
fn a_redis_that_is_restarted_to_drop_keys_is_no_longer_asked() {
    let mut redis = Redis::start();
    let service = Service::start(&redis.url(), &[]);
    assert_eq!(service.consume(1), "fresh");
    redis.kill();
    let dropping = Redis::start_with(&["--maxmemory-policy", "volatile-ttl"]);
    std::os::unix::fs::symlink(dropping.folder.join("redis.sock"), redis.folder.join("other")).unwrap();
    std::fs::rename(redis.folder.join("other"), redis.folder.join("redis.sock")).unwrap();
    wait_for("a look at it", || {
        assert_eq!(service.consume(2), "unavailable");
        service.log().contains("maxmemory-policy is volatile-ttl")
    });
}

#[test]
fn passwords_are_read_from_a_file_and_never_told() {
    let redis = Redis::start();
    assert_eq!(redis.cli(&["acl", "setuser", "tp", "on", ">s3cret", "~trustplane:replay:v1:*", "+@all"]), "OK");
    assert_eq!(redis.cli(&["acl", "setuser", "default", "off"]), "OK");
    let file = redis.folder.join("password");
    std::fs::write(&file, "s3cret\n").unwrap();
    let flags = ["--replay-user", "tp", "--replay-password-file", file.to_str().unwrap()];
    let service = Service::start(&redis.url(), &flags);
    assert_eq!(service.consume(1), "fresh");
    std::fs::write(&file, "wr0ng").unwrap();
    let service = Service::start(&redis.url(), &flags);
    assert_eq!(service.consume(2), "unavailable");
    assert!(!service.log().contains("wr0ng") && service.log().contains("replay store: "), "{}", service.log());
}
