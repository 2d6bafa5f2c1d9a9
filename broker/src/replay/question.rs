use serde::Deserialize;
use trustplane_core::json::{JsonError, Limits, decode, parse};
use trustplane_core::{UnixTime, hex, hex_array};

/// No passport lives longer than a year, and Redis counts milliseconds in 63 bits.
const MOST_TTL_MS: u64 = 366 * 24 * 60 * 60 * 1000;

/// What a verifier asks: to consume this passport.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// SHA-256 of `iss LF jti`.
    pub id: [u8; 32],
    /// When the passport was issued: before the store began it may have been consumed already.
    pub issued_at: UnixTime,
    /// How long some verifier may still take the passport. A span, for the store's clock is not the
    /// verifier's.
    pub ttl_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    id: String,
    issued_at: u64,
    ttl_ms: u64,
}

impl Question {
    /// The longest question that is read.
    pub const MOST_BYTES: usize = 256;

    /// Reads the body of a request.
    pub fn parse(body: &[u8]) -> Result<Self, JsonError> {
        let limits = Limits { max_bytes: Self::MOST_BYTES, max_depth: 1 };
        let wire: Wire = decode(&parse(body, limits)?)?;
        let id = hex_array(wire.id.as_bytes())
            .ok_or_else(|| JsonError::new("expected 64 hex digits in lower case").within("id"))?;
        if !(1..=MOST_TTL_MS).contains(&wire.ttl_ms) {
            return Err(JsonError::new(format!("expected an integer from 1 to {MOST_TTL_MS}")).within("ttl_ms"));
        }
        Ok(Self { id, issued_at: UnixTime::from_secs(wire.issued_at), ttl_ms: wire.ttl_ms })
    }

    /// The id as it is written.
    pub fn hex(&self) -> String {
        hex(&self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> String {
        Question::parse(body.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_question_has_three_members_and_no_other() {
        let id = "0a".repeat(32);
        let sound = format!(r#"{{"id":"{id}","issued_at":1740000000,"ttl_ms":360000}}"#);
        let question = Question::parse(sound.as_bytes()).unwrap();
        let expected = Question { id: [10; 32], issued_at: UnixTime::from_secs(1_740_000_000), ttl_ms: 360_000 };
        assert_eq!(question, expected);
        assert_eq!(question.hex(), id);
        for (broken, place) in [
            (sound.replace("0a0a", "0A0A"), "/id: "),
            (sound.replace("0a0a", "0a"), "/id: "),
            (sound.replace("360000", "0"), "/ttl_ms: "),
            (sound.replace("360000", "-1"), "/ttl_ms: "),
            (sound.replace("360000", "31622400001"), "/ttl_ms: "),
            (sound.replace("360000", "1.5"), ""),
            (sound.replace("1740000000", "\"1\""), "/issued_at: "),
            (sound.replace(r#","ttl_ms":360000"#, ""), "/ttl_ms: "),
            (sound.replace('}', r#","more":1}"#), "/more: "),
            (sound.replace('}', r#","ttl_ms":360000}"#), "/ttl_ms: "),
            (format!("{sound} x"), ""),
            (format!("{sound}{}", " ".repeat(256)), ""),
            (String::new(), ""),
        ] {
            let refused = refused(&broken);
            assert!(refused.starts_with(place), "{broken}: {refused}");
        }
    }
}
