use alloc::borrow::Cow;
use core::str;

use crate::encoding::{base64url_array, hex_array};
use crate::path::canonical_path;
use crate::reason::Reason;
use crate::transcript::is_header_name;

/// A header as the host gives it: lower-case name, raw bytes of the value.
pub type Header<'a> = (&'a [u8], &'a [u8]);

/// The head of a request, as bytes; a pseudo header that is missing is empty.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// `:method`.
    pub method: &'a [u8],
    /// `:path`: path and query as sent.
    pub target: &'a [u8],
    /// `:authority`.
    pub authority: &'a [u8],
    /// Whether the connection to the caller is TLS; never taken from a header.
    pub tls: bool,
    /// Every other header, repeats included, in order.
    pub headers: &'a [Header<'a>],
}

/// A head whose credentials and target are well formed.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: Option<&'a [u8]>,
    /// Lower case.
    pub authority: Cow<'a, str>,
    /// Lower case, `identity` when absent.
    pub content_encoding: Cow<'a, str>,
    pub tls: bool,
    pub token: &'a [u8],
    pub nonce: &'a str,
    pub proof: [u8; 64],
    pub transcript_sha256: [u8; 32],
    pub body_sha256: [u8; 32],
    pub signed_headers: Option<&'a [u8]>,
    pub headers: &'a [Header<'a>],
}

/// The request headers that carry our own matter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Own {
    Authorization,
    BodySha256,
    Nonce,
    Proof,
    SignedHeaders,
    TranscriptSha256,
    /// What only the verifier may tell the upstream.
    Identity,
}

impl Own {
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        if name == b"authorization" {
            return Some(Self::Authorization);
        }
        match name.strip_prefix(b"x-trustplane-")? {
            b"body-sha256" => Some(Self::BodySha256),
            b"nonce" => Some(Self::Nonce),
            b"proof" => Some(Self::Proof),
            b"signed-headers" => Some(Self::SignedHeaders),
            b"transcript-sha256" => Some(Self::TranscriptSha256),
            b"subject" | b"issuer" | b"trust-domain" | b"jti" | b"key-binding" | b"route-id" => Some(Self::Identity),
            _ => None,
        }
    }
}

/// A header that may come at most once.
#[derive(Clone, Copy, Debug)]
enum Once<'a> {
    Absent,
    Given(&'a [u8]),
    Repeated,
}

impl<'a> Once<'a> {
    fn add(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::Absent => Self::Given(trimmed(value)),
            _ => Self::Repeated,
        };
    }

    fn optional(self) -> Result<Option<&'a [u8]>, Reason> {
        match self {
            Self::Absent => Ok(None),
            Self::Given(value) => Ok(Some(value)),
            Self::Repeated => Err(Reason::InvalidRequest),
        }
    }

    fn required(self) -> Result<&'a [u8], Reason> {
        self.optional()?.ok_or(Reason::InvalidRequest)
    }
}

impl<'a> Request<'a> {
    /// Reads credentials first, then method, path and authority.
    pub(crate) fn read(head: &Head<'a>) -> Result<Self, Reason> {
        let mut authorization = Once::Absent;
        let mut body_sha256 = Once::Absent;
        let mut nonce = Once::Absent;
        let mut proof = Once::Absent;
        let mut signed_headers = Once::Absent;
        let mut transcript_sha256 = Once::Absent;
        let mut content_encoding = Once::Absent;
        let mut names_stand = true;
        for (name, value) in head.headers {
            match Own::of(name) {
                Some(Own::Authorization) => authorization.add(value),
                Some(Own::BodySha256) => body_sha256.add(value),
                Some(Own::Nonce) => nonce.add(value),
                Some(Own::Proof) => proof.add(value),
                Some(Own::SignedHeaders) => signed_headers.add(value),
                Some(Own::TranscriptSha256) => transcript_sha256.add(value),
                Some(Own::Identity) => {}
                None if *name == b"content-encoding" => content_encoding.add(value),
                None => names_stand = names_stand && is_header_name(name),
            }
        }

        let token = bearer(authorization.optional()?)?;
        let transcript_sha256 = transcript_sha256.required()?;
        let proof = proof.required()?;
        let nonce = nonce.required()?;
        let body_sha256 = body_sha256.required()?;
        let malformed = Reason::InvalidRequest;
        let request = Self {
            transcript_sha256: hex_array(transcript_sha256).ok_or(malformed)?,
            proof: base64url_array(proof).ok_or(malformed)?,
            nonce: visible(nonce, 256).ok_or(malformed)?,
            body_sha256: hex_array(body_sha256).ok_or(malformed)?,
            signed_headers: signed_headers.optional()?,
            content_encoding: encoding(content_encoding.optional()?).ok_or(malformed)?,
            token,
            headers: head.headers,
            tls: head.tls,
            method: "",
            path: "",
            query: None,
            authority: Cow::Borrowed(""),
        };
        if !names_stand {
            return Err(malformed);
        }
        request.with_target(head).ok_or(Reason::RequestNotCanonical)
    }

    fn with_target(self, head: &Head<'a>) -> Option<Self> {
        let mut halves = head.target.splitn(2, |byte| *byte == b'?');
        Some(Self {
            method: canonical_method(head.method)?,
            path: canonical_path(halves.next()?)?,
            query: halves.next(),
            authority: canonical_authority(head.authority)?,
            ..self
        })
    }
}

/// A value without outer spaces and tabs (RFC 9110 section 5.5); HTTP/2 hosts keep them.
pub(crate) fn trimmed(value: &[u8]) -> &[u8] {
    let mut value = value;
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// The one token of `Authorization: Bearer <token>`.
///
/// Envoy joins two such lines as `Bearer a,Bearer b`: a token with a comma or a space in it is two
/// credentials, not a malformed one.
fn bearer(authorization: Option<&[u8]>) -> Result<&[u8], Reason> {
    let value = authorization.ok_or(Reason::MissingPassport)?;
    let mut halves = value.splitn(2, |byte| *byte == b' ');
    let scheme = halves.next().unwrap_or_default();
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Err(Reason::MissingPassport);
    }
    let token = halves.next().ok_or(Reason::MissingPassport)?;
    // Without a way out in between, many bytes are looked at in one step.
    let one = token.iter().fold(true, |one, byte| one & byte.is_ascii_graphic() & (*byte != b','));
    if one && !token.is_empty() { Ok(token) } else { Err(Reason::InvalidRequest) }
}

/// The method as text, if it is one that a request with a target can have.
pub fn canonical_method(raw: &[u8]) -> Option<&str> {
    let name = str::from_utf8(raw).ok()?;
    let plain = !raw.is_empty() && raw.iter().all(u8::is_ascii_uppercase);
    // CONNECT has no target to bind; TRACE would echo the credentials.
    (plain && !matches!(name, "CONNECT" | "TRACE")).then_some(name)
}

/// The authority in lower case; two `Host` lines arrive joined by a comma.
pub fn canonical_authority(raw: &[u8]) -> Option<Cow<'_, str>> {
    let stands =
        !raw.is_empty() && raw.iter().all(|byte| byte.is_ascii_graphic() && !b",@/\\?#%\"<>^`{|}".contains(byte));
    let text = str::from_utf8(raw).ok().filter(|_| stands)?;
    Some(lower_case(text))
}

fn lower_case(text: &str) -> Cow<'_, str> {
    match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(text.to_ascii_lowercase()),
        false => Cow::Borrowed(text),
    }
}

fn encoding(value: Option<&[u8]>) -> Option<Cow<'_, str>> {
    match value {
        None | Some(b"") => Some(Cow::Borrowed("identity")),
        Some(value) => {
            let text = str::from_utf8(value).ok()?;
            let plain = value.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
            plain.then(|| lower_case(text))
        }
    }
}

fn visible(value: &[u8], most: usize) -> Option<&str> {
    let stands = !value.is_empty() && value.len() <= most && value.iter().all(u8::is_ascii_graphic);
    str::from_utf8(value).ok().filter(|_| stands)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_spaces_and_tabs_are_trimmed() {
        assert_eq!(trimmed(b" \ta b\t "), b"a b");
        assert_eq!(trimmed(b"\x0ba"), b"\x0ba");
        assert_eq!(trimmed(b" \t"), b"");
    }

    #[test]
    fn two_joined_credentials_are_not_one() {
        assert_eq!(bearer(Some(b"bEaReR abc")), Ok(&b"abc"[..]));
        for value in ["Bearer a,Bearer b", "Bearer  a", "Bearer a b", "Bearer a\tb"] {
            assert_eq!(bearer(Some(value.as_bytes())), Err(Reason::InvalidRequest), "{value}");
        }
        for value in [None, Some(""), Some("Bearer"), Some("Basic abc"), Some("DPoP abc"), Some("Bearerabc")] {
            assert_eq!(bearer(value.map(str::as_bytes)), Err(Reason::MissingPassport), "{value:?}");
        }
    }

    #[test]
    fn an_authority_is_one_host_in_lower_case() {
        assert_eq!(canonical_authority(b"API.example:8443").as_deref(), Some("api.example:8443"));
        assert_eq!(canonical_authority(b"[::1]:80").as_deref(), Some("[::1]:80"));
        for raw in ["", "a,b", "u@a", "a/b", "a b", "a%2eb", "a\\b", "\u{e9}"] {
            assert_eq!(canonical_authority(raw.as_bytes()), None, "{raw}");
        }
    }

    #[test]
    fn methods_are_upper_case_letters() {
        assert_eq!(canonical_method(b"PATCH"), Some("PATCH"));
        for raw in ["", "get", "M-SEARCH", "CONNECT", "TRACE", "GET "] {
            assert_eq!(canonical_method(raw.as_bytes()), None, "{raw}");
        }
    }
}
