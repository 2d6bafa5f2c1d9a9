//! Bundles that change under two real Envoys of two workers each, while requests flow.

mod site;

use std::time::{Duration, Instant};

use serde_json::json;

use crate::site::{Kind, Site, Steady};

const READ: &str = "GET";
const WRITE: &str = "POST";

#[test]
fn a_revoked_key_is_refused_by_every_worker_within_seconds() {
    let mut site = Site::start();
    assert_eq!(site.everywhere(READ), ["200"]);
    let steady = Steady::begin(&site);
    site.publish(Kind::Trust, site::second_key);
    site.await_everywhere("caller-2", "200");
    let mut times = Vec::new();
    for round in 0..5 {
        site.revoke("caller-2");
        let began = Instant::now();
        site.await_everywhere("caller-2", "403 passport_revoked");
        times.push(began.elapsed());
        site.publish(Kind::Trust, |trust| {
            trust["revocations"] = json!([]);
            site::second_key(trust);
        });
        site.await_everywhere("caller-2", "200");
        println!(
            "round {round}: revoked in the file, refused by all 4 workers of both Envoys after {:?}",
            times[round]
        );
    }
    times.sort();
    println!("revocation, 5 rounds: median {:?}, slowest {:?}", times[2], times[4]);
    println!("requests of another key meanwhile: {}, all allowed", steady.end());
}

#[test]
fn freshness_runs_out_by_class_while_the_source_is_gone_and_comes_back_with_it() {
    let mut site = Site::start();
    let steady = Steady::begin(&site);
    site.publish(Kind::Policy, |policy| {
        site::set_on_route(policy, "orders.create", "freshness_class", "realtime");
        site::set_on_route(policy, "orders.create", "required_key_binding", "hardware_local");
    });
    site.await_everywhere(WRITE, "403 insufficient_key_binding");
    site.publish(Kind::Policy, |policy| {
        site::set_on_route(policy, "orders.create", "required_key_binding", "software")
    });
    site.await_everywhere(WRITE, "200");
    let gone = Instant::now();
    site.hide(Kind::Trust);
    site.await_everywhere(WRITE, "403 stale_bundle_fail_closed");
    let stale = gone.elapsed();
    assert!(stale >= Duration::from_secs(4), "the window is five seconds of whole ones: {stale:?}");
    site.show(Kind::Trust);
    let back = Instant::now();
    site.await_everywhere(WRITE, "200");
    println!("source gone: realtime routes refused after {stale:?}; back: served after {:?}", back.elapsed());
    println!("requests of an offline-ok route meanwhile: {}, all allowed", steady.end());
}

#[test]
fn what_must_not_be_taken_is_not_and_the_next_good_document_is() {
    let mut site = Site::start();
    let steady = Steady::begin(&site);
    site.publish(Kind::Policy, |policy| {
        site::set_on_route(policy, "orders.create", "required_key_binding", "hardware_local")
    });
    site.await_everywhere(WRITE, "403 insufficient_key_binding");
    let newest = site.text(Kind::Policy);
    let permissive = newest.replace("hardware_local", "software");
    assert_ne!(permissive, newest);
    for (what, text) in [
        ("not signed as it is", permissive),
        ("older", site.first(Kind::Policy)),
        ("half written", newest[..newest.len() / 2].to_owned()),
        ("empty", String::new()),
        ("another kind", site.text(Kind::Trust)),
    ] {
        site.put(Kind::Policy, &text);
        std::thread::sleep(Duration::from_millis(2_500));
        assert_eq!(site.everywhere(WRITE), ["403 insufficient_key_binding"], "{what}");
    }
    site.put(Kind::Policy, &newest);
    site.publish(Kind::Policy, |policy| {
        site::set_on_route(policy, "orders.create", "required_key_binding", "software")
    });
    site.await_everywhere(WRITE, "200");
    println!("requests meanwhile: {}, all allowed", steady.end());
}

#[test]
fn a_client_comes_and_goes_without_a_restart() {
    let mut site = Site::start();
    let steady = Steady::begin(&site);
    site.publish(Kind::Trust, site::second_key);
    site.await_everywhere("caller-2", "200");
    site.publish(Kind::Trust, |trust| {
        trust["issuers"][0]["keys"].as_array_mut().unwrap().truncate(1);
    });
    site.await_everywhere("caller-2", "401 unknown_issuer_key");
    println!("requests of another key meanwhile: {}, all allowed", steady.end());
}

/// A bundle of this many routes is larger than Envoy's buffers are by default.
const ROUTES: usize = 10_000;

#[test]
fn a_policy_of_ten_thousand_routes_arrives_through_the_socket() {
    let mut site = Site::start();
    let steady = Steady::begin(&site);
    site.publish(Kind::Policy, |policy| {
        let routes = site::routes(policy);
        for index in 0..ROUTES {
            let mut route = routes[0].clone();
            route["route_id"] = json!(format!("extra.{index}"));
            route["path_template"] = json!(format!("/extra/{index}/{{id}}"));
            routes.push(route);
        }
        site::set_on_route(policy, "orders.create", "required_key_binding", "hardware_local");
    });
    let (began, size) = (Instant::now(), site.text(Kind::Policy).len());
    site.await_everywhere(WRITE, "403 insufficient_key_binding");
    println!("{} routes, {} KiB: in force in all 4 workers after {:?}", ROUTES + 2, size >> 10, began.elapsed());
    println!("requests meanwhile: {}, all allowed", steady.end());
}
