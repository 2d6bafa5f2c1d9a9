//! Bytes that an unauthenticated client can send: denied, and the filter lives on.

use trustplane_wasm_tests::case::Cases;
use trustplane_wasm_tests::filter_subject::input;
use trustplane_wasm_tests::hold::Hold;
use trustplane_wasm_tests::host::{Guest, Pair, Profile, RequestInput};
use trustplane_wasm_tests::run::Run;

use crate::site::{Site, named, sound};

/// Bytes that parsers trip over.
const BYTES: [u8; 10] = [0x00, 0x09, 0x0a, 0x20, b'"', b',', b'=', 0x7f, 0x80, 0xff];

/// Headers without which no request passes, byte for byte.
const CREDENTIALS: [&[u8]; 5] = [
    b"authorization",
    b"x-trustplane-proof",
    b"x-trustplane-nonce",
    b"x-trustplane-body-sha256",
    b"x-trustplane-transcript-sha256",
];

pub fn all(run: &mut Run, guest: &Guest, cases: &Cases, label: &str, hold: Hold, profile: &Profile) {
    let mut site = Site::start(guest, cases, hold, profile.clone());
    for (name, request) in requests(cases) {
        run.holds(&format!("{label} {name}"), "No bytes of a client take the filter down.", || {
            let outcome = site.host.request(&request);
            let denied = if outcome.allowed() { Err("allowed".into()) } else { Ok(()) };
            sound(&outcome, hold).and(denied).and_then(|()| site.alive(cases))
        });
    }
    let good = input(named(cases, "post_json"));
    for header in CREDENTIALS {
        let name = format!("{label} every other byte in {}", header.escape_ascii());
        run.holds(&name, "A credential counts to its last byte.", || spoiled(&mut site, &good, header));
    }
    run.holds(&format!("{label} memory"), "What is denied leaves nothing in memory.", || memory(&mut site, cases));
    run.holds(&format!("{label} alive after junk"), "The filter lives on.", || site.alive(cases));
}

fn requests(cases: &Cases) -> Vec<(String, RequestInput)> {
    let good = || input(named(cases, "get_with_query"));
    let with = |pairs: &[(&str, &[u8])]| {
        let mut request = good();
        request.headers.extend(pairs.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec())));
        request
    };
    let without = |name: &[u8]| {
        let mut request = good();
        request.headers.retain(|(held, _)| held != name);
        request
    };
    let replaced = |name: &[u8], value: &[u8]| {
        let mut request = good();
        let place = request.headers.iter_mut().find(|(held, _)| held == name);
        place.expect("the header is there").1 = value.to_vec();
        request
    };
    let every: Vec<u8> = (0..=255).collect();
    let mut found: Vec<(String, RequestInput)> = vec![
        ("no headers at all".into(), RequestInput::default()),
        ("no headers and a body".into(), RequestInput::default().chunk("x")),
        ("no :path".into(), without(b":path")),
        ("no :method".into(), without(b":method")),
        ("no :authority".into(), without(b":authority")),
        ("no :scheme, two :path".into(), with(&[(":path", b"/orders/8")])),
        ("empty :authority".into(), replaced(b":authority", b"")),
        ("empty :path".into(), replaced(b":path", b"")),
        ("0xff in a header".into(), with(&[("x-junk", b"\xff")])),
        ("every byte in a header".into(), with(&[("x-junk", &every)])),
        ("every byte in the path".into(), replaced(b":path", &every)),
        ("every byte in the method".into(), replaced(b":method", &every)),
        ("every byte in the authority".into(), replaced(b":authority", &every)),
        ("60 KiB in one header".into(), with(&[("x-junk", &[b'a'; 60 * 1024])])),
        (
            "60 KiB of passport".into(),
            replaced(b"authorization", &[b"Bearer ".as_slice(), &[b'A'; 60 * 1024]].concat()),
        ),
        ("60 KiB of dots".into(), replaced(b"authorization", &[b"Bearer ".as_slice(), &[b'.'; 60 * 1024]].concat())),
        ("60 KiB of path".into(), replaced(b":path", &[b'/'; 60 * 1024])),
        ("60 KiB of query".into(), replaced(b":path", &[b"/orders/7?".as_slice(), &[b'&'; 60 * 1024]].concat())),
        ("60 KiB of nonce".into(), replaced(b"x-trustplane-nonce", &[b'n'; 60 * 1024])),
        ("60 KiB of signed headers".into(), with(&[("x-trustplane-signed-headers", &[b','; 60 * 1024])])),
        ("an empty header name".into(), with(&[("", b"x")])),
        ("a colon in a header name".into(), with(&[(":junk", b"x"), ("a:b", b"x")])),
        ("a pseudo header of responses".into(), with(&[(":status", b"200")])),
        ("an upgrade".into(), with(&[("connection", b"upgrade"), ("upgrade", b"websocket")])),
    ];
    let many: Vec<Pair> = (0..1000).map(|index| (format!("x-{index}").into_bytes(), b"1".to_vec())).collect();
    let mut request = good();
    request.headers.extend(many);
    found.push(("a thousand headers".into(), request));
    let nested = format!("Bearer e30.{}.AA", "W1tb".repeat(1500));
    found.push(("deep nesting".into(), replaced(b"authorization", nested.as_bytes())));
    found
}

/// Each byte of the header's value in turn, by each of the others.
fn spoiled(site: &mut Site, good: &RequestInput, header: &[u8]) -> Result<(), String> {
    let at = good.headers.iter().position(|(name, _)| name == header).expect("the header is there");
    let size = good.headers[at].1.len();
    // A passport is long: its ends, its joints and a sample between.
    let step = size.div_ceil(40);
    for place in (0..size).step_by(step).chain([size - 1]) {
        for byte in BYTES {
            let mut request = good.clone();
            request.headers[at].1[place] = byte;
            site.forget();
            let reason = site.reason(&request).map_err(|why| format!("byte {byte:#04x} at {place}: {why}"))?;
            if reason == "request_allowed" {
                return Err(format!("allowed with byte {byte:#04x} at {place}"));
            }
        }
    }
    Ok(())
}

fn memory(site: &mut Site, cases: &Cases) -> Result<(), String> {
    let requests = requests(cases);
    let mut once = || {
        for (_, request) in &requests {
            let _outcome = site.host.request(request);
        }
        site.host.memory_bytes()
    };
    let warm = once();
    let after = (0..20).map(|_| once()).last().unwrap_or(warm);
    if after == warm { Ok(()) } else { Err(format!("{warm} bytes at first, {after} after")) }
}
