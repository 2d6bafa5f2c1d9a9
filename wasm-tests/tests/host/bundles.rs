//! Bundles that change while requests are served: followed, checked, never half, never back.

use std::sync::Arc;

use trustplane::bundle::{Kind, Signer, sign};
use trustplane::value::{Json, compact, value};
use trustplane_broker::SigningKey;
use trustplane_core::UnixTime;
use trustplane_core::json::{Limits, Value, parse};
use trustplane_wasm_tests::case::Cases;
use trustplane_wasm_tests::filter_subject::{answer, input};
use trustplane_wasm_tests::hold::Hold;
use trustplane_wasm_tests::host::{Answer, Callout, Guest, Host, Profile, SharedStore, Times};
use trustplane_wasm_tests::run::Run;

use crate::site::{VM, named, sound};

const GOOD: &str = "get_with_query";
const INTERVAL: u64 = 2;

/// The documents of the cases under a signer of the test's own, and others made of them.
struct Author {
    key: SigningKey,
    config: Json,
    policy: Json,
    trust: Json,
    now: u64,
}

/// What the source has.
#[derive(Clone)]
struct Served {
    policy: String,
    trust: String,
}

impl Author {
    fn new(cases: &Cases) -> Self {
        let text = &cases.profiles["default"].config;
        let config = parse(text.as_bytes(), Limits::CONFIG).expect("the profile is JSON");
        let config: Json = parse(Box::leak(compact(&config).into_boxed_str()).as_bytes(), Limits::CONFIG)
            .expect("what was written reads back");
        let Value::Object(mut object) = config else { panic!("the profile is an object") };
        let key = SigningKey::generate().expect("entropy");
        let mut part = |name| object.remove(name).expect("the profile has both documents");
        let (policy, trust) = (part("policy_bundle"), part("trust_bundle"));
        let pin = key.public_key().to_base64url();
        object.insert("policy_bundle_signature_public_key", value!(pin.as_str()));
        object.insert("trust_bundle_signature_public_key", value!(pin.as_str()));
        object.insert(
            "bundle_source",
            value!({ "cluster": "bundles", "interval_seconds": (INTERVAL), "timeout_ms": 1000_u64 }),
        );
        Self { key, config: Value::Object(object), policy, trust, now: named(cases, GOOD).now }
    }

    /// Both documents, issued so long before the cases' moment.
    fn issued(&self, before: u64) -> Served {
        Served { policy: self.sign(Kind::Policy, &self.policy, before), trust: self.trusting(&[], before) }
    }

    /// The same, with the caller's issuer revoked.
    fn revoking(&self, before: u64) -> Served {
        let revoked =
            value!({ "type": "issuer", "value": "https://issuer.example/software", "revoked_at": (self.now - 60) });
        Served { trust: self.trusting(&[revoked], before), ..self.issued(before) }
    }

    fn trusting(&self, revocations: &[Json], before: u64) -> String {
        let Value::Object(mut trust) = self.trust.clone() else { panic!("a document is an object") };
        trust.insert("revocations", Value::Array(revocations.to_vec()));
        self.sign(Kind::Trust, &Value::Object(trust), before)
    }

    fn sign(&self, kind: Kind, document: &Json, before: u64) -> String {
        let issued_at = UnixTime::from_secs(self.now - before);
        let signer = Signer { key: &self.key, issuer: "https://bundles.example", kid: "b-1", issued_at };
        compact(&sign(kind, document, &signer).expect("the document loads"))
    }

    /// A worker that has no documents yet.
    fn worker(&self, guest: &Guest, shared: &SharedStore) -> Host {
        let mut host = Host::start_sharing(guest, Profile::envoy_hold(), shared, VM).expect("the module loads");
        // The store began a day before.
        host.set_now_secs(self.now - 24 * 60 * 60);
        let configured = host.configure(compact(&self.config).as_bytes());
        assert!(configured.ok && configured.logs.iter().all(|line| line.level < 4), "{configured:?}");
        host.set_now_secs(self.now);
        host
    }
}

impl Served {
    fn answer(&self, callout: &Callout) -> Answer {
        let header = |name: &str| {
            let found = callout.headers.iter().find(|(other, _)| other == name.as_bytes());
            found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        };
        let document = match header(":path").as_deref() {
            Some("/v1/bundles/policy") => &self.policy,
            Some("/v1/bundles/trust") => &self.trust,
            other => panic!("{other:?}"),
        };
        let tag = format!("\"{}\"", trustplane_core::hex(&trustplane_core::sha256(document.as_bytes())));
        let (status, body) =
            if header("if-none-match").as_ref() == Some(&tag) { ("304", "") } else { ("200", document.as_str()) };
        Answer::Response {
            headers: vec![(b":status".to_vec(), status.into()), (b"etag".to_vec(), tag.into())],
            body: body.into(),
            trailers: Vec::new(),
        }
    }
}

/// A tick, and the answers to all that it asks.
fn follow(host: &mut Host, served: &Served) -> Result<(), String> {
    let served = Arc::new(served.clone());
    host.answer_with(move |callout| served.answer(callout));
    host.tick()?;
    host.settle();
    host.failed().map_or(Ok(()), |why| Err(why.to_owned()))
}

/// The reason for the good request's fate; its passport is forgotten afterwards.
fn fate(host: &mut Host, cases: &Cases) -> Result<String, String> {
    let outcome = host.request(&input(named(cases, GOOD)));
    sound(&outcome, Hold::StopIteration)?;
    for key in host.shared().keys(VM) {
        if key.starts_with(b"trustplane.replay") && !key.ends_with(b"began") {
            let _there = host.shared().evict(Profile::envoy_hold().shared_data, VM, &key);
        }
    }
    Ok(answer(&outcome, Hold::StopIteration)?.reason)
}

fn expect(host: &mut Host, cases: &Cases, reason: &str) -> Result<(), String> {
    match fate(host, cases)? {
        actual if actual == reason => Ok(()),
        actual => Err(format!("expected {reason}, got {actual}")),
    }
}

pub fn all(run: &mut Run, guest: &Guest, cases: &Cases) {
    let author = Author::new(cases);
    run.holds("bundles from nothing", "Without documents nothing passes; the source brings them to all.", || {
        let shared = SharedStore::default();
        let (mut first, mut second) = (author.worker(guest, &shared), author.worker(guest, &shared));
        for host in [&mut first, &mut second] {
            expect(host, cases, "bundle_policy_missing")?;
        }
        follow(&mut first, &author.issued(9))?;
        expect(&mut first, cases, "request_allowed")?;
        expect(&mut second, cases, "bundle_policy_missing")?;
        second.tick()?;
        expect(&mut second, cases, "request_allowed")?;
        match (first.callouts().len(), second.callouts().len(), first.tick_period_ms()) {
            (2, 0, 500) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    run.holds("bundles revoked", "What is revoked at the source is refused by every worker after a tick.", || {
        let shared = SharedStore::default();
        let (mut first, mut second) = (author.worker(guest, &shared), author.worker(guest, &shared));
        follow(&mut first, &author.issued(9))?;
        second.tick()?;
        expect(&mut second, cases, "request_allowed")?;
        second.set_now_secs(author.now + INTERVAL);
        follow(&mut second, &author.revoking(8))?;
        expect(&mut second, cases, "passport_revoked")?;
        first.tick()?;
        expect(&mut first, cases, "passport_revoked")
    });
    run.holds("bundles rolled back", "An older document, or another of one moment, replaces none.", || {
        let mut host = author.worker(guest, &SharedStore::default());
        follow(&mut host, &author.revoking(8))?;
        let mut later = author.now;
        for before in [9, 8] {
            later += INTERVAL;
            host.set_now_secs(later);
            follow(&mut host, &author.issued(before))?;
            expect(&mut host, cases, "passport_revoked")?;
        }
        host.set_now_secs(later + INTERVAL);
        follow(&mut host, &author.issued(7))?;
        expect(&mut host, cases, "request_allowed")
    });
    run.holds("bundles tampered", "What the pinned key did not sign replaces nothing, and a line says so.", || {
        let mut host = author.worker(guest, &SharedStore::default());
        follow(&mut host, &author.issued(9))?;
        let revoking = author.revoking(8);
        let tampered = Served { policy: revoking.policy.replace("acceptance", "acceptancy"), ..revoking };
        host.set_now_secs(author.now + INTERVAL);
        follow(&mut host, &tampered)?;
        expect(&mut host, cases, "request_allowed")?;
        let line = "trustplane: the bundles stay as they are: policy: /signature/value: does not verify under the \
                    pinned public key";
        match host.logs().last() {
            Some(last) if last.level == 4 && last.message == line => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    run.holds("bundles for a new worker", "A new VM begins with what was published, not with nothing.", || {
        let shared = SharedStore::default();
        let mut first = author.worker(guest, &shared);
        follow(&mut first, &author.issued(9))?;
        expect(&mut author.worker(guest, &shared), cases, "request_allowed")
    });
    run.holds("bundles under way", "A request keeps the documents it began with.", || {
        let mut host = author.worker(guest, &SharedStore::default());
        follow(&mut host, &author.issued(9))?;
        let case = named(cases, "post_json");
        let request = input(case);
        let id = host.begin(request.headers);
        host.headers(id, false);
        host.set_now_secs(author.now + INTERVAL);
        follow(&mut host, &author.revoking(8))?;
        host.body(id, &request.body.concat(), true);
        let began = answer(&host.end(id), Hold::StopIteration)?.reason;
        if began != "request_allowed" {
            return Err(format!("the one that began before: {began}"));
        }
        expect(&mut host, cases, "passport_revoked")
    });
    for call in CALLS {
        for status in [1, 2, 7, 8, 10, 12, u32::MAX] {
            let name = format!("bundles while {call} answers {status}");
            run.holds(&name, "A host that fails leaves old or new in force, and the next turn works.", || {
                let mut host = author.worker(guest, &SharedStore::default());
                follow(&mut host, &author.issued(9))?;
                host.set_now_secs(author.now + INTERVAL);
                host.fail_call(call, status, Times::Always);
                follow(&mut host, &author.revoking(8))?;
                host.heal();
                let meanwhile = fate(&mut host, cases)?;
                if !["request_allowed", "passport_revoked"].contains(&meanwhile.as_str()) {
                    return Err(meanwhile);
                }
                host.set_now_secs(author.now + 2 * INTERVAL);
                follow(&mut host, &author.revoking(8))?;
                expect(&mut host, cases, "passport_revoked")
            });
        }
    }
    for (kind, reply) in REPLIES {
        run.holds(&format!("bundles from a source that answers {kind}"), "No answer changes nothing.", || {
            let mut host = author.worker(guest, &SharedStore::default());
            follow(&mut host, &author.issued(9))?;
            host.set_now_secs(author.now + INTERVAL);
            host.answer_with(move |_| reply());
            host.tick()?;
            host.settle();
            expect(&mut host, cases, "request_allowed")?;
            host.set_now_secs(author.now + 2 * INTERVAL);
            follow(&mut host, &author.revoking(8))?;
            expect(&mut host, cases, "passport_revoked")
        });
    }
}

/// Every host function that a turn needs.
const CALLS: [&str; 7] = [
    "proxy_get_current_time_nanoseconds",
    "proxy_get_shared_data",
    "proxy_set_shared_data",
    "proxy_http_call",
    "proxy_get_header_map_pairs",
    "proxy_get_buffer_bytes",
    "proxy_log",
];

/// A source that answers every question alike.
type Reply = fn() -> Answer;

const REPLIES: [(&str, Reply); 6] = [
    ("503", || Answer::new(503, "upstream connect error")),
    ("200 with nothing", || Answer::new(200, "")),
    ("200 with junk", || Answer::new(200, [0xff; 100])),
    ("304 unasked", || Answer::new(304, "")),
    ("a reset", || Answer::Reset),
    ("never", || Answer::Never),
];
