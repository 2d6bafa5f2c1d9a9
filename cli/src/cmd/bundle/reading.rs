use std::path::Path;

use trustplane_core::DocumentError;
use trustplane_core::json::Position;

use crate::authoring::{self, Built, File};
use crate::bundle::{Kind, PolicyView, TrustView};
use crate::exit::Fault;

/// What one file says, whichever kind of file it is.
pub(super) struct Reading {
    pub(super) policy: Option<PolicyView>,
    pub(super) trust: Option<TrustView>,
    whence: Whence,
}

/// Where the parts of the documents stand.
enum Whence {
    /// In this file, below this member.
    File(File, &'static str),
    Built(Box<Built>),
}

impl Reading {
    /// Reads a policy bundle, trust material or an authoring file.
    pub(super) fn of(path: &Path) -> Result<Self, Fault> {
        let file = File::read(path)?;
        if file.is_authoring() {
            let built = authoring::build(file)?;
            // What was built has loaded already.
            let (policy, trust) = (PolicyView::new(&built.policy).ok(), TrustView::new(&built.trust).ok());
            return Ok(Self { policy, trust, whence: Whence::Built(Box::new(built)) });
        }
        let wrapped = file.value().as_object().and_then(|members| members.get("policy_bundle"));
        let (document, below) = wrapped.map_or((file.value(), ""), |inner| (inner, "/policy_bundle"));
        let at = |error: DocumentError| {
            file.fault(DocumentError { pointer: format!("{below}{}", error.pointer), problem: error.problem })
        };
        let kind = Kind::of(document).ok_or_else(|| {
            let (policy, trust) = (Kind::Policy.name(), Kind::Trust.name());
            at(DocumentError::new("/kind", format!("expected {policy:?} or {trust:?}, or an authoring file")))
        })?;
        let (policy, trust) = match kind {
            Kind::Policy => (Some(PolicyView::new(document).map_err(at)?), None),
            Kind::Trust => (None, Some(TrustView::new(document).map_err(at)?)),
        };
        Ok(Self { policy, trust, whence: Whence::File(file, below) })
    }

    /// File, pointer and position of places of one of the documents.
    pub(super) fn places(&self, kind: Kind, pointers: &[String]) -> Vec<(String, String, Position)> {
        match &self.whence {
            Whence::Built(built) => built.places(kind, pointers),
            Whence::File(file, below) => {
                let pointers: Vec<String> = pointers.iter().map(|pointer| format!("{below}{pointer}")).collect();
                let positions = file.positions(&pointers);
                let place = |(pointer, position)| (file.name().to_owned(), pointer, position);
                pointers.into_iter().zip(positions).map(place).collect()
            }
        }
    }
}
