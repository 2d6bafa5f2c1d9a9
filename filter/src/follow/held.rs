use trustplane_core::json::{self, Limits, Value};
use trustplane_core::{Checked, DocumentError, Edition, Pin, UnixTime};

/// A document in force.
#[derive(Debug)]
pub(crate) struct Held<T> {
    pub(super) edition: Edition,
    pub(super) checked: Checked<T>,
}

/// Reads a document and checks its signature.
type Load<T> = fn(&Value<'_>, &Pin) -> Result<T, DocumentError>;

impl<T> Held<T> {
    /// A document that came with the configuration.
    pub(crate) fn inline(document: Option<&Value<'_>>, checked: Option<&Checked<T>>) -> Option<Self> {
        Some(Self { edition: Edition::of(document?), checked: checked?.clone() })
    }

    pub(super) fn is(&self, digest: &[u8; 32]) -> bool {
        self.edition.digest() == digest
    }

    /// Reads a document and checks everything about it; it must not be older than the one in force.
    pub(super) fn read(
        text: &[u8],
        load: Load<T>,
        pin: &Pin,
        earlier: Option<&Self>,
        now: UnixTime,
    ) -> Result<Self, DocumentError> {
        let document = json::parse(text, Limits::DOCUMENT)?;
        let edition = Edition::of(&document);
        if let Some(earlier) = earlier {
            edition.follows(&earlier.edition)?;
        }
        Ok(Self { edition, checked: Checked::new(load(&document, pin)?, now) })
    }
}
