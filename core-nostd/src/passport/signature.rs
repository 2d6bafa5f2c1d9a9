use crate::key::{KeyCache, Pending};
use crate::reason::Reason;

/// How far the issuer's signature is checked: all but the last step, or, with nothing left, whole.
#[must_use = "a passport that nobody signed"]
pub(crate) struct Signature(Option<Pending>);

impl Signature {
    pub(super) const fn pending(pending: Pending) -> Self {
        Self(Some(pending))
    }

    /// Nothing is told of a passport, and no other refusal given, before its signature stands.
    pub(crate) fn settle(self, keys: &mut KeyCache) -> Result<Self, Reason> {
        if self.0.is_none_or(|pending| keys.settle(&pending)) {
            Ok(Self(None))
        } else {
            Err(Reason::InvalidPassportSignature)
        }
    }

    /// [`Self::settle`], and whether another signature stands. Together they share the dearest step.
    pub(crate) fn settle_with(self, other: Pending, keys: &mut KeyCache) -> Result<bool, Reason> {
        let Some(own) = self.0 else {
            return Ok(keys.settle(&other));
        };
        match keys.settle_both(&own, &other) {
            (true, stands) => Ok(stands),
            (false, _) => Err(Reason::InvalidPassportSignature),
        }
    }
}
