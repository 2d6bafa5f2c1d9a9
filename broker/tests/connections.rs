//! What a caller can do to a connection, or with many: each has its stable reason and its audit event,
//! and the broker goes on serving others.

mod common;

use std::io::{Read as _, Write as _};
use std::net::Shutdown;

use common::{
    Running, answer, assert_denied, assert_issued, assert_recorded, assert_serving, line, policy, request, wait_for,
};
use serde_json::json;

#[test]
fn a_line_longer_than_the_limit_is_refused_while_it_is_still_being_sent() {
    for bytes in [64 * 1024 + 1, 1 << 20] {
        let mut broker = Running::start(&policy());
        let mut stream = broker.connect();
        stream.write_all(&vec![b' '; bytes]).unwrap();
        let response = answer(&mut stream);
        assert_denied(&response, "", "broker_request_invalid", false);
        assert_eq!(response["error"]["details"]["problem"], "the line is longer than 64 KiB");
        assert_recorded(&broker, "broker_request_invalid");
        assert_serving(&mut broker);
    }
}

#[test]
fn a_line_of_exactly_the_limit_is_read() {
    let broker = Running::start(&policy());
    let request = request();
    let mut longest = line(&request);
    longest.push_str(&" ".repeat(64 * 1024 - longest.len()));
    assert_issued(&broker.send(&longest), &request);
    longest.push(' ');
    let request = common::request();
    let mut longer = line(&request);
    longer.push_str(&" ".repeat(64 * 1024 + 1 - longer.len()));
    assert_denied(&broker.send(&longer), "", "broker_request_invalid", false);
}

#[test]
fn slow_writers_and_idle_connections_are_told_and_closed() {
    let mut broker = Running::start(&policy());
    let mut idle = broker.connect();
    let mut slow = broker.connect();
    let drip = {
        let mut slow = slow.try_clone().unwrap();
        let line = line(&request());
        std::thread::spawn(move || {
            for byte in line.bytes() {
                if slow.write_all(&[byte]).is_err() {
                    return;
                }
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
        })
    };
    for _ in 0..20 {
        assert_serving(&mut broker);
    }
    for stream in [&mut idle, &mut slow] {
        let response = answer(stream);
        assert_denied(&response, "", "broker_request_invalid", false);
        assert_eq!(response["error"]["details"]["problem"], "no full line within the time allowed");
    }
    drip.join().unwrap();
    let denials = broker.audit().into_iter().filter(|event| event["reason_code"] == "broker_request_invalid").count();
    assert_eq!(denials, 2);
    assert_serving(&mut broker);
}

#[test]
fn a_line_that_comes_in_pieces_in_time_is_served() {
    let broker = Running::start(&policy());
    let request = request();
    let mut stream = broker.connect();
    for piece in format!("{}\n", line(&request)).as_bytes().chunks(7) {
        stream.write_all(piece).unwrap();
    }
    assert_issued(&answer(&mut stream), &request);
}

#[test]
fn a_connection_that_ends_within_its_line_is_told_so() {
    let mut broker = Running::start(&policy());
    let mut stream = broker.connect();
    stream.write_all(line(&request()).as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let response = answer(&mut stream);
    assert_denied(&response, "", "broker_request_invalid", false);
    assert_recorded(&broker, "broker_request_invalid");
    assert_serving(&mut broker);
}

#[test]
fn a_second_request_on_one_connection_is_not_answered() {
    let broker = Running::start(&policy());
    let (first, second) = (request(), request());
    let mut stream = broker.connect();
    stream.write_all(format!("{}\n{}\n", line(&first), line(&second)).as_bytes()).unwrap();
    assert_issued(&answer(&mut stream), &first);
    assert_issued(&broker.ask(&second), &second);
}

#[test]
fn connections_beyond_the_limit_are_told_to_come_back() {
    let mut broker = Running::start(&policy());
    let mut held: Vec<_> = (0..512).map(|_| broker.connect()).collect();
    let mut beyond = broker.connect();
    let response = answer(&mut beyond);
    assert_denied(&response, "", "broker_overloaded", true);
    assert_recorded(&broker, "broker_overloaded");
    // Those that were there first are served, and free their slots.
    let request = request();
    let stream = held.last_mut().unwrap();
    stream.write_all(format!("{}\n", line(&request)).as_bytes()).unwrap();
    assert_issued(&answer(stream), &request);
    drop(held);
    wait_for("a free slot", || broker.ask(&common::request())["accepted"] == true);
    assert!(broker.is_alive());
}

#[test]
fn a_user_that_fills_every_slot_shuts_no_other_user_out() {
    const OTHER: u32 = 4242;
    let mut policy = policy();
    let mut other = policy["callers"][0].clone();
    other["peer"] = json!({ "uid": OTHER });
    other["subject"] = json!("service:other");
    policy["callers"].as_array_mut().unwrap().push(other);
    let broker = Running::start_with(&policy, &["--socket-mode", "666"]);
    std::fs::set_permissions(&broker.folder.0, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut greedy: Vec<_> = (0..512).map(|_| broker.connect()).collect();
    let Some(mut fair) = common::connect_as(OTHER, &broker.socket()) else {
        return common::root::left_out();
    };
    let request = request();
    fair.write_all(format!("{}\n", line(&request)).as_bytes()).unwrap();
    assert_issued(&answer(&mut fair), &request);
    // The connection that had waited longest gave way, and no other did.
    assert_denied(&answer(&mut greedy[0]), "", "broker_overloaded", true);
    let request = common::request();
    greedy[1].write_all(format!("{}\n", line(&request)).as_bytes()).unwrap();
    assert_issued(&answer(&mut greedy[1]), &request);
    let subjects: Vec<_> = broker.audit().iter().map(|event| event["subject"].clone()).collect();
    assert_eq!(subjects.iter().filter(|subject| *subject == "service:other").count(), 1);
}

#[test]
fn a_connection_without_a_byte_is_no_request_and_leaves_no_event() {
    let mut broker = Running::start(&policy());
    let before = broker.audit().len();
    let mut stream = broker.connect();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!(text, "");
    assert_eq!(broker.audit().len(), before);
    assert_serving(&mut broker);
}
