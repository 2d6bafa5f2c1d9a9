use hyper::StatusCode;

use super::question::Question;

/// What the store says about a passport.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// The passport was issued before the store began to remember.
    Cold,
    /// Never seen before, and remembered from now on.
    Fresh,
    /// The store has no room left.
    Full,
    /// Seen before.
    Replayed,
    /// The store does not say.
    Unavailable,
}

impl Answer {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Cold, Self::Fresh, Self::Full, Self::Replayed, Self::Unavailable];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Fresh => "fresh",
            Self::Full => "full",
            Self::Replayed => "replayed",
            Self::Unavailable => "unavailable",
        }
    }

    /// The status on the wire.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::OK,
        }
    }

    /// The body, byte for byte what the filter compares with. The id is in it because a proxy on the
    /// way can make up a status and a body, but not this one.
    pub fn body(self, question: &Question) -> String {
        format!(r#"{{"id":"{}","outcome":"{}"}}"#, question.hex(), self.as_str())
    }
}
