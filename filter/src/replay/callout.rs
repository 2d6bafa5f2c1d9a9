use trustplane_core::{Consumed, ReplayKey, UnixTime, hex};

use crate::pairs::{Pair, write_pairs};

/// The longest answer that is read; a right one has about a hundred bytes.
const MOST_ANSWER: usize = 512;

/// A replay store outside of the proxy, for deployments of more than one: a service that an Envoy
/// cluster reaches, most often on a Unix socket.
///
/// The request is `POST <path>` with the body `{"id":"<64 hex>","issued_at":<integer>,
/// "ttl_ms":<integer>}`. The answer is status 200 with the body
/// `{"id":"<the same>","outcome":"<word>"}`, byte for byte, where the word is `fresh`, `replayed`,
/// `cold` or `full`. Everything else is no answer: a proxy on the way makes up statuses and bodies
/// of its own, but not this id.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Callout {
    /// The Envoy cluster.
    pub cluster: String,
    /// `:authority`.
    pub authority: String,
    /// `:path`.
    pub path: String,
    /// How long the host waits; it answers a call that takes longer itself.
    pub timeout_ms: u32,
}

/// What the host is to send.
#[derive(Debug, Eq, PartialEq)]
pub struct Question {
    /// A header map as hosts read it.
    pub headers: Vec<u8>,
    /// The body.
    pub body: String,
}

impl Callout {
    /// The question about `key`; `None` when there is none to ask.
    ///
    /// The store is told a span, not a moment: its clock is not ours. A span of nothing would be
    /// forgotten at once. It is told when the passport was issued too: a store that began later may
    /// have lost that it was consumed.
    pub fn question(&self, key: &ReplayKey, now: UnixTime) -> Option<Question> {
        self.question_about(key.id(), key.issued_at(), key.keep_until().since(now))
    }

    fn question_about(&self, id: &[u8; 32], issued_at: UnixTime, seconds: u64) -> Option<Question> {
        let ttl_ms = seconds.checked_mul(1000).filter(|span| *span > 0)?;
        let headers: [Pair<'_>; 4] = [
            (b":method", b"POST"),
            (b":path", self.path.as_bytes()),
            (b":authority", self.authority.as_bytes()),
            (b"content-type", b"application/json"),
        ];
        let (id, issued_at) = (hex(id), issued_at.as_secs());
        let body = format!(r#"{{"id":"{id}","issued_at":{issued_at},"ttl_ms":{ttl_ms}}}"#);
        Some(Question { headers: write_pairs(&headers)?, body })
    }

    /// Whether an answer of this size is worth reading.
    pub const fn plausible(size: usize) -> bool {
        size > 0 && size <= MOST_ANSWER
    }

    /// What an answer says about the passport with this replay id.
    pub fn outcome(id: &[u8; 32], headers: &[Pair<'_>], body: &[u8]) -> Consumed {
        let mut statuses = headers.iter().filter(|(name, _)| *name == b":status").map(|(_, value)| *value);
        if (statuses.next(), statuses.next()) != (Some(b"200"), None) {
            return Consumed::Unavailable;
        }
        let rest = body.strip_prefix(br#"{"id":""#).and_then(|rest| rest.strip_prefix(hex(id).as_bytes()));
        let word = rest.and_then(|rest| rest.strip_prefix(br#"","outcome":""#)?.strip_suffix(br#""}"#));
        match word {
            Some(b"fresh") => Consumed::Fresh,
            Some(b"replayed") => Consumed::Replayed,
            Some(b"cold") => Consumed::Cold,
            Some(b"full") => Consumed::Full,
            _ => Consumed::Unavailable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairs::read_pairs;

    const ID: [u8; 32] = [0xab; 32];
    const OK: &[Pair<'_>] = &[(b":status", b"200"), (b"content-type", b"application/json")];

    fn answer(word: &str) -> String {
        format!(r#"{{"id":"{}","outcome":"{word}"}}"#, "ab".repeat(32))
    }

    #[test]
    fn a_question_names_the_id_and_the_rest_of_its_life() {
        let callout = Callout {
            cluster: "replay".into(),
            authority: "replay.local".into(),
            path: "/v1/replay/consume".into(),
            timeout_ms: 250,
        };
        let mut question = callout.question_about(&ID, UnixTime::from_secs(1_740_000_000), 360).unwrap();
        assert_eq!(question.body, format!(r#"{{"id":"{}","issued_at":1740000000,"ttl_ms":360000}}"#, "ab".repeat(32)));
        let expected: &[Pair<'_>] = &[
            (b":method", b"POST"),
            (b":path", b"/v1/replay/consume"),
            (b":authority", b"replay.local"),
            (b"content-type", b"application/json"),
        ];
        assert_eq!(read_pairs(&mut question.headers).unwrap(), expected);
        assert_eq!(callout.question_about(&ID, UnixTime::from_secs(0), 0), None);
        assert_eq!(callout.question_about(&ID, UnixTime::from_secs(0), u64::MAX), None);
    }

    #[test]
    fn only_the_exact_words_count() {
        for (word, consumed) in [
            ("fresh", Consumed::Fresh),
            ("replayed", Consumed::Replayed),
            ("cold", Consumed::Cold),
            ("full", Consumed::Full),
            ("unavailable", Consumed::Unavailable),
            ("Fresh", Consumed::Unavailable),
            ("", Consumed::Unavailable),
        ] {
            assert_eq!(Callout::outcome(&ID, OK, answer(word).as_bytes()), consumed, "{word}");
        }
    }

    #[test]
    fn an_answer_about_another_passport_is_none() {
        assert_eq!(Callout::outcome(&[0xac; 32], OK, answer("fresh").as_bytes()), Consumed::Unavailable);
    }

    #[test]
    fn a_body_that_a_proxy_made_up_is_no_answer() {
        let good = answer("fresh");
        for cut in 0..good.len() {
            assert_eq!(Callout::outcome(&ID, OK, &good.as_bytes()[..cut]), Consumed::Unavailable, "{cut} bytes");
        }
        for body in ["upstream request timeout", "{}", &format!("{good}\n"), &good.to_uppercase()] {
            assert_eq!(Callout::outcome(&ID, OK, body.as_bytes()), Consumed::Unavailable, "{body}");
        }
    }

    #[test]
    fn a_status_other_than_one_200_is_no_answer() {
        let good = answer("fresh");
        let maps: [&[Pair<'_>]; 6] = [
            &[],
            &[(b":status", b"503")],
            &[(b":status", b"201")],
            &[(b":status", b"2000")],
            &[(b":status", b"200"), (b":status", b"200")],
            &[(b"status", b"200")],
        ];
        for headers in maps {
            assert_eq!(Callout::outcome(&ID, headers, good.as_bytes()), Consumed::Unavailable, "{headers:?}");
        }
    }

    #[test]
    fn every_right_answer_is_short_enough_to_be_read() {
        assert!(["fresh", "replayed", "cold", "full"].iter().all(|word| Callout::plausible(answer(word).len())));
        assert!(!Callout::plausible(0) && !Callout::plausible(513));
    }
}
