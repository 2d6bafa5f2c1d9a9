use std::fmt;

use trustplane_core::{Reason, hex};

use super::lines::Lines;
use crate::value::{Json, members, value};

/// The transcript as the verifier rebuilt it, next to the signer's where that is known.
#[derive(Debug)]
pub(crate) struct Explanation {
    pub(super) verifier: Lines,
    /// What the request says its transcript hashes to.
    pub(super) claimed: [u8; 32],
    pub(super) signer: Option<Lines>,
}

impl Explanation {
    /// What no line shows.
    fn note(&self, reason: Reason) -> Option<&'static str> {
        let signer = self.signer.as_ref()?;
        if signer.digest() != self.claimed {
            return Some(
                "the signer's lines do not hash to the X-TrustPlane-Transcript-SHA256 of the request: \
                 they are of another signing, or the header was changed",
            );
        }
        (*signer == self.verifier && reason == Reason::RequestBindingMismatch).then_some(
            "every line is the same: X-TrustPlane-Signed-Headers is not the sorted list of the headers they cover",
        )
    }

    /// For machines: values as they are.
    pub(super) fn json(&self, reason: Reason) -> Json {
        let texts = |lines: &Lines| lines.iter().map(|line| value!(line)).collect::<Vec<_>>();
        let mut json = members([
            ("lines", value!(texts(&self.verifier))),
            ("sha256", value!(hex(&self.verifier.digest()))),
            ("claimed_sha256", value!(hex(&self.claimed))),
        ]);
        if let Some(signer) = &self.signer {
            json.insert("signer_sha256", value!(hex(&signer.digest())));
            let differences = self.verifier.differences(signer).into_iter().map(|difference| {
                value!({
                    "line": (u64::try_from(difference.line).unwrap_or(0)),
                    "name": (difference.name),
                    "signer": (difference.signer),
                    "verifier": (difference.verifier),
                })
            });
            json.insert("differences", value!(differences.collect::<Vec<_>>()));
        }
        if let Some(note) = self.note(reason) {
            json.insert("note", value!(note));
        }
        value!(json)
    }

    /// For people: what differs where the signer's lines are known, else the twenty lines.
    pub(super) fn write(&self, f: &mut fmt::Formatter<'_>, reason: Reason) -> fmt::Result {
        let Some(signer) = &self.signer else {
            writeln!(f)?;
            return self.verifier.iter().try_for_each(|line| writeln!(f, "{line}"));
        };
        let differences = self.verifier.differences(signer);
        writeln!(f, "\n{} of 20 lines differ", differences.len())?;
        for difference in &differences {
            // Quoted and escaped, so that a line break or a character that shows as nothing is seen.
            writeln!(f, "\nline {}, {}", difference.line, difference.name)?;
            writeln!(f, "  signer    {:?}", difference.signer)?;
            writeln!(f, "  verifier  {:?}", difference.verifier)?;
        }
        match self.note(reason) {
            Some(note) => writeln!(f, "\nnote: {note}"),
            None => Ok(()),
        }
    }
}
