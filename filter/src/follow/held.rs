use trustplane_core::json::{self, Limits, Value};
use trustplane_core::{Checked, DocumentError, Edition, Pin, Policy, Trust, UnixTime};

/// A document in force.
#[derive(Debug)]
pub(crate) struct Held<T> {
    pub(super) edition: Edition,
    pub(super) checked: Checked<T>,
}

/// A kind of document that a source serves.
pub(crate) trait Document: Sized {
    fn load(document: &Value<'_>, pin: &Pin) -> Result<Self, DocumentError>;
}

impl Document for Policy {
    fn load(document: &Value<'_>, pin: &Pin) -> Result<Self, DocumentError> {
        Self::load(document, pin)
    }
}

impl Document for Trust {
    fn load(document: &Value<'_>, pin: &Pin) -> Result<Self, DocumentError> {
        Self::load(document, pin)
    }
}

impl<T> Held<T> {
    /// A document that came with the configuration.
    pub(crate) fn inline(document: Option<&Value<'_>>, checked: Option<&Checked<T>>) -> Option<Self> {
        Some(Self { edition: Edition::of(document?), checked: checked?.clone() })
    }

    pub(super) fn is(&self, digest: &[u8; 32]) -> bool {
        self.edition.digest() == digest
    }
}

impl<T: Document> Held<T> {
    /// Reads a document and checks everything about it; it must not be older than the one in force.
    pub(super) fn read(text: &[u8], pin: &Pin, earlier: Option<&Self>, now: UnixTime) -> Result<Self, DocumentError> {
        let document = json::parse(text, Limits::DOCUMENT)?;
        let edition = Edition::of(&document);
        if let Some(earlier) = earlier {
            edition.follows(&earlier.edition)?;
        }
        Ok(Self { edition, checked: Checked::new(T::load(&document, pin)?, now) })
    }
}
