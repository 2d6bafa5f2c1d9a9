//! The replay store outside of the proxy: a request is held until its answer comes, whatever comes.

use trustplane_core::json::{Limits, Value, parse};
use trustplane_wasm_tests::case::{Case, Cases};
use trustplane_wasm_tests::filter_subject::{answer, input};
use trustplane_wasm_tests::hold::Hold;
use trustplane_wasm_tests::host::{Answer, Callout, Guest, Host, Profile, Times};
use trustplane_wasm_tests::run::Run;
use trustplane_wasm_tests::verdict::mismatches;

use crate::site::{named, sound};

/// A read that is decided at its head, a write that is decided at the end of its body.
const REQUESTS: [&str; 3] = ["get_with_query", "post_json", "post_body_in_pieces"];

/// A store's answer to a question about this id.
type Reply = fn(&str) -> Answer;

pub fn all(run: &mut Run, guest: &Guest, cases: &Cases, label: &str, hold: Hold, profile: &Profile) {
    let start = || start(guest, cases, hold, profile.clone());
    for (kind, reply, reason) in REPLIES {
        for request in REQUESTS {
            run.holds(&format!("{label} callout {kind}, {request}"), "Only the store's own word admits.", || {
                let (mut host, case) = (start(), named(cases, request));
                host.answer_with(move |callout| reply(&id(callout)));
                decided(&mut host, case, hold, reason)
            });
        }
    }
    for request in REQUESTS {
        let case = named(cases, request);
        run.holds(&format!("{label} callout question, {request}"), "The question is as the service reads it.", || {
            let mut host = start();
            let outcome = host.request(&input(case));
            let [callout] = outcome.callouts.as_slice() else { return Err(format!("{:?}", outcome.callouts)) };
            question(callout)
        });
        run.holds(&format!("{label} callout without an answer, {request}"), "What is not answered is held.", || {
            let mut host = start();
            let outcome = host.request(&input(case));
            let held = outcome.paused_forever && outcome.local_response.is_none();
            let passed = outcome.forwarded.is_some_and(|sent| sent.complete || !sent.body.is_empty());
            if held && !passed { Ok(()) } else { Err(format!("held {held}, passed {passed}")) }
        });
        for status in [1, 2, 7, 10, 12, u32::MAX] {
            let name = format!("{label} callout refused with {status}, {request}");
            run.holds(&name, "A host that makes no call admits nothing.", || {
                let mut host = start();
                host.fail_call("proxy_http_call", status, Times::Always);
                decided(&mut host, case, hold, "replay_store_unavailable")
            });
        }
        for call in ["proxy_get_header_map_pairs", "proxy_get_buffer_bytes"] {
            let name = format!("{label} callout whose answer {call} does not show, {request}");
            run.holds(&name, "An answer that cannot be read is none.", || {
                let mut host = start();
                let id = waiting(&mut host, case)?;
                let token = token(&host)?;
                host.fail_call(call, 10_u32, Times::Always);
                host.answer_callout(token, fresh(&id_of(&host)));
                host.heal();
                match answer(&host.end(id), hold) {
                    Ok(answer) if answer.reason == "replay_store_unavailable" => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            });
        }
        run.holds(&format!("{label} callout to a caller who left, {request}"), "The next one is served.", || {
            let mut host = start();
            let id = waiting(&mut host, case)?;
            let (token, replay_id) = (token(&host)?, id_of(&host));
            let left = host.end(id);
            host.answer_callout(token, fresh(&replay_id));
            if left.allowed() || host.failed().is_some() {
                return Err(format!("allowed {}, failed {:?}", left.allowed(), host.failed()));
            }
            host.answer_with(|callout| fresh(&self::id(callout)));
            decided(&mut host, named(cases, "get_without_query"), hold, "request_allowed")
        });
        run.holds(
            &format!("{label} callouts answered in turn, {request}"),
            "Each answer is its own request's.",
            || {
                let mut host = start();
                let (first, second) = (waiting(&mut host, case)?, waiting(&mut host, case)?);
                let [one, two]: [Callout; 2] =
                    host.pending_callouts().try_into().map_err(|pending| format!("{pending:?}"))?;
                host.answer_callout(two.token, fresh(&self::id(&two)));
                host.answer_callout(one.token, replayed(&self::id(&one)));
                let reasons = [first, second].map(|id| answer(&host.end(id), hold).map(|answer| answer.reason));
                let expected = [Ok("jti_replay".to_owned()), Ok("request_allowed".to_owned())];
                if reasons == expected { Ok(()) } else { Err(format!("{reasons:?}")) }
            },
        );
    }
    run.holds(&format!("{label} callout after all else"), "What is refused before burns no passport.", || {
        let mut host = start();
        for name in ["body_changed", "trailers_on_write"] {
            let outcome = host.request(&input(named(cases, name)));
            sound(&outcome, hold)?;
            if !outcome.callouts.is_empty() {
                return Err(format!("{name}: {:?}", outcome.callouts));
            }
        }
        Ok(())
    });
}

const REPLIES: [(&str, Reply, &str); 20] = [
    ("fresh", fresh, "request_allowed"),
    ("replayed", replayed, "jti_replay"),
    ("cold", |id| says(200, id, "cold"), "replay_store_cold"),
    ("full", |id| says(200, id, "full"), "replay_store_full"),
    ("unavailable", |id| says(503, id, "unavailable"), UNAVAILABLE),
    ("unavailable with 200", |id| says(200, id, "unavailable"), UNAVAILABLE),
    ("fresh with 503", |id| says(503, id, "fresh"), UNAVAILABLE),
    ("fresh with 201", |id| says(201, id, "fresh"), UNAVAILABLE),
    ("another id", |id| says(200, &id.replace(['0', '1', '2', '3'], "f"), "fresh"), UNAVAILABLE),
    ("upper case", |id| says(200, &id.to_uppercase(), "fresh"), UNAVAILABLE),
    ("a longer word", |id| says(200, id, "fresher"), UNAVAILABLE),
    ("a member more", |id| Answer::new(200, format!(r#"{{"id":"{id}","outcome":"fresh","x":1}}"#)), UNAVAILABLE),
    ("a line end", |id| Answer::new(200, format!("{{\"id\":\"{id}\",\"outcome\":\"fresh\"}}\n")), UNAVAILABLE),
    ("the other order", |id| Answer::new(200, format!(r#"{{"outcome":"fresh","id":"{id}"}}"#)), UNAVAILABLE),
    (
        "a megabyte",
        |id| Answer::new(200, format!(r#"{{"id":"{id}","outcome":"fresh"}}{}"#, " ".repeat(1 << 20))),
        UNAVAILABLE,
    ),
    ("bytes that are no text", |_| Answer::new(200, [0xff; 40]), UNAVAILABLE),
    ("no body", |_| Answer::new(200, ""), UNAVAILABLE),
    ("a proxy's 503", |_| Answer::new(503, "upstream connect error or disconnect/reset before headers"), UNAVAILABLE),
    ("a proxy's 504", |_| Answer::new(504, "upstream request timeout"), UNAVAILABLE),
    ("a reset", |_| Answer::Reset, UNAVAILABLE),
];

const UNAVAILABLE: &str = "replay_store_unavailable";

fn says(status: u16, id: &str, word: &str) -> Answer {
    Answer::new(status, format!(r#"{{"id":"{id}","outcome":"{word}"}}"#))
}

fn fresh(id: &str) -> Answer {
    says(200, id, "fresh")
}

fn replayed(id: &str) -> Answer {
    says(200, id, "replayed")
}

/// A host whose configuration names the service.
fn start(guest: &Guest, cases: &Cases, hold: Hold, profile: Profile) -> Host {
    let mut host = Host::start(guest, profile).expect("the module loads");
    let (config, _) = hold.configure(&cases.profiles["default"].config);
    let (before, replay) = config.split_once(r#""replay":{"#).expect("the profile names a store");
    let (_, after) = replay.split_once('}').expect("the store's members end");
    let store = r#""store":"callout","cluster":"replay","authority":"replay.internal","timeout_ms":250"#;
    host.set_now_secs(named(cases, "get_with_query").now);
    let configured = host.configure(format!(r#"{before}"replay":{{{store}}}{after}"#).as_bytes());
    assert!(configured.ok && configured.logs.iter().all(|line| line.level < 4), "{configured:?}");
    host
}

/// The request's fate; what passes, passes as the case has it.
fn decided(host: &mut Host, case: &Case, hold: Hold, reason: &str) -> Result<(), String> {
    let outcome = host.request(&input(case));
    sound(&outcome, hold)?;
    let answer = answer(&outcome, hold)?;
    if answer.reason != reason {
        return Err(format!("expected {reason}, got {}", answer.reason));
    }
    match reason {
        "request_allowed" if !mismatches(case, &answer).is_empty() => Err(mismatches(case, &answer).join("; ")),
        _ => Ok(()),
    }
}

/// Brings a request to the point where it waits for the store.
fn waiting(host: &mut Host, case: &Case) -> Result<trustplane_wasm_tests::host::StreamId, String> {
    let request = input(case);
    let before = host.pending_callouts().len();
    let id = host.begin(request.headers);
    host.headers(id, request.body.is_empty());
    let last = request.body.len();
    for (index, chunk) in request.body.iter().enumerate() {
        host.body(id, chunk, index + 1 == last);
    }
    if host.pending_callouts().len() == before + 1 { Ok(id) } else { Err("it does not wait".into()) }
}

fn token(host: &Host) -> Result<u32, String> {
    host.pending_callouts().last().map(|callout| callout.token).ok_or_else(|| "no callout".into())
}

fn id_of(host: &Host) -> String {
    host.pending_callouts().last().map(id).unwrap_or_default()
}

/// The id that a question is about.
fn id(callout: &Callout) -> String {
    let body = parse(&callout.body, Limits::IPC).expect("a question is JSON");
    let Value::Object(members) = body else { panic!("a question is an object") };
    members.get("id").and_then(Value::as_str).expect("a question names an id").to_owned()
}

fn question(callout: &Callout) -> Result<(), String> {
    let Ok(question) = trustplane_broker::Question::parse(&callout.body) else {
        return Err(String::from_utf8_lossy(&callout.body).into_owned());
    };
    let pairs = [
        (":method", "POST"),
        (":path", "/v1/replay/consume"),
        (":authority", "replay.internal"),
        ("content-type", "application/json"),
    ];
    let pairs: Vec<(Vec<u8>, Vec<u8>)> = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let found =
        (callout.upstream.as_str(), callout.timeout_ms, question.hex() == id(callout), callout.headers == pairs);
    if found == ("replay", 250, true, true) { Ok(()) } else { Err(format!("{callout:?}")) }
}
