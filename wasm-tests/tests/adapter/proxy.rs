//! What the adapter does besides deciding: as a real process, over real connections.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;
use tokio::net::TcpSocket;

use trustplane::bundle::Kind;
use trustplane::clock;
use trustplane::upstream::Echo;
use trustplane_wasm_tests::load::{Wire, anonymous};
use trustplane_wasm_tests::run::Run;
use trustplane_wasm_tests::store::Fallible;

use crate::behind::Slow;
use crate::exchange::{PATIENCE, exchange, expect, hold, raw, signed, to_end, with, word};
use crate::process::{Documents, Proxy};

/// The store begins with the process, and passports of that second are refused.
const WARM: [&str; 2] = ["--replay-cold-margin-seconds", "0"];

/// Everything.
pub fn all(run: &mut Run) {
    let mut holds = |name: &str, comment: &str, test: fn(&str) -> Fallible<()>| {
        let name = format!("proxy {name}");
        run.holds(&name, comment, || test(&name.replace(' ', "-")).map_err(|error| error.to_string()));
    };
    holds("decides", "What passes is told and counted, what does not never gets through.", decides);
    holds("one route", "Where one route is named, every other one is missing.", one_route);
    holds("protocols", "No connection is handed over: upgrades and CONNECT are refused.", protocols);
    holds("framing", "What two readers could read differently is refused or written anew.", framing);
    holds("secured", "Either protocol under TLS, and a certificate that is renewed.", crate::alpn::secured);
    holds("limits", "Bodies have a size and a time, connections a number.", limits);
    holds("service behind", "A service that is gone or slow is told from a denial.", service_behind);
    holds("streams", "An answer passes as it comes.", streams);
    holds("follows", "Files that change are in force soon, broken ones never.", follows);
    holds("drains", "SIGTERM ends nothing that is under way.", drains);
    holds("replicas", "A memory of one process serves one process.", replicas);
}

/// A service behind and an adapter that takes passports of this moment.
pub fn warm(documents: &Documents, behind: SocketAddr, flags: &[&str]) -> Fallible<Proxy> {
    let proxy = documents.start(behind, &[&WARM, flags].concat())?;
    let began = clock::now();
    while clock::now() <= began {
        sleep(Duration::from_millis(10));
    }
    Ok(proxy)
}

fn decides(name: &str) -> Fallible<()> {
    let (documents, echo) = (Documents::new(name, clock::now())?, Echo::start()?);
    let proxy = warm(&documents, echo.address(), &[])?;
    let wire = signed(&documents, b"")?;
    let passed = exchange(proxy.address, &wire)?;
    expect("an allow", "200", &word(&passed))?;
    for told in ["\"x-trustplane-subject\",\"service:caller-", "\"host\",\"bench.example\""] {
        hold(passed.contains(told), &passed)?;
    }
    hold(!passed.contains("authorization") && !passed.contains("x-trustplane-proof"), &passed)?;
    expect("a replay", "403 jti_replay", &word(&exchange(proxy.address, &wire)?))?;
    expect("a stranger", "401 missing_passport", &word(&exchange(proxy.address, &anonymous(&Arc::from([])))?))?;
    expect("upstream", "1", &echo.count().to_string())?;
    let told: Vec<_> = proxy.events()?.iter().map(|it| format!("{} {}", it["component"], it["reason_code"])).collect();
    let expected = [r#""adapter" "request_allowed""#, r#""adapter" "jti_replay""#, r#""adapter" "missing_passport""#];
    expect("events", &expected.join(", "), &told.join(", "))?;
    let metrics = raw(proxy.admin, b"GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")?;
    for line in ["reason=\"jti_replay\"} 1\n", "reason=\"request_allowed\"} 1\n", "_age_seconds{bundle=\"trust\"} "] {
        hold(metrics.contains(line), &metrics)?;
    }
    let ready = raw(proxy.admin, b"GET /readyz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")?;
    hold(ready.starts_with("HTTP/1.1 200 ") && ready.ends_with("ready\n"), &ready)
}

fn one_route(name: &str) -> Fallible<()> {
    let (documents, echo) = (Documents::new(name, clock::now())?, Echo::start()?);
    let mode = ["--route-policy-mode", "route-id", "--route-id", "orders.read"];
    let proxy = warm(&documents, echo.address(), &mode)?;
    expect("its own", "200", &word(&exchange(proxy.address, &signed(&documents, b"")?)?))?;
    let other = signed(&documents, b"a body")?;
    expect("another", "403 bundle_route_missing", &word(&exchange(proxy.address, &other)?))?;
    let events = proxy.events()?;
    let event = events.last().ok_or("no event")?;
    hold(event.get("route_id").is_none() && event.get("jti").is_none() && event["policy_id"] == "bench", event)?;
    let flags = ["--route-policy-mode", "route-id"];
    let refused = documents.command(echo.address(), &flags)?.output()?;
    expect("no id", "Some(2)", &format!("{:?}", refused.status.code()))
}

fn protocols(name: &str) -> Fallible<()> {
    let (documents, echo) = (Documents::new(name, clock::now())?, Echo::start()?);
    let proxy = warm(&documents, echo.address(), &[])?;
    let upgrade = with(&signed(&documents, b"")?, "connection: upgrade\r\nupgrade: websocket\r\n");
    expect("an upgrade", "403 request_not_canonical", &word(&exchange(proxy.address, &upgrade)?))?;
    let offer = with(&signed(&documents, b"")?, "connection: upgrade\r\nupgrade: h2c\r\n");
    let passed = exchange(proxy.address, &offer)?;
    expect("an offer of h2c", "200", &word(&passed))?;
    hold(!passed.contains("\"upgrade\"") && !passed.contains("\"connection\""), &passed)?;
    let connect = String::from_utf8(signed(&documents, b"")?.head)?.replacen("GET /orders", "CONNECT orders", 1);
    let target = connect.split(' ').nth(1).unwrap_or_default().to_owned();
    let connect = connect.replacen(&target, "bench.example:443", 1);
    expect("CONNECT", "403 request_not_canonical", &word(&raw(proxy.address, connect.as_bytes())?))?;
    // A covered header cannot be named away.
    let named = with(&signed(&documents, b"")?, "connection: x-trustplane-subject, x-trustplane-route-id\r\n");
    let passed = exchange(proxy.address, &named)?;
    hold(passed.contains("\"x-trustplane-subject\",\"service:"), &passed)?;
    expect("upstream", "2", &echo.count().to_string())
}

fn framing(name: &str) -> Fallible<()> {
    let (documents, echo) = (Documents::new(name, clock::now())?, Echo::start()?);
    let proxy = warm(&documents, echo.address(), &[])?;
    let two = with(&signed(&documents, b"abc")?, "content-length: 4\r\n");
    expect("two lengths", "400", &word(&exchange(proxy.address, &two)?))?;
    let coding = with(&signed(&documents, b"abc")?, "transfer-encoding: gzip\r\n");
    expect("a coding of its own", "400", &word(&exchange(proxy.address, &coding)?))?;
    expect("upstream", "0", &echo.count().to_string())?;
    // Chunks and a length (RFC 9112 section 6.1): the chunks count, one request goes on, framed anew, and the
    // connection ends with its answer.
    let both = with(&signed(&documents, b"abc")?, "transfer-encoding: chunked\r\n");
    let smuggled = b"3\r\nabc\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nhost: bench.example\r\nconnection: close\r\n\r\n";
    let answers = to_end(proxy.address, &[&both.head, &smuggled[..]].concat())?;
    let statuses: Vec<_> = answers.match_indices("HTTP/1.1 ").map(|(at, _)| &answers[at + 9..at + 12]).collect();
    expect("statuses", "200", &statuses.join(" "))?;
    hold(!answers.contains("transfer-encoding"), &answers)?;
    expect("upstream", "1", &echo.count().to_string())
}

fn limits(name: &str) -> Fallible<()> {
    let (documents, echo) = (Documents::new(name, clock::now())?, Echo::start()?);
    let proxy = warm(&documents, echo.address(), &["--request-timeout", "300ms", "--max-connections", "1"])?;
    let large = signed(&documents, &vec![b'x'; (2 << 20) + 1])?;
    expect("a large body", "413 body_too_large", &word(&exchange(proxy.address, &large)?))?;
    let slow = signed(&documents, b"never comes")?;
    let cut = Wire { head: slow.head, body: Arc::from([]) };
    expect("a slow body", "503 verifier_unavailable", &word(&exchange(proxy.address, &cut)?))?;
    expect("upstream", "0", &echo.count().to_string())?;

    // One connection that says nothing has the only place, until it is given up.
    let idle = TcpStream::connect(proxy.address)?;
    sleep(Duration::from_millis(100));
    let mut waiting = TcpStream::connect(proxy.address)?;
    waiting.write_all(&signed(&documents, b"")?.head)?;
    waiting.set_read_timeout(Some(Duration::from_millis(300)))?;
    let early = waiting.read(&mut [0; 1]);
    hold(early.is_err(), &early)?;
    drop(idle);
    waiting.set_read_timeout(Some(PATIENCE))?;
    let mut status = [0; 12];
    waiting.read_exact(&mut status)?;
    expect("the one that waited", "HTTP/1.1 200", &String::from_utf8_lossy(&status))
}

fn service_behind(name: &str) -> Fallible<()> {
    let documents = Documents::new(name, clock::now())?;
    // Bound and not listening: a port that was let go could be the adapter's own by now.
    let nobody = TcpSocket::new_v4()?;
    nobody.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let proxy = warm(&documents, nobody.local_addr()?, &[])?;
    expect("nobody there", "502", &word(&exchange(proxy.address, &signed(&documents, b"")?)?))?;
    drop(proxy);
    let slow = Slow::start(PATIENCE, Duration::ZERO)?;
    let proxy = warm(&documents, slow.address, &["--upstream-timeout", "200ms"])?;
    expect("nobody answers", "504", &word(&exchange(proxy.address, &signed(&documents, b"")?)?))?;
    let metrics = raw(proxy.admin, b"GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")?;
    hold(metrics.contains("trustplane_upstream_failures_total 1\n"), &metrics)
}

fn streams(name: &str) -> Fallible<()> {
    let documents = Documents::new(name, clock::now())?;
    let slow = Slow::start(Duration::ZERO, Duration::from_secs(2))?;
    let proxy = warm(&documents, slow.address, &[])?;
    let mut stream = TcpStream::connect(proxy.address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&signed(&documents, b"")?.head)?;
    let mut seen = Vec::new();
    while !seen.ends_with(b"one") {
        let mut piece = [0; 1024];
        match stream.read(&mut piece)? {
            0 => return Err(format!("ended after {}", seen.escape_ascii()).into()),
            size => seen.extend_from_slice(&piece[..size]),
        }
    }
    let mut rest = [0; 3];
    stream.read_exact(&mut rest)?;
    expect("the rest", "two", &String::from_utf8_lossy(&rest))
}

fn follows(name: &str) -> Fallible<()> {
    let began = clock::now();
    let (documents, echo) = (Documents::new(name, began)?, Echo::start()?);
    let proxy = warm(&documents, echo.address(), &[])?;
    let until = |expected: &str| -> Fallible<()> {
        let asked = Instant::now();
        loop {
            let told = word(&exchange(proxy.address, &signed(&documents, b"")?)?);
            match told == expected {
                true => return Ok(()),
                false if asked.elapsed() > PATIENCE => return Err(format!("expected {expected}, got {told}").into()),
                false => sleep(Duration::from_millis(20)),
            }
        }
    };
    until("200")?;
    let revoked = [json!({ "type": "kid", "value": "issuer-1", "revoked_at": began.as_secs() })];
    documents.write(began.plus(1), &revoked)?;
    until("403 passport_revoked")?;
    documents.put(Kind::Trust, "{\"kind\": 7}")?;
    proxy.signal(Signal::SIGHUP)?;
    let asked = Instant::now();
    while !proxy.log()?.contains("refused") {
        hold(asked.elapsed() < PATIENCE, &proxy.log()?)?;
        sleep(Duration::from_millis(20));
    }
    until("403 passport_revoked")?;
    documents.write(began, &[])?;
    sleep(Duration::from_millis(1500));
    until("403 passport_revoked")?;
    documents.write(began.plus(2), &[])?;
    until("200")?;
    hold(proxy.log()?.contains("read again"), &proxy.log()?)
}

fn drains(name: &str) -> Fallible<()> {
    let documents = Documents::new(name, clock::now())?;
    let slow = Slow::start(Duration::from_millis(700), Duration::from_millis(300))?;
    let mut proxy = warm(&documents, slow.address, &[])?;
    let idle = TcpStream::connect(proxy.address)?;
    let (address, wire) = (proxy.address, signed(&documents, b"")?);
    let asked = std::thread::spawn(move || exchange(address, &wire).map_err(|error| error.to_string()));
    let began = Instant::now();
    while slow.count() == 0 {
        hold(began.elapsed() < PATIENCE, &"the request does not arrive")?;
        sleep(Duration::from_millis(5));
    }
    proxy.signal(Signal::SIGTERM)?;
    let answer = asked.join().map_err(|_| "the caller panicked")??;
    hold(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("onetwo"), &answer)?;
    let status = proxy.ended()?;
    drop(idle);
    hold(status.success() && proxy.log()?.ends_with("stopped\n"), &proxy.log()?)?;
    hold(TcpStream::connect(address).is_err(), &"somebody still listens")
}

fn replicas(name: &str) -> Fallible<()> {
    let documents = Documents::new(name, clock::now())?;
    let behind = SocketAddr::from(([127, 0, 0, 1], 9));
    for flags in [&["--replicas", "2"][..], &["--multi-replica"], &["--replay", "redis"], &["--upstream", "https://a"]]
    {
        let refused = documents.command(behind, flags)?.output()?;
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        let flag = if flags[0] == "--upstream" { "--upstream" } else { "--replay" };
        hold(refused.status.code() == Some(2) && told.contains(flag), &told)?;
    }
    Ok(())
}
