use trustplane_core::CoveredNames;

use super::SignError;

const NONCE: &str = "x-trustplane-nonce";

/// The covered headers by lower-case name, sorted, with trimmed values.
pub(super) fn cover(headers: &[(String, String)], nonce: &str) -> Result<Vec<(String, String)>, SignError> {
    let mut covered = vec![(NONCE.to_owned(), nonce.to_owned())];
    for (name, value) in headers {
        let lower = name.to_ascii_lowercase();
        let value = value.trim_matches([' ', '\t']);
        if lower.starts_with("x-trustplane-") || !may_be_covered(&lower) {
            return Err(SignError::ReservedHeader(name.clone()));
        }
        if !value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
            return Err(SignError::UnsoundHeader(name.clone()));
        }
        covered.push((lower, value.to_owned()));
    }
    covered.sort();
    match covered.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(SignError::RepeatedHeader(pair[0].0.clone())),
        None => Ok(covered),
    }
}

/// Whether a verifier may be told to require this header: what proxies and HTTP libraries write is
/// never covered, for no signature over it could hold.
fn may_be_covered(name: &str) -> bool {
    CoveredNames { required: vec![name.to_owned()], ..CoveredNames::default() }.check().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_no_verifier_would_take_are_refused() {
        let cover = |pairs: &[(&str, &str)]| {
            let headers: Vec<_> = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            cover(&headers, "n").map(|covered| covered.into_iter().map(|(name, _)| name).collect::<Vec<_>>())
        };
        assert_eq!(cover(&[("X-A", " v "), ("B", "")]).unwrap(), ["b", "x-a", "x-trustplane-nonce"]);
        assert_eq!(cover(&[("a", "1"), ("A", "2")]), Err(SignError::RepeatedHeader("a".into())));
        for name in ["Host", "Content-Length", "X-Forwarded-For", "Authorization", "a b", ":path"] {
            assert_eq!(cover(&[(name, "v")]), Err(SignError::ReservedHeader(name.into())));
        }
        assert_eq!(cover(&[("X-TrustPlane-Nonce", "n")]), Err(SignError::ReservedHeader("X-TrustPlane-Nonce".into())));
        assert_eq!(cover(&[("a", "\u{e9}")]), Err(SignError::UnsoundHeader("a".into())));
    }
}
