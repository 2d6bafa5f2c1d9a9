//! What a proof should have been over, for whoever looks for what differs.

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::str;

use super::Binding;
use super::covered::{Names, Selection};
use super::transcript_v1::rebuilt;
use crate::request::Request;
use crate::transcript::{CoveredHeader, Transcript};

/// The canonical text over this body.
///
/// The covered headers are those that give the claimed digest. Where none do, they are what must be
/// covered, and of the free ones those that the signer says it covered: in `covered` or on the wire.
pub(crate) fn explain(
    request: &Request<'_>,
    binding: &Binding<'_>,
    covered: Option<&str>,
    body_sha256: [u8; 32],
) -> String {
    let transcript = rebuilt(request, binding);
    let prefix = transcript.prefix();
    let selection = Selection::of(request, binding.covered);
    let text = |names: Names<'_>| {
        let headers: Vec<CoveredHeader<'_>> = names.headers().collect();
        Transcript { headers: &headers, body_sha256, ..transcript }.text()
    };
    let matched = RefCell::new(None);
    // Why it finds none is what the caller asks about.
    let _ = selection.find(|names| {
        let matches = transcript.digest_with(&prefix, names.headers()) == request.transcript_sha256;
        if matches {
            matched.replace(Some(text(names)));
        }
        matches
    });
    if let Some(text) = matched.into_inner() {
        return text;
    }
    let listed = covered.or_else(|| str::from_utf8(request.signed_headers?).ok()).unwrap_or_default();
    text(selection.nearest(|name| listed.split(',').any(|listed| listed == name)))
}
