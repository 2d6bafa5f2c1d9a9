//! `trustplane issuer serve`, as development uses it.

use serde_json::{Value, json};

use crate::serving::Serving;
use crate::tool::{Folder, KEY, OTHER_KEY, OTHER_PUBLIC, PUBLIC};

const SERVE: &str = "issuer serve --trust-domain shop.example --issuer https://issuer.shop.example --kid web-1 \
     --private-key AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
const PASSPORTS: &str = "/v1/passports";

fn asked() -> Value {
    json!({ "subject": "service:web", "audience": "orders-api", "public_key_b64url": OTHER_PUBLIC })
}

#[test]
fn a_local_caller_is_issued_a_passport_for_its_own_key() {
    let folder = Folder::new();
    let issuer = Serving::start(&folder, &format!("{SERVE} --socket run/issuer.sock --bundle-out trust.json"));
    assert_eq!(
        issuer.report,
        json!({
            "listening": "unix:run/issuer.sock", "development_only": true, "public_key": PUBLIC, "key_id": "web-1",
            "issuer": "https://issuer.shop.example", "bundle": "trust.json",
        })
    );
    let mut document = asked();
    document["context"] = json!({ "purpose": "test" });
    let (status, issued) = issuer.post(PASSPORTS, &document.to_string());
    assert_eq!(status, 201);
    let token = issued["token"].as_str().unwrap();
    for (member, value) in [
        ("issuer", "https://issuer.shop.example"),
        ("kid", "web-1"),
        ("subject", "service:web"),
        ("audience", "orders-api"),
        ("trust_domain", "shop.example"),
        ("key_binding", "software"),
    ] {
        assert_eq!(issued[member], value);
    }
    assert_eq!(issued["expires_at"].as_u64(), issued["issued_at"].as_u64().map(|at| at + 600));

    // The verifier takes it under the trust material that was written, and the caller signs under it.
    let said = folder.ok_json(&format!(
        "verify --token {token} --audience orders-api --bundle trust.json --bundle-signature-public-key {PUBLIC}"
    ));
    assert_eq!((&said["accepted"], &said["proof_public_key"]), (&true.into(), &OTHER_PUBLIC.into()));
    assert_eq!(said["jti"], issued["jti"]);
    let sign = format!("sign --token {token} --route-id orders.read --url http://h/orders/7");
    folder.ok(&format!("{sign} --private-key {OTHER_KEY}"));
    assert_eq!(folder.run(&format!("{sign} --private-key {KEY}")).code, 2);

    // One passport is another's no more than one request is another's.
    let (_, again) = issuer.post(PASSPORTS, &document.to_string());
    assert_ne!(again["jti"], issued["jti"]);
    assert_eq!(issuer.end(), (Some(0), String::new()));
    assert!(!folder.path("run/issuer.sock").exists());
}

#[test]
fn what_it_does_not_grant_is_refused_in_place() {
    let folder = Folder::new();
    let issuer = Serving::start(&folder, &format!("{SERVE} --listen 127.0.0.1:0"));
    for (member, value, pointer, problem) in [
        ("subject", json!(""), "/subject", "empty, or with outer white space or a control character"),
        ("subject", json!("a\nb"), "/subject", "empty, or with outer white space or a control character"),
        ("audience", json!(7), "/audience", "expected a string, found an integer"),
        ("trust_domain", json!("t"), "/trust_domain", "this issuer speaks for \"shop.example\""),
        ("ttl_seconds", json!(901), "/ttl_seconds", "expected 1 to 900 seconds, found 901"),
        ("ttl_seconds", json!(0), "/ttl_seconds", "expected 1 to 900 seconds, found 0"),
        (
            "key_binding",
            json!("attested_workload"),
            "/key_binding",
            "expected \"software\", found \"attested_workload\": this issuer grants nothing above",
        ),
        ("public_key_b64url", json!("x"), "/public_key_b64url", "not unpadded base64url of 32 bytes"),
        (
            "context",
            json!({ "purpose": "\u{7f}" }),
            "/context/purpose",
            "an empty name or value, or a control character",
        ),
        ("context", Value::Null, "/context", "expected a value, found null"),
        ("provenance", json!({}), "/provenance", "unknown member"),
    ] {
        let mut document = asked();
        document[member] = value;
        let (status, answer) = issuer.post(PASSPORTS, &document.to_string());
        assert_eq!((status, &answer["error"]["pointer"]), (400, &pointer.into()), "{answer}");
        let said = answer["error"]["problem"].as_str().unwrap();
        assert!(said.starts_with(&format!("{problem} (line 1, column ")), "{said}");
    }
    let twice = asked().to_string().replacen('{', r#"{"subject":"x","#, 1);
    let (status, answer) = issuer.post(PASSPORTS, &twice);
    assert_eq!((status, &answer["error"]["pointer"]), (400, &"/subject".into()));
    let (status, answer) = issuer.post(PASSPORTS, &json!({ "subject": "x".repeat(20_000) }).to_string());
    assert_eq!((status, &answer["error"]["problem"]), (413, &"the document is longer than 16384 bytes".into()));
    assert_eq!(issuer.end(), (Some(0), String::new()));
}

#[test]
fn only_a_post_of_json_from_no_web_page_is_answered() {
    let folder = Folder::new();
    let issuer = Serving::start(&folder, &format!("{SERVE} --listen 127.0.0.1:0"));
    let (host, document) = (issuer.host().to_owned(), asked().to_string());
    let json = "Content-Type: application/json\r\n";
    let port = host.rsplit(':').next().unwrap();
    for (line, host, headers, status) in [
        ("POST /v1/passports", host.as_str(), json, 201),
        ("POST /v1/passports", &format!("localhost:{port}"), "Content-Type: Application/JSON; charset=utf-8\r\n", 201),
        ("POST /v1/passports", &host, "Content-Type: text/plain\r\n", 415),
        ("POST /v1/passports", &host, "", 415),
        ("POST /v1/passports", &host, "Content-Type: application/json\r\nOrigin: http://localhost\r\n", 403),
        ("POST /v1/passports", "rebound.example", json, 421),
        ("GET /v1/passports", &host, json, 405),
        ("OPTIONS /v1/passports", &host, json, 405),
        ("POST /v1/verify", &host, json, 404),
    ] {
        let (found, head, answer) = issuer.ask(&format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {}\r\n\r\n{document}",
            document.len()
        ));
        assert_eq!(found, status, "{line} {host} {headers}");
        assert_eq!(answer.get("token").is_some(), status == 201);
        assert!(head.contains("\r\ncache-control: no-store"), "{head}");
        assert_eq!(head.contains("\r\nallow: POST"), status == 405);
    }
}

#[test]
fn it_says_that_it_is_for_development_and_listens_to_this_host_alone() {
    let folder = Folder::new();
    assert_eq!(
        folder.fault(&format!("{SERVE} --listen 0.0.0.0:0")),
        "error: --listen: 0.0.0.0:0 can be reached from other hosts; give a loopback address, or --insecure-listen-beyond-loopback as well\n"
    );
    let mut command = folder.command(SERVE);
    let ran = command.env_remove("XDG_RUNTIME_DIR").output().unwrap();
    assert_eq!(
        String::from_utf8(ran.stderr).unwrap(),
        "error: no place to listen: give --socket or --listen, or set XDG_RUNTIME_DIR\n"
    );
    let beyond = Serving::start(&folder, &format!("{SERVE} --listen 0.0.0.0:0 --insecure-listen-beyond-loopback"));
    assert_eq!(beyond.end(), (Some(0), String::new()));

    let mut child = folder
        .command(&format!("{SERVE} --socket run/issuer.sock"))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stderr.take().unwrap()), &mut first).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(first, "note: for development alone: whoever reaches this issuer is issued what they ask for\n");
    for flag in ["-h", "--help"] {
        assert!(folder.ok(&format!("issuer serve {flag}")).contains("for development alone"));
    }
}

#[test]
fn connections_under_way_are_answered_before_it_ends() {
    use std::io::{Read as _, Write as _};
    let folder = Folder::new();
    let issuer = Serving::start(&folder, &format!("{SERVE} --listen 127.0.0.1:0"));
    let document = asked().to_string();
    let (first, rest) = document.split_at(10);
    let mut stream = std::net::TcpStream::connect(issuer.host()).unwrap();
    let head = format!(
        "POST /v1/passports HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        issuer.host(),
        document.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // It has read the head when it says that it wants the rest.
    let mut told = [0; 25];
    stream.read_exact(&mut told).unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(first.as_bytes()).unwrap();
    issuer.signal(nix::sys::signal::Signal::SIGTERM);
    while std::net::TcpStream::connect(issuer.host()).is_ok() {}
    stream.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert_eq!(issuer.end(), (Some(0), String::new()));
}
