use super::covered::Selection;
use super::{Binding, Bound};
use crate::key::KeyCache;
use crate::reason::Reason;
use crate::request::Request;
use crate::transcript::Transcript;

/// Rebuilds the transcript over the claimed body digest, compares digests, then begins to verify.
///
/// The claimed digest is compared before the signature: a tampered request is a binding mismatch,
/// an unverifiable proof is not.
pub(super) fn check(request: &Request<'_>, binding: &Binding<'_>, keys: &KeyCache) -> Result<Bound, Reason> {
    let transcript = rebuilt(request, binding);
    let prefix = transcript.prefix();
    let selection = Selection::of(request, binding.covered);
    let claimed = &request.transcript_sha256;
    let removed = selection.find(|names| transcript.digest_with(&prefix, names.headers()) == *claimed)?;
    let proof_key = &binding.passport.proof_key;
    let signature = keys.begin(proof_key, claimed, &request.proof).ok_or(Reason::InvalidRequestProof)?;
    Ok(Bound { transcript_sha256: *claimed, removed: removed.unwrap_or_default(), signature })
}

/// The transcript of the request as it came, but for the headers.
pub(super) fn rebuilt<'a>(request: &'a Request<'_>, binding: &Binding<'a>) -> Transcript<'a> {
    let passport = binding.passport;
    Transcript {
        method: request.method,
        scheme: binding.scheme,
        authority: binding.authority,
        path: request.path,
        audience: binding.audience,
        route_id: binding.route_id,
        content_encoding: &request.content_encoding,
        query: binding.query,
        headers: &[],
        body_sha256: request.body_sha256,
        passport_jti: &passport.jti,
        nonce: request.nonce,
        issued_at: passport.issued_at.as_secs(),
        key_binding: passport.key_binding,
    }
}
