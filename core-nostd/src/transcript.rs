use alloc::string::String;
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use crate::binding::KeyBinding;
use crate::encoding::{hex_digits, sha256};

/// Seconds in a time bucket: the wire names none, so every party uses the published default.
const BUCKET_SECONDS: u64 = 20;

/// `trustplane-transcript-v1`: what a proof signs of a request, one field a line.
///
/// The canonical text is the twenty lines `name=value` joined by LF, without a trailing one. No
/// value may hold a control character: a line feed in one would forge the lines after it. Whoever
/// fills this in has checked that; see [`Transcript::is_sound`].
#[derive(Clone, Copy, Debug)]
pub struct Transcript<'a> {
    /// Upper case.
    pub method: &'a str,
    /// Lower case.
    pub scheme: &'a str,
    /// Lower case, port as given.
    pub authority: &'a str,
    /// As sent, never decoded.
    pub path: &'a str,
    /// The route's audience.
    pub audience: &'a str,
    /// The route that policy matched.
    pub route_id: &'a str,
    /// Lower case, `identity` when the request names none.
    pub content_encoding: &'a str,
    /// The normal form of the query, see [`crate::normalize_query`].
    pub query: &'a str,
    /// Covered headers, sorted by name, no name twice.
    pub headers: &'a [CoveredHeader<'a>],
    /// SHA-256 of the body bytes as sent.
    pub body_sha256: [u8; 32],
    /// The passport's `jti`.
    pub passport_jti: &'a str,
    /// The caller's nonce.
    pub nonce: &'a str,
    /// The passport's `iat`.
    pub issued_at: u64,
    /// The passport's `cnf.key_binding`.
    pub key_binding: KeyBinding,
}

/// A header that a transcript covers; its value is bound by its hash alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CoveredHeader<'a> {
    /// Lower-case HTTP token.
    pub name: &'a str,
    /// SHA-256 of the value without outer spaces and tabs.
    pub value_sha256: [u8; 32],
}

/// The hash state of all lines before the headers, which candidates for the covered list share.
#[derive(Clone)]
pub(crate) struct Prefix(Sha256);

impl Transcript<'_> {
    /// The canonical text.
    pub fn text(&self) -> String {
        let mut text = Vec::new();
        self.write_request(&mut text);
        self.write_headers(self.headers.iter().copied(), &mut text);
        self.write_stamp(&mut text);
        // Every part was text.
        String::from_utf8(text).unwrap_or_default()
    }

    /// SHA-256 of the canonical text: the 32 bytes that a proof signs.
    pub fn digest(&self) -> [u8; 32] {
        self.digest_with(&self.prefix(), self.headers.iter().copied())
    }

    /// Whether no value can forge a line and every required one is there.
    pub fn is_sound(&self) -> bool {
        let required = [
            self.method,
            self.scheme,
            self.authority,
            self.path,
            self.audience,
            self.route_id,
            self.content_encoding,
            self.passport_jti,
            self.nonce,
        ];
        let sorted = self.headers.is_sorted_by(|a, b| a.name < b.name);
        sorted
            && self.issued_at > 0
            && required.iter().all(|value| !value.is_empty() && value.trim() == *value)
            && required.iter().chain([&self.query]).all(|value| !value.chars().any(|c| c.is_ascii_control()))
            && self.headers.iter().all(|header| is_header_name(header.name.as_bytes()))
    }

    pub(crate) fn prefix(&self) -> Prefix {
        let mut state = Sha256::new();
        self.write_request(&mut state);
        Prefix(state)
    }

    /// The digest with other covered headers than `self.headers`.
    pub(crate) fn digest_with<'h>(
        &self,
        prefix: &Prefix,
        headers: impl Iterator<Item = CoveredHeader<'h>> + Clone,
    ) -> [u8; 32] {
        let mut state = prefix.0.clone();
        self.write_headers(headers, &mut state);
        self.write_stamp(&mut state);
        state.finalize().into()
    }

    fn write_request(&self, sink: &mut impl Sink) {
        let query_sha256 = hex_digits(&sha256(self.query.as_bytes()));
        sink.bytes(b"version=trustplane-transcript-v1");
        for (name, value) in [
            ("\nmethod=", self.method.as_bytes()),
            ("\nscheme=", self.scheme.as_bytes()),
            ("\nauthority=", self.authority.as_bytes()),
            ("\npath=", self.path.as_bytes()),
            ("\naudience=", self.audience.as_bytes()),
            ("\nroute_id=", self.route_id.as_bytes()),
            ("\ncontent_encoding=", self.content_encoding.as_bytes()),
            ("\nquery_normalization.algorithm=", b"rfc3986-sort-keys-values"),
            ("\nquery_normalization.normalized=", self.query.as_bytes()),
            ("\nquery_normalization.sha256=", &query_sha256),
            ("\nquery_sha256=", &query_sha256),
        ] {
            sink.bytes(name.as_bytes());
            sink.bytes(value);
        }
    }

    fn write_headers<'h>(&self, headers: impl Iterator<Item = CoveredHeader<'h>> + Clone, sink: &mut impl Sink) {
        sink.bytes(b"\nheaders.allow_list=");
        for (index, header) in headers.clone().enumerate() {
            if index > 0 {
                sink.bytes(b",");
            }
            sink.bytes(header.name.as_bytes());
        }
        sink.bytes(b"\nheaders.selected=");
        for (index, header) in headers.enumerate() {
            if index > 0 {
                sink.bytes(b",");
            }
            sink.bytes(header.name.as_bytes());
            sink.bytes(b":");
            sink.bytes(&hex_digits(&header.value_sha256));
        }
    }

    fn write_stamp(&self, sink: &mut impl Sink) {
        let mut issued_at = itoa::Buffer::new();
        let mut time_bucket = itoa::Buffer::new();
        for (name, value) in [
            ("\nbody_sha256=", &hex_digits(&self.body_sha256)[..]),
            ("\npassport_jti=", self.passport_jti.as_bytes()),
            ("\nnonce=", self.nonce.as_bytes()),
            ("\nissued_at=", issued_at.format(self.issued_at).as_bytes()),
            ("\ntime_bucket=", time_bucket.format(self.issued_at / BUCKET_SECONDS).as_bytes()),
            ("\nkey_binding=", self.key_binding.as_str().as_bytes()),
        ] {
            sink.bytes(name.as_bytes());
            sink.bytes(value);
        }
    }
}

/// Whether `name` is a lower-case HTTP token (RFC 9110 section 5.6.2).
pub(crate) fn is_header_name(name: &[u8]) -> bool {
    !name.is_empty()
        && name
            .iter()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// Where canonical text goes: into a buffer to be read, or straight into the hash.
trait Sink {
    fn bytes(&mut self, text: &[u8]);
}

impl Sink for Vec<u8> {
    fn bytes(&mut self, text: &[u8]) {
        self.extend_from_slice(text);
    }
}

impl Sink for Sha256 {
    fn bytes(&mut self, text: &[u8]) {
        self.update(text);
    }
}
