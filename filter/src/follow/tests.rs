use std::cell::RefCell;

use ed25519_compact::{KeyPair, Seed};
use trustplane_core::json::{self, Limits};
use trustplane_core::{PublicKey, base64url, signing_input};

use super::notice::Seen;
use super::*;
use crate::data::rules::{Rules, Table};
use crate::session::fixture;

const START: u64 = 1_740_000_000;

const fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(START + seconds)
}

struct Memory(RefCell<Table>);

impl SharedData for Memory {
    fn get(&self, key: &str) -> Result<(Vec<u8>, u32), u32> {
        self.0.borrow().get(key)
    }

    fn set(&self, key: &str, value: &[u8], cas: u32) -> u32 {
        self.0.borrow_mut().set(key, value, cas)
    }
}

impl Memory {
    fn new() -> Self {
        Self(RefCell::new(Table::new(Rules::Cpp)))
    }

    fn overwrite(&self, key: &str, value: &[u8]) {
        assert_eq!(self.set(key, value, 0), status::OK);
    }
}

/// What the source serves: issue times, or nothing.
#[derive(Clone, Copy)]
struct Served {
    policy: u64,
    trust: u64,
}

fn dated(issued: u64) -> String {
    format!(r#""issued_at":{},"#, START + issued)
}

fn signer() -> KeyPair {
    KeyPair::from_seed(Seed::new([9; 32]))
}

/// The document as its signer has it.
fn signed(text: &str) -> Vec<u8> {
    let text = text.replace(r#""alg": "none""#, r#""alg": "EdDSA""#).replace("unsigned-skeleton", "ed25519-jcs-v1");
    let input = signing_input(&json::parse(text.as_bytes(), Limits::DOCUMENT).unwrap()).unwrap();
    let signature = base64url(&*signer().sk.sign(input, None));
    text.replace(r#""value": "none""#, &format!(r#""value": "{signature}""#)).into_bytes()
}

fn policy(issued: u64) -> Vec<u8> {
    signed(&fixture::policy(&dated(issued)))
}

fn trust(issued: u64) -> Vec<u8> {
    signed(&fixture::trust(&dated(issued)))
}

impl Served {
    /// The answer to an ask, by its path and its tag.
    fn answer(self, ask: &Ask) -> (Vec<(&'static str, String)>, Vec<u8>) {
        let mut map = ask.headers.clone();
        let headers = crate::read_pairs(&mut map).unwrap();
        let value = |name: &[u8]| headers.iter().find(|(other, _)| *other == name).map(|(_, value)| value.to_vec());
        let (tag, document) = match value(b":path").unwrap().as_slice() {
            b"/v1/bundles/policy" => (format!("\"p{}\"", self.policy), policy(self.policy)),
            b"/v1/bundles/trust" => (format!("\"t{}\"", self.trust), trust(self.trust)),
            other => panic!("{other:?}"),
        };
        if value(b"if-none-match").is_some_and(|held| held == tag.as_bytes()) {
            return (vec![(":status", "304".into())], Vec::new());
        }
        (vec![(":status", "200".into()), ("etag", tag)], document)
    }
}

fn pins() -> (Pin, Pin) {
    let key = PublicKey::from_base64url(&base64url(&*signer().pk)).unwrap();
    (Pin::Key(key.clone()), Pin::Key(key))
}

fn worker() -> Follower {
    Follower::new(BundleSource { cluster: "bundles".into(), ..BundleSource::default() }, pins(), "keys", None, None)
}

fn deliver(worker: &mut Follower, data: &Memory, headers: &[(&str, String)], body: Vec<u8>) -> News {
    let headers: Vec<Pair<'_>> = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    worker.answered(data, Some((&headers, body)))
}

/// A tick, and the whole turn that it may begin.
fn turn(worker: &mut Follower, data: &Memory, served: Served, now: UnixTime) -> News {
    let mut news = worker.tick(data, now);
    while let Some(ask) = news.ask.take() {
        let (headers, body) = served.answer(&ask);
        news = deliver(worker, data, &headers, body);
    }
    news
}

/// Issue times of what a piece of news puts in force, and when that was checked.
fn force(news: &News) -> Option<(u64, u64, u64)> {
    let (policy, trust) = news.bundles.as_ref()?;
    assert_eq!(policy.checked_at(), trust.checked_at());
    let since = |time: UnixTime| time.as_secs().saturating_sub(START);
    let issued = (policy.document().issued_at().unwrap(), trust.document().issued_at().unwrap());
    Some((since(issued.0), since(issued.1), since(policy.checked_at())))
}

fn failure(news: &News) -> &str {
    match &news.told {
        Some(Told::Failed(why)) => why,
        other => panic!("{other:?}"),
    }
}

const SERVED: Served = Served { policy: 1, trust: 2 };

#[test]
fn one_worker_asks_and_all_have_it() {
    let data = Memory::new();
    let (mut first, mut second) = (worker(), worker());
    let news = turn(&mut first, &data, SERVED, at(10));
    assert_eq!(force(&news), Some((1, 2, 10)));
    assert_eq!(
        news.told,
        Some(Told::Replaced("policy of 2025-02-19T21:20:01Z, trust material of 2025-02-19T21:20:02Z".into()))
    );
    let news = second.tick(&data, at(10));
    assert_eq!((force(&news), news.ask), (Some((1, 2, 10)), None));
    for now in [10, 11] {
        for worker in [&mut first, &mut second] {
            let news = worker.tick(&data, at(now));
            assert!(news.bundles.is_none() && news.ask.is_none() && news.told.is_none(), "nothing is new at {now}");
        }
    }
    let asks = [&mut first, &mut second].map(|worker| worker.tick(&data, at(12)).ask.is_some());
    assert_eq!(asks, [true, false], "one turn for all");
}

#[test]
fn nothing_changes_before_both_are_there() {
    let data = Memory::new();
    let (mut first, mut second) = (worker(), worker());
    turn(&mut first, &data, SERVED, at(10));
    let ask = first.tick(&data, at(12)).ask.unwrap();
    let (headers, body) = Served { policy: 3, trust: 4 }.answer(&ask);
    let news = deliver(&mut first, &data, &headers, body);
    assert!(news.bundles.is_none() && news.told.is_none());
    assert_eq!(force(&second.tick(&data, at(12))), Some((1, 2, 10)));
    let (headers, body) = Served { policy: 3, trust: 4 }.answer(&news.ask.unwrap());
    assert_eq!(force(&deliver(&mut first, &data, &headers, body)), Some((3, 4, 12)));
    assert_eq!(force(&second.tick(&data, at(12))), Some((3, 4, 12)));
}

#[test]
fn what_is_unchanged_was_checked_when_the_turn_began() {
    let data = Memory::new();
    let (mut first, mut second) = (worker(), worker());
    turn(&mut first, &data, SERVED, at(10));
    second.tick(&data, at(10));
    let ask = second.tick(&data, at(12)).ask.unwrap();
    let (headers, body) = SERVED.answer(&ask);
    assert_eq!((headers.as_slice(), body.len()), ([(":status", "304".into())].as_slice(), 0));
    let ask = deliver(&mut second, &data, &headers, body).ask.unwrap();
    let (headers, body) = SERVED.answer(&ask);
    let news = deliver(&mut second, &data, &headers, body);
    assert_eq!((force(&news), news.told), (Some((1, 2, 12)), None));
    assert_eq!(force(&first.tick(&data, at(13))), Some((1, 2, 12)));
    // One of them is new: the other one is taken from what was published.
    let news = turn(&mut first, &data, Served { trust: 5, ..SERVED }, at(14));
    assert_eq!(force(&news), Some((1, 5, 14)));
    assert_eq!(force(&second.tick(&data, at(14))), Some((1, 5, 14)));
}

#[test]
fn what_the_source_no_longer_has_was_current_as_long_ago_as_it_says() {
    let data = Memory::new();
    let mut first = worker();
    let aged = |worker: &mut Follower, now: u64, ages: [&str; 2]| {
        let mut news = worker.tick(&data, at(now));
        for age in ages {
            let (mut headers, body) = SERVED.answer(&news.ask.take().unwrap());
            headers.push(("age", age.to_owned()));
            news = deliver(worker, &data, &headers, body);
            if news.told.is_some() {
                break;
            }
        }
        news
    };
    assert_eq!(force(&aged(&mut first, 100, ["0", "40"])), Some((1, 2, 60)));
    assert_eq!(force(&worker().tick(&data, at(100))), Some((1, 2, 60)));
    assert_eq!(force(&aged(&mut first, 102, ["7", "0"])), Some((1, 2, 95)));
    assert!(aged(&mut first, 104, ["9", "9"]).bundles.is_none(), "nothing newer is known");
    assert_eq!(force(&worker().tick(&data, at(104))), Some((1, 2, 95)));
    assert_eq!(failure(&aged(&mut first, 106, ["-1", "0"])), "policy: an age that is no number");
}

#[test]
fn a_source_without_tags_is_asked_for_everything_and_changes_nothing() {
    let data = Memory::new();
    let mut worker = worker();
    for now in [10, 12, 14] {
        let mut news = worker.tick(&data, at(now));
        while let Some(ask) = news.ask.take() {
            let (_, body) = SERVED.answer(&ask);
            assert!(!body.is_empty(), "no tag is sent that was not given");
            news = deliver(&mut worker, &data, &[(":status", "200".into())], body);
        }
        assert_eq!(force(&news), Some((1, 2, now)));
        assert_eq!(news.told.is_some(), now == 10, "the same documents replace nothing");
    }
}

#[test]
fn an_older_document_replaces_none() {
    let data = Memory::new();
    let mut worker = worker();
    turn(&mut worker, &data, Served { policy: 7, trust: 7 }, at(10));
    let news = turn(&mut worker, &data, Served { policy: 6, trust: 8 }, at(12));
    assert_eq!(failure(&news), "policy: /issued_at: older than the document in force: 1740000006 is before 1740000007");
    assert!(news.bundles.is_none(), "the newer one of the two is not taken alone");
    assert!(turn(&mut worker, &data, Served { policy: 6, trust: 8 }, at(14)).told.is_none(), "told once");
    assert_eq!(force(&turn(&mut worker, &data, Served { policy: 8, trust: 8 }, at(16))), Some((8, 8, 16)));
}

#[test]
fn an_inline_document_is_the_floor() {
    let data = Memory::new();
    turn(&mut worker(), &data, SERVED, at(10));
    let source = BundleSource { cluster: "bundles".into(), ..BundleSource::default() };
    let (policy_pin, trust_pin) = pins();
    let inline = (
        Held::read(&policy(5), Policy::load, &policy_pin, None, at(11)).unwrap(),
        Held::read(&trust(5), Trust::load, &trust_pin, None, at(11)).unwrap(),
    );
    let mut newer = Follower::new(source, (policy_pin, trust_pin), "keys", Some(inline.0), Some(inline.1));
    let news = newer.tick(&data, at(11));
    assert_eq!(failure(&news), "policy: /issued_at: older than the document in force: 1740000001 is before 1740000005");
    assert!(newer.tick(&data, at(11)).told.is_none());
    assert_eq!(force(&turn(&mut newer, &data, Served { policy: 6, trust: 6 }, at(12))), Some((6, 6, 12)));
}

#[test]
fn what_its_signer_did_not_sign_replaces_none() {
    let data = Memory::new();
    let mut worker = worker();
    turn(&mut worker, &data, SERVED, at(10));
    let forged = String::from_utf8(policy(1)).unwrap().replace(&dated(1), &dated(9)).into_bytes();
    let ask = worker.tick(&data, at(12)).ask.unwrap();
    assert_eq!(ask.cluster, "bundles");
    let news = deliver(&mut worker, &data, &[(":status", "200".into())], forged);
    let (headers, body) = SERVED.answer(&news.ask.unwrap());
    let news = deliver(&mut worker, &data, &headers, body);
    assert_eq!(failure(&news), "policy: /signature/value: does not verify under the pinned public key");
    assert!(news.bundles.is_none());
}

#[test]
fn no_answer_leaves_everything_as_it_is() {
    let answers: [(&[(&str, &str)], &str); 5] = [
        (&[(":status", "503")], "policy: status 503"),
        (&[(":status", "404")], "policy: status 404"),
        (&[], "policy: no answer"),
        (&[("status", "200")], "policy: no answer"),
        (&[(":status", "304")], "policy: status 304"),
    ];
    for (headers, why) in answers {
        let data = Memory::new();
        let mut worker = worker();
        assert!(worker.tick(&data, at(10)).ask.is_some());
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let news = deliver(&mut worker, &data, &headers, policy(1));
        assert_eq!(failure(&news), why);
        assert!(news.bundles.is_none() && news.ask.is_none());
        assert_eq!(force(&turn(&mut worker, &data, SERVED, at(12))), Some((1, 2, 12)), "the next turn finds it back");
    }
    let data = Memory::new();
    let mut worker = worker();
    worker.tick(&data, at(10));
    assert_eq!(failure(&worker.answered(&data, None)), "policy: no answer");
    worker.tick(&data, at(12));
    assert_eq!(failure(&worker.unsent()), "the host does not ask cluster bundles");
}

#[test]
fn who_lost_the_turn_publishes_nothing() {
    let data = Memory::new();
    let (mut slow, mut quick) = (worker(), worker());
    let ask = slow.tick(&data, at(10)).ask.unwrap();
    let (headers, body) = SERVED.answer(&ask);
    let last = deliver(&mut slow, &data, &headers, body).ask.unwrap();
    assert_eq!(force(&turn(&mut quick, &data, Served { policy: 7, trust: 7 }, at(12))), Some((7, 7, 12)));
    let (headers, body) = SERVED.answer(&last);
    let news = deliver(&mut slow, &data, &headers, body);
    assert!(news.bundles.is_none() && news.told.is_none());
    assert_eq!(force(&slow.tick(&data, at(12))), Some((7, 7, 12)));
    assert!(quick.tick(&data, at(13)).bundles.is_none());
}

#[test]
fn nothing_that_is_not_signed_comes_through_shared_memory() {
    let data = Memory::new();
    let (mut first, mut second) = (worker(), worker());
    turn(&mut first, &data, Served { policy: 7, trust: 7 }, at(10));
    assert_eq!(force(&second.tick(&data, at(10))), Some((7, 7, 10)));
    let forgeries = [
        (
            fixture::policy(&dated(9)).into_bytes(),
            "policy: /signed_by/alg: expected \"EdDSA\", found \"none\": the document is not signed",
        ),
        (policy(6), "policy: /issued_at: older than the document in force: 1740000006 is before 1740000007"),
    ];
    for (round, (forged, why)) in forgeries.into_iter().enumerate() {
        let mark = u8::try_from(round).unwrap();
        let mut notice = Notice::read(&data.get(&first.key).unwrap().0).unwrap();
        notice.policy = Seen::new([mark; 32], None);
        data.overwrite(&first.key, &notice.write());
        data.overwrite(&first.documents(), &pair::write(&forged, &trust(7)).unwrap());
        let news = second.tick(&data, at(11));
        assert_eq!((failure(&news), news.bundles.is_none()), (why, true));
        assert!(second.tick(&data, at(11)).told.is_none(), "what was refused is not read again");
    }
    assert_eq!(force(&turn(&mut second, &data, Served { policy: 8, trust: 8 }, at(12))), Some((8, 8, 12)));
    assert_eq!(force(&first.tick(&data, at(12))), Some((8, 8, 12)));
    for value in [&b""[..], b"tpb1", b"anything"] {
        data.overwrite(&first.key, value);
        assert!(first.tick(&data, at(13)).ask.is_some(), "an unreadable notice is nobody's turn");
    }
}

#[test]
fn a_clock_that_was_set_back_ends_no_turns() {
    let data = Memory::new();
    let mut worker = worker();
    turn(&mut worker, &data, SERVED, at(1_000));
    let news = turn(&mut worker, &data, Served { policy: 3, trust: 3 }, at(10));
    assert_eq!(force(&news), Some((3, 3, 10)));
}

#[test]
fn documents_that_were_lost_are_asked_for_anew() {
    let data = Memory::new();
    let mut first = worker();
    turn(&mut first, &data, SERVED, at(10));
    data.overwrite(&first.documents(), b"");
    let news = turn(&mut first, &data, Served { trust: 3, ..SERVED }, at(12));
    assert!(failure(&news).starts_with("policy: "), "{news:?}");
    assert_eq!(force(&turn(&mut first, &data, Served { trust: 3, ..SERVED }, at(14))), Some((1, 3, 14)));
    assert_eq!(force(&worker().tick(&data, at(14))), Some((1, 3, 14)));
}

#[test]
fn sources_and_signers_share_nothing() {
    let other = |source: BundleSource, signers: &str| Follower::new(source, pins(), signers, None, None).key;
    let source = BundleSource { cluster: "bundles".into(), ..BundleSource::default() };
    let key = other(source.clone(), "keys");
    assert_eq!(key.len(), "trustplane.bundles.v1.".len() + 16);
    assert_eq!(other(BundleSource { interval_seconds: 9, ..source.clone() }, "keys"), key);
    assert_ne!(other(BundleSource { cluster: "others".into(), ..source.clone() }, "keys"), key);
    assert_ne!(other(BundleSource { trust_path: "/t".into(), ..source.clone() }, "keys"), key);
    assert_ne!(other(source, "other keys"), key);
}
