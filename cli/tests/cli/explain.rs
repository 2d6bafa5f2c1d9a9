//! What `verify --explain` shows of a request that is not the one that was signed.

use serde_json::{Value, json};
use trustplane_broker::{SigningKey, mint};
use trustplane_core::{hex, sha256};

use crate::bundles::signed;
use crate::tool::{Folder, KEY, OTHER_PUBLIC};

const SIGN: &str = "sign --subject service:web --issuer https://issuer.shop.example --trust-domain shop.example \
     --kid web-1 --audience orders-api --route-id orders.read \
     --private-key AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE \
     --url https://orders.shop.example/orders/7?a=1";
const MISMATCH: &str = "request_binding_mismatch";

/// A request that was signed: its headers and its twenty lines, as `sign --explain` printed them.
struct Signed {
    folder: Folder,
    headers: String,
    lines: Vec<String>,
}

impl Signed {
    fn new(more: &str) -> Self {
        let folder = Folder::new();
        signed(&folder);
        let printed = folder.ok(&format!("{SIGN} --explain {more}"));
        let (headers, lines) = printed.trim_end().split_once("\n\n").unwrap();
        let lines = lines.split('\n').map(str::to_owned).collect();
        Self { headers: headers.to_owned(), lines, folder }
    }

    fn line(&self, name: &str) -> usize {
        self.lines.iter().position(|line| line.starts_with(&format!("{name}="))).unwrap()
    }

    /// A signer that signs these very lines, whatever they say.
    fn sign(&mut self) {
        let digest = sha256(self.lines.join("\n").as_bytes());
        self.set("X-TrustPlane-Transcript-SHA256", &hex(&digest));
        self.set("X-TrustPlane-Proof", &mint::prove(&digest, &SigningKey::from_base64url(KEY).unwrap()));
    }

    /// A header that is changed on the way.
    fn set(&mut self, name: &str, value: &str) {
        let header = self.headers.lines().find(|line| line.starts_with(&format!("{name}: "))).unwrap().to_owned();
        self.headers = self.headers.replace(&header, &format!("{name}: {value}"));
    }

    fn line_of_verify(&self, more: &str) -> String {
        self.folder.write("headers", &self.headers);
        self.folder.write("signer.json", &json!({ "canonical_lines": self.lines }).to_string());
        format!(
            "verify --explain --policy-bundle policy.json --policy-bundle-signature-public-key {OTHER_PUBLIC} \
             --bundle trust.json --bundle-signature-public-key {OTHER_PUBLIC} --headers-file headers \
             --authority orders.shop.example --path /orders/7?a=1 {more}"
        )
    }

    fn answer(&self, more: &str) -> Value {
        let ran = self.folder.run(&format!("{} --json", self.line_of_verify(more)));
        let answer: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err));
        assert_eq!(ran.code, i32::from(answer["allowed"] == false));
        answer
    }

    /// Reason, and the lines that differ, when the verifier is given the signer's.
    fn differing(&self, more: &str) -> (String, Vec<String>) {
        let answer = self.answer(&format!("--signer-transcript signer.json {more}"));
        let differences = answer["transcript"]["differences"].as_array().unwrap();
        let names = differences.iter().map(|difference| difference["name"].as_str().unwrap().to_owned()).collect();
        (answer["reason"].as_str().unwrap().to_owned(), names)
    }
}

#[test]
fn each_of_the_twenty_lines_is_named_when_a_signer_writes_it_differently() {
    for (line, value) in [
        ("version", "trustplane-transcript-v2"),
        ("method", "get"),
        ("scheme", "http"),
        ("authority", "Orders.shop.example"),
        ("path", "/orders/7\u{202e}"),
        ("audience", "orders-api\r"),
        ("route_id", "orders.list"),
        ("content_encoding", ""),
        ("query_normalization.algorithm", "none"),
        ("query_normalization.normalized", "a=1\n"),
        ("query_normalization.sha256", "00"),
        ("query_sha256", "?a=1"),
        ("headers.allow_list", "accept,x-tenant"),
        ("headers.selected", "x-tenant:t=\"\\"),
        ("body_sha256", "-"),
        ("passport_jti", "jti-other"),
        ("nonce", "\u{7f}"),
        ("issued_at", "0x10"),
        ("time_bucket", "1"),
        ("key_binding", "hardware_local"),
    ] {
        let mut signed = Signed::new("-H 'X-Tenant: t'");
        let number = signed.line(line);
        let own = std::mem::replace(&mut signed.lines[number], format!("{line}={value}"));
        signed.sign();
        let answer = signed.answer("--signer-transcript signer.json");
        let own = own.strip_prefix(&format!("{line}=")).unwrap();
        assert_eq!(answer["reason"], MISMATCH);
        assert_eq!(
            answer["transcript"]["differences"],
            json!([{ "line": number + 1, "name": line, "signer": value, "verifier": own }])
        );
        assert_eq!(answer["transcript"].get("note"), None);

        let ran = signed.folder.run(&signed.line_of_verify("--signer-transcript signer.json"));
        let said = format!(
            "\n1 of 20 lines differ\n\nline {}, {line}\n  signer    {value:?}\n  verifier  {own:?}\n",
            number + 1
        );
        assert!(ran.code == 1 && ran.out.ends_with(&said), "{said}{}", ran.out);
        assert!(!ran.out.contains(['\r', '\u{202e}', '\u{7f}']));
    }
}

#[test]
fn what_changed_on_the_way_is_named() {
    let query = ["query_normalization.normalized", "query_normalization.sha256", "query_sha256"];
    for (more, lines) in [
        ("--path /orders/8?a=1", &["path"][..]),
        ("--path /orders/7?a=2", &query),
        ("--path /orders/8", &["path", query[0], query[1], query[2]]),
        ("--authority orders.shop.example.evil", &["authority"]),
        ("--body x", &["body_sha256"]),
        ("-H 'X-Role: admin'", &["headers.allow_list", "headers.selected"]),
    ] {
        let signed = Signed::new("-H 'X-Tenant: t' -H 'Accept: a/b'");
        // The last of two equal flags is not taken: each stands once.
        let line = signed.line_of_verify(&format!("--signer-transcript signer.json {more} --json"));
        let line = match more.split_once(' ') {
            Some(("--path", _)) => line.replacen("--path /orders/7?a=1", "", 1),
            Some(("--authority", _)) => line.replacen("--authority orders.shop.example ", "", 1),
            _ => line,
        };
        let answer: Value = serde_json::from_str(&signed.folder.run(&line).out).unwrap();
        let differences = answer["transcript"]["differences"].as_array().unwrap();
        let names: Vec<_> = differences.iter().map(|difference| difference["name"].as_str().unwrap()).collect();
        assert_eq!((&answer["reason"], names.as_slice()), (&MISMATCH.into(), lines), "{more}");
    }
    for (header, value, lines) in [
        ("X-Tenant", "u", &["headers.selected"][..]),
        ("Accept", "a/c", &["headers.selected"]),
        ("Content-Encoding", "br", &["content_encoding", "headers.selected"]),
        ("X-TrustPlane-Nonce", "n", &["headers.selected", "nonce"]),
        ("X-TrustPlane-Body-SHA256", &"0".repeat(64), &[]),
    ] {
        let mut signed = Signed::new("-H 'X-Tenant: t' -H 'Accept: a/b' -H 'Content-Encoding: gzip'");
        signed.set(header, value);
        assert_eq!(
            signed.differing(""),
            (MISMATCH.to_owned(), lines.iter().map(|&line| line.into()).collect()),
            "{header}"
        );
    }
    // A library's header that was covered and is gone.
    let mut signed = Signed::new("-H 'Accept: a/b'");
    signed.headers = signed.headers.replacen("Accept: a/b\n", "", 1);
    signed.headers = signed.headers.replacen("accept,x-trustplane-nonce", "x-trustplane-nonce", 1);
    assert_eq!(
        signed.differing(""),
        (MISMATCH.to_owned(), vec!["headers.allow_list".to_owned(), "headers.selected".to_owned()])
    );
    // Another passport of the same caller; both were issued at some second.
    let (mut signed, other) = (Signed::new(""), Signed::new(""));
    let passport = other.headers.lines().find(|line| line.starts_with("Authorization: ")).unwrap();
    signed.set("Authorization", passport.strip_prefix("Authorization: ").unwrap());
    let (reason, names) = signed.differing("");
    assert_eq!((reason.as_str(), names[0].as_str()), (MISMATCH, "passport_jti"));
}

#[test]
fn what_no_line_shows_is_said() {
    let note = |signed: &Signed| {
        let answer = signed.answer("--signer-transcript signer.json");
        assert_eq!((&answer["reason"], &answer["transcript"]["differences"]), (&MISMATCH.into(), &json!([])));
        answer["transcript"]["note"].as_str().unwrap().to_owned()
    };
    let mut unsorted = Signed::new("-H 'Accept: a/b'");
    unsorted.set("X-TrustPlane-Signed-Headers", "x-trustplane-nonce,accept");
    assert_eq!(
        note(&unsorted),
        "every line is the same: X-TrustPlane-Signed-Headers is not the sorted list of the headers they cover"
    );
    let mut changed = Signed::new("");
    changed.set("X-TrustPlane-Transcript-SHA256", &"0".repeat(64));
    assert_eq!(
        note(&changed),
        "the signer's lines do not hash to the X-TrustPlane-Transcript-SHA256 of the request: they are of another signing, or the header was changed"
    );
    let ran = changed.folder.run(&changed.line_of_verify("--signer-transcript signer.json"));
    assert!(ran.out.contains("\n0 of 20 lines differ\n\nnote: the signer's lines do not hash to"), "{}", ran.out);
}

#[test]
fn without_the_signers_lines_the_verifiers_own_are_shown() {
    let signed = Signed::new("-H 'Accept: a/b'");
    let answer = signed.answer("");
    let digest = hex(&sha256(signed.lines.join("\n").as_bytes()));
    assert_eq!(
        (&answer["allowed"], &answer["reason"], &answer["status"], &answer["detail"]),
        (
            &true.into(),
            &"request_allowed".into(),
            &200.into(),
            &"Every check passed and the passport was consumed.".into()
        )
    );
    assert_eq!(answer["event"]["transcript_sha256"], digest.as_str());
    assert_eq!(answer["transcript"], json!({ "lines": signed.lines, "sha256": digest, "claimed_sha256": digest }));
    let ran = signed.folder.run(&signed.line_of_verify(""));
    assert!(ran.out.ends_with(&format!("\n\n{}\n", signed.lines.join("\n"))), "{}", ran.out);

    // A request that is refused before its proof has none.
    let mut signed = Signed::new("");
    signed.set("Authorization", "Bearer a.b.c");
    let answer = signed.answer("--signer-transcript signer.json");
    assert_eq!((&answer["reason"], answer.get("transcript")), (&"invalid_passport".into(), None));
}

#[test]
fn every_form_that_sign_prints_is_read_and_no_other() {
    let signed = Signed::new("");
    let printed = format!("{}\n\n{}\n", signed.headers, signed.lines.join("\n"));
    let broken = signed.lines.join("\n").replacen("\npath=", "\npfad=", 1);
    for (text, expected) in [
        (printed.as_str(), Ok(())),
        (&signed.lines.join("\n"), Ok(())),
        (&format!("curl 'http://h/'\n\n{}\n", signed.lines.join("\n")), Ok(())),
        (&broken, Err("line 5: expected path=, found \"pfad=/orders/7\"")),
        (&format!("A: b\n\n{broken}"), Err("line 7: expected path=, found \"pfad=/orders/7\"")),
        (&signed.lines[..19].join("\n"), Err("expected twenty lines, found 19")),
        (&format!("{}\nmore=1", signed.lines.join("\n")), Err("expected twenty lines, found 21")),
        ("", Err("line 1: expected version=, found \"\"")),
        (r#"{"canonical_lines":["version"]}"#, Err("/canonical_lines/0: expected version=, found \"version\"")),
        (r#"{"headers":[]}"#, Err("/canonical_lines: missing member")),
    ] {
        signed.folder.write("lines", text);
        let ran = signed.folder.run(&signed.line_of_verify("--signer-transcript lines"));
        match expected {
            Ok(()) => {
                assert!(ran.code == 0 && ran.out.ends_with("\n\n0 of 20 lines differ\n"), "{}{}", ran.out, ran.err)
            }
            Err(problem) => assert_eq!((ran.code, ran.err), (2, format!("error: lines: {problem}\n"))),
        }
    }
}
