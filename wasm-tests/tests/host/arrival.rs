//! A request in every way in which its parts can arrive.

use trustplane_wasm_tests::case::Cases;
use trustplane_wasm_tests::filter_subject::input;
use trustplane_wasm_tests::hold::Hold;
use trustplane_wasm_tests::host::{Guest, Profile, RequestInput};
use trustplane_wasm_tests::run::Run;

use crate::site::{Site, named};

pub fn all(run: &mut Run, guest: &Guest, cases: &Cases, label: &str, hold: Hold, profile: &Profile) {
    let mut site = Site::start(guest, cases, hold, profile.clone());
    let post = input(named(cases, "post_json"));
    let body = named(cases, "post_json").body();
    let ways = (0..=body.len()).map(|at| vec![body[..at].to_vec(), body[at..].to_vec()]);
    let bytes = body.iter().map(|byte| vec![*byte]).collect();
    let padded = body.iter().flat_map(|byte| [vec![], vec![*byte], vec![]]).collect();
    let ways: Vec<Vec<Vec<u8>>> = ways.chain([vec![body.clone()], bytes, padded]).collect();
    for separate_end in [false, true] {
        for (index, parts) in ways.iter().enumerate() {
            let request = RequestInput { body: parts.clone(), separate_end, ..post.clone() };
            let name = format!("{label} body split {index}, end apart: {separate_end}");
            run.holds(&name, "However a body arrives, its bytes count.", || {
                site.forget();
                site.expect(&request, "request_allowed")
            });
            let mut changed = request;
            let last = changed.body.iter_mut().rev().find_map(|part| part.last_mut()).expect("the body has bytes");
            *last ^= 1;
            run.holds(&format!("{name}, last byte changed"), "However a body arrives, its last byte counts.", || {
                site.forget();
                site.expect(&changed, "request_binding_mismatch")
            });
        }
    }

    run.holds(&format!("{label} empty trailers"), "An end that is told by empty trailers is an end.", || {
        site.forget();
        let ended = RequestInput { trailers: Some(Vec::new()), ..post.clone() };
        site.expect(&ended, "request_allowed")
    });
    run.holds(&format!("{label} empty trailers after a changed body"), "At trailers the body is settled too.", || {
        let mut changed = RequestInput { trailers: Some(Vec::new()), ..post.clone() };
        changed.body[0][0] ^= 1;
        site.expect(&changed, "request_binding_mismatch")
    });
    run.holds(&format!("{label} trailers alone"), "Trailers without a body end a request as well.", || {
        let bare = RequestInput { body: Vec::new(), trailers: Some(Vec::new()), ..post.clone() };
        site.expect(&bare, "request_binding_mismatch")
    });
    run.holds(&format!("{label} body that a head without end announces"), "A read may be told its end late.", || {
        site.forget();
        let get = input(named(cases, "get_with_query"));
        let late = RequestInput { body: vec![Vec::new()], ..get };
        site.expect(&late, "request_allowed")
    });
    run.holds(&format!("{label} alive"), "All that leaves nothing behind.", || site.alive(cases));
}
