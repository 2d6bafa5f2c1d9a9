use std::collections::BTreeSet;

use trustplane_core::{Consumed, Reason, Verifier};

use super::fixture::{BODY, Call, NOW, verifier};
use super::*;

/// A step, as far as a test tells steps apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Did {
    Admit,
    Consume,
    Edit,
    Read(usize, usize),
    Refuse(Reason),
    Rest,
}

impl From<Step> for Did {
    fn from(step: Step) -> Self {
        match step {
            Step::Admit(allowed) => {
                assert_eq!(allowed.event().reason, Reason::RequestAllowed);
                Self::Admit
            }
            Step::Consume(_) => Self::Consume,
            Step::Edit => Self::Edit,
            Step::Read { start, size } => Self::Read(start, size),
            Step::Refuse(denied) => Self::Refuse(denied.reason()),
            Step::Rest => Self::Rest,
        }
    }
}

const BOTH: [Hold; 2] = [Hold::StopIteration, Hold::TrailingBuffer];

/// A session after its head, and the step that head led to.
#[track_caller]
fn begun(hold: Hold, call: &Call, end: bool) -> (Session, Did) {
    let (verifier, mut session) = (verifier(), Session::new(hold));
    let did = begin(&mut session, &verifier, call, end);
    (session, did)
}

fn begin(session: &mut Session, verifier: &Verifier, call: &Call, end: bool) -> Did {
    call.head(|head| session.on(Event::Head { verifier, keys: &mut KeyCache::none(), head, end }, Some(NOW)).into())
}

/// A session that waits for the body of `POST /orders`.
#[track_caller]
fn holding(hold: Hold, body: &[u8]) -> Session {
    let (mut session, did) = begun(hold, &Call::orders(body), false);
    match hold {
        Hold::StopIteration => assert_eq!(did, Did::Rest),
        Hold::TrailingBuffer => {
            assert_eq!(did, Did::Edit);
            assert_eq!(tell(&mut session, Event::Edited(true)), Did::Rest);
        }
    }
    session
}

fn tell(session: &mut Session, event: Event<'_>) -> Did {
    session.on(event, Some(NOW)).into()
}

fn body(total: usize, end: bool) -> Event<'static> {
    Event::Body { total, end }
}

/// The request is refused with `reason`, nothing passes, and nothing more is done for it.
#[track_caller]
fn refused(session: &mut Session, did: Did, reason: Reason) {
    assert_eq!(did, Did::Refuse(reason));
    assert_eq!(session.flow(Callback::Head), Flow::Pause);
    for event in [body(10, false), body(10, true), Event::Trailers(0), Event::Consumed(Consumed::Fresh)] {
        assert_eq!(tell(session, event), Did::Rest);
        assert_eq!(session.flow(Callback::Later), Flow::Pause);
    }
}

#[test]
fn a_request_without_a_body_is_decided_at_its_head() {
    for hold in BOTH {
        let (mut session, did) = begun(hold, &Call::orders(b""), true);
        assert_eq!(did, Did::Consume);
        assert_eq!(session.flow(Callback::Head), Flow::Pause);
        assert_eq!(tell(&mut session, Event::Consumed(Consumed::Fresh)), Did::Edit);
        assert_eq!(session.flow(Callback::Head), Flow::Pause);
        assert!(session.edits().is_some());
        assert_eq!(tell(&mut session, Event::Edited(true)), Did::Admit);
        assert_eq!(session.flow(Callback::Head), Flow::Continue);
    }
}

#[test]
fn stop_iteration_holds_the_head_and_edits_it_after_the_body() {
    let mut session = holding(Hold::StopIteration, BODY);
    assert_eq!(session.flow(Callback::Head), Flow::Pause);
    assert_eq!(tell(&mut session, body(10, true)), Did::Read(0, 10));
    assert_eq!(session.flow(Callback::Later), Flow::Pause);
    assert_eq!(tell(&mut session, Event::Piece(Some(BODY))), Did::Consume);
    assert_eq!(tell(&mut session, Event::Consumed(Consumed::Fresh)), Did::Edit);
    assert_eq!(session.flow(Callback::Later), Flow::Pause);
    assert_eq!(tell(&mut session, Event::Edited(true)), Did::Admit);
    assert_eq!(session.flow(Callback::Later), Flow::Continue);
}

#[test]
fn trailing_buffer_edits_and_passes_the_head_and_holds_the_body() {
    let (mut session, did) = begun(Hold::TrailingBuffer, &Call::orders(BODY), false);
    assert_eq!(did, Did::Edit);
    assert_eq!(session.flow(Callback::Head), Flow::Pause, "not before the edits are made");
    assert!(session.edits().is_some());
    assert_eq!(tell(&mut session, Event::Edited(true)), Did::Rest);
    assert_eq!(session.flow(Callback::Head), Flow::Continue);
    assert_eq!(session.flow(Callback::Later), Flow::Pause);
    assert_eq!(tell(&mut session, body(10, true)), Did::Read(0, 10));
    assert_eq!(tell(&mut session, Event::Piece(Some(BODY))), Did::Consume);
    assert_eq!(session.flow(Callback::Later), Flow::Pause);
    assert_eq!(tell(&mut session, Event::Consumed(Consumed::Fresh)), Did::Admit, "the head is gone, edits are made");
    assert_eq!(session.flow(Callback::Later), Flow::Continue);
}

#[test]
fn bytes_that_are_presented_again_are_hashed_once() {
    for hold in BOTH {
        let mut session = holding(hold, BODY);
        assert_eq!(tell(&mut session, body(4, false)), Did::Read(0, 4));
        assert_eq!(tell(&mut session, Event::Piece(Some(b"0123"))), Did::Rest);
        assert_eq!(tell(&mut session, body(10, false)), Did::Read(4, 6));
        assert_eq!(tell(&mut session, Event::Piece(Some(b"456789"))), Did::Rest);
        assert_eq!(session.flow(Callback::Later), Flow::Pause);
        assert_eq!(tell(&mut session, body(10, true)), Did::Consume);
    }
}

#[test]
fn a_large_body_is_read_in_pieces() {
    let large = vec![b'a'; 150_000];
    let mut session = holding(Hold::StopIteration, &large);
    assert_eq!(tell(&mut session, body(150_000, true)), Did::Read(0, 65_536));
    assert_eq!(tell(&mut session, Event::Piece(Some(&large[..65_536]))), Did::Read(65_536, 65_536));
    assert_eq!(tell(&mut session, Event::Piece(Some(&large[..65_536]))), Did::Read(131_072, 18_928));
    assert_eq!(tell(&mut session, Event::Piece(Some(&large[..18_928]))), Did::Consume);
}

#[test]
fn a_body_over_the_limit_is_refused_before_its_end() {
    let mut session = holding(Hold::StopIteration, BODY);
    let piece = vec![0; 65_536];
    assert_eq!(tell(&mut session, body(1 << 20, false)), Did::Read(0, 65_536));
    for start in [65_536, 131_072, 196_608] {
        assert_eq!(tell(&mut session, Event::Piece(Some(&piece))), Did::Read(start, 65_536));
    }
    let did = tell(&mut session, Event::Piece(Some(&piece)));
    refused(&mut session, did, Reason::BodyTooLarge);
}

#[test]
fn another_body_is_refused_before_the_replay_store_is_asked() {
    for hold in BOTH {
        let mut session = holding(hold, BODY);
        assert_eq!(tell(&mut session, body(10, true)), Did::Read(0, 10));
        let did = tell(&mut session, Event::Piece(Some(b"0123456780")));
        refused(&mut session, did, Reason::RequestBindingMismatch);

        let mut session = holding(hold, BODY);
        let did = tell(&mut session, body(0, true));
        refused(&mut session, did, Reason::RequestBindingMismatch);
    }
}

#[test]
fn trailers_settle_a_body_whose_last_piece_was_not_marked() {
    for hold in BOTH {
        let mut session = holding(hold, BODY);
        assert_eq!(tell(&mut session, body(10, false)), Did::Read(0, 10));
        assert_eq!(tell(&mut session, Event::Piece(Some(BODY))), Did::Rest);
        assert_eq!(tell(&mut session, Event::Trailers(0)), Did::Consume);

        let mut session = holding(hold, b"");
        assert_eq!(tell(&mut session, Event::Trailers(0)), Did::Consume);
    }
}

#[test]
fn trailers_on_a_bound_body_are_refused() {
    for hold in BOTH {
        let mut session = holding(hold, BODY);
        assert_eq!(tell(&mut session, body(10, false)), Did::Read(0, 10));
        assert_eq!(tell(&mut session, Event::Piece(Some(BODY))), Did::Rest);
        let did = tell(&mut session, Event::Trailers(1));
        refused(&mut session, did, Reason::RequestNotCanonical);
    }
}

#[test]
fn a_route_without_a_body_takes_none() {
    let (mut session, did) = begun(Hold::StopIteration, &Call::ping(), false);
    assert_eq!(did, Did::Rest);
    assert_eq!(tell(&mut session, body(0, true)), Did::Consume);

    let (mut session, _) = begun(Hold::StopIteration, &Call::ping(), false);
    assert_eq!(tell(&mut session, body(1, false)), Did::Read(0, 1));
    let did = tell(&mut session, Event::Piece(Some(b"x")));
    refused(&mut session, did, Reason::RequestNotCanonical);
}

#[test]
fn a_claimed_body_is_decided_at_the_head_and_then_flows() {
    for hold in BOTH {
        let (mut session, did) = begun(hold, &Call::stream(), false);
        assert_eq!(did, Did::Consume);
        assert_eq!(tell(&mut session, Event::Consumed(Consumed::Fresh)), Did::Edit);
        assert_eq!(tell(&mut session, Event::Edited(true)), Did::Admit);
        assert_eq!(session.flow(Callback::Head), Flow::Continue);
        for event in [body(70_000, false), body(3, false), Event::Trailers(2)] {
            assert_eq!(tell(&mut session, event), Did::Rest);
            assert_eq!(session.flow(Callback::Later), Flow::Continue);
        }
        assert_eq!(Did::from(session.on(body(1, true), None)), Did::Rest);
        assert_eq!(session.flow(Callback::Later), Flow::Continue, "no clock is needed any more");
    }
}

#[test]
fn nothing_passes_while_the_store_s_answer_is_out() {
    for (call, end) in [(Call::stream(), false), (Call::orders(b""), true)] {
        let (mut session, did) = begun(Hold::StopIteration, &call, end);
        assert_eq!(did, Did::Consume);
        for event in [body(5, false), body(5, true), Event::Trailers(1)] {
            assert_eq!(tell(&mut session, event), Did::Rest);
            assert_eq!(session.flow(Callback::Later), Flow::Pause);
        }
        assert_eq!(tell(&mut session, Event::Consumed(Consumed::Fresh)), Did::Edit);
    }
}

#[test]
fn every_other_answer_of_the_store_denies() {
    for (answer, reason) in [
        (Consumed::Cold, Reason::ReplayStoreCold),
        (Consumed::Full, Reason::ReplayStoreFull),
        (Consumed::Replayed, Reason::JtiReplay),
        (Consumed::Unavailable, Reason::ReplayStoreUnavailable),
    ] {
        for hold in BOTH {
            let (mut session, _) = begun(hold, &Call::orders(b""), true);
            let did = tell(&mut session, Event::Consumed(answer));
            refused(&mut session, did, reason);
        }
    }
}

#[test]
fn a_host_that_hands_over_other_bytes_than_announced_is_not_believed() {
    for piece in [None, Some(&b""[..]), Some(b"012345678"), Some(b"0123456789x")] {
        for hold in BOTH {
            let mut session = holding(hold, BODY);
            assert_eq!(tell(&mut session, body(10, true)), Did::Read(0, 10));
            let did = tell(&mut session, Event::Piece(piece));
            refused(&mut session, did, Reason::VerifierUnavailable);
        }
    }
}

#[test]
fn a_body_that_shrinks_is_not_believed() {
    let mut session = holding(Hold::StopIteration, BODY);
    assert_eq!(tell(&mut session, body(10, false)), Did::Read(0, 10));
    assert_eq!(tell(&mut session, Event::Piece(Some(BODY))), Did::Rest);
    let did = tell(&mut session, body(9, true));
    refused(&mut session, did, Reason::VerifierUnavailable);
}

#[test]
fn an_end_at_the_head_of_a_request_with_a_body_is_not_believed() {
    for (name, value) in [("content-length", "1"), ("content-length", "x"), ("transfer-encoding", "chunked")] {
        let (mut session, did) = begun(Hold::StopIteration, &Call::orders(b"").with(name, value), true);
        refused(&mut session, did, Reason::VerifierUnavailable);
    }
    for (name, value) in [("content-length", "0"), ("transfer-encoding", "identity")] {
        let (_, did) = begun(Hold::StopIteration, &Call::orders(b"").with(name, value), true);
        assert_eq!(did, Did::Consume);
    }
}

#[test]
fn edits_that_fail_deny_and_the_head_stays() {
    let (mut session, _) = begun(Hold::TrailingBuffer, &Call::orders(BODY), false);
    let did = tell(&mut session, Event::Edited(false));
    refused(&mut session, did, Reason::VerifierUnavailable);

    let (mut session, _) = begun(Hold::StopIteration, &Call::orders(b""), true);
    assert_eq!(tell(&mut session, Event::Consumed(Consumed::Fresh)), Did::Edit);
    let did = tell(&mut session, Event::Edited(false));
    refused(&mut session, did, Reason::VerifierUnavailable);
}

#[test]
fn a_clock_that_fails_denies_in_every_phase() {
    let verifier = verifier();
    let mut session = Session::new(Hold::StopIteration);
    let call = Call::orders(BODY);
    let did = call.head(|head| {
        session.on(Event::Head { verifier: &verifier, keys: &mut KeyCache::none(), head, end: false }, None).into()
    });
    refused(&mut session, did, Reason::VerifierUnavailable);

    let mut session = holding(Hold::StopIteration, BODY);
    let did = session.on(body(10, true), None).into();
    refused(&mut session, did, Reason::VerifierUnavailable);

    let (mut session, _) = begun(Hold::StopIteration, &Call::orders(b""), true);
    let did = session.on(Event::Consumed(Consumed::Fresh), None).into();
    refused(&mut session, did, Reason::VerifierUnavailable);
}

#[test]
fn a_body_held_open_past_the_passport_s_end_is_refused() {
    let mut session = holding(Hold::StopIteration, b"");
    let did = session.on(body(0, true), Some(NOW.plus(330))).into();
    refused(&mut session, did, Reason::PassportExpired);
}

#[test]
fn a_body_without_a_head_is_refused() {
    for event in [body(0, true), body(3, false), Event::Trailers(0), Event::Fault] {
        let mut session = Session::new(Hold::StopIteration);
        let did = tell(&mut session, event);
        refused(&mut session, did, Reason::VerifierUnavailable);
    }
}

#[test]
fn a_caller_without_credentials_is_refused_at_the_head() {
    let verifier = verifier();
    let mut session = Session::new(Hold::TrailingBuffer);
    let head = Head { method: b"POST", target: b"/orders", authority: b"orders.example", tls: true, headers: &[] };
    let did = session
        .on(Event::Head { verifier: &verifier, keys: &mut KeyCache::none(), head, end: false }, Some(NOW))
        .into();
    refused(&mut session, did, Reason::MissingPassport);
}

/// What tells one session from another, as far as its future goes.
fn state(session: &Session) -> (u8, bool, Option<(usize, usize, bool)>) {
    let (phase, body) = match &session.phase {
        Phase::Head => (0, None),
        Phase::Body(Holding { proven: _, seen, total, ended }) => (1, Some((*seen, *total, *ended))),
        Phase::Replay(_) => (2, None),
        Phase::Admitted(_) => (3, None),
        Phase::Open => (4, None),
        Phase::Closed => (5, None),
    };
    (phase, session.edited, body)
}

/// Walks to every state that any sequence of events can reach, sound or not, and holds the one
/// promise against each step: a body or its trailers pass only after `Admit`, and `Admit` comes only
/// after a `Fresh` and edits that were asked for, and never after bytes that were not signed.
#[test]
fn no_sequence_of_events_lets_a_request_pass_unsettled() {
    let alphabet: [fn() -> Event<'static>; 15] = [
        || body(0, false),
        || body(0, true),
        || body(10, false),
        || body(10, true),
        || body(11, true),
        || Event::Piece(Some(BODY)),
        || Event::Piece(Some(b"0123456780")),
        || Event::Piece(None),
        || Event::Trailers(0),
        || Event::Trailers(1),
        || Event::Consumed(Consumed::Fresh),
        || Event::Consumed(Consumed::Replayed),
        || Event::Edited(true),
        || Event::Edited(false),
        || Event::Fault,
    ];
    let verifier = verifier();
    let mut admitted = BTreeSet::new();
    for hold in BOTH {
        for (call, end) in [(Call::orders(BODY), false), (Call::orders(b""), true), (Call::stream(), false)] {
            let mut reached = BTreeSet::new();
            let mut open: Vec<Vec<usize>> = vec![Vec::new()];
            while let Some(path) = open.pop() {
                let mut session = Session::new(hold);
                let mut last = begin(&mut session, &verifier, &call, end);
                let (mut asked, mut asked_edit) = (last == Did::Consume, last == Did::Edit);
                let (mut fresh, mut made, mut forged, mut passed, mut refused) = (false, false, false, false, false);
                for letter in &path {
                    let event = alphabet[*letter]();
                    fresh |= asked && matches!(event, Event::Consumed(Consumed::Fresh));
                    made |= asked_edit && matches!(event, Event::Edited(true));
                    forged |= matches!(event, Event::Piece(Some(piece)) if piece != BODY);
                    last = tell(&mut session, event);
                    asked |= last == Did::Consume;
                    asked_edit |= last == Did::Edit;
                    passed |= last == Did::Admit;
                    refused |= matches!(last, Did::Refuse(_));
                    assert!(last != Did::Admit || (fresh && made && !forged), "{hold:?} {path:?}");
                }
                let flows = session.flow(Callback::Later) == Flow::Continue;
                assert_eq!(flows, passed && !refused, "{hold:?} {path:?}");
                if flows {
                    admitted.insert((hold == Hold::StopIteration, call.path));
                }
                if reached.insert((state(&session), asked, asked_edit, fresh, made, forged, passed)) {
                    open.extend((0..alphabet.len()).map(|letter| [&path[..], &[letter]].concat()));
                }
            }
            assert!(reached.len() > 3, "{hold:?} {reached:?}");
        }
    }
    assert_eq!(admitted.len(), 4, "{admitted:?}");
}
