//! Which headers a proof covers, when the wire does not say.
//!
//! The official caller covers every header its application passed, and not those its HTTP library
//! adds. So whatever an application may have meant must be covered, and the few names that
//! libraries add are tried both ways, by hashing alone.

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::OnceCell;
use core::str;

use crate::encoding::{SHA256_OF_NOTHING, sha256};
use crate::order::sorted;
use crate::reason::Reason;
use crate::request::{Header, Own, Request, trimmed};
use crate::transcript::CoveredHeader;

/// The deployment's rules for covered headers.
#[derive(Clone, Debug, Default)]
pub struct CoveredHeaders {
    /// Names that must be present and covered, besides the nonce.
    pub required: Vec<String>,
    /// Names that are never covered, besides the built-in ones: what other proxies add.
    pub exempt: Vec<String>,
    /// What becomes of a header that the proof does not cover.
    pub uncovered: Uncovered,
}

/// What becomes of a header that must be covered and is not.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Uncovered {
    /// The request is denied.
    #[default]
    Refuse,
    /// Also try the required names alone; then no other header reaches the upstream.
    Remove,
}

/// Headers that libraries add on their own, in the order they are given a place.
const FREE: [&[u8]; 7] =
    [b"user-agent", b"accept-encoding", b"accept", b"x-request-id", b"traceparent", b"tracestate", b"b3"];

/// At most this many free headers are tried: 64 candidates.
const MOST_FREE: usize = 6;

const NONCE: &[u8] = b"x-trustplane-nonce";

/// Hop-by-hop headers and what intermediaries write: no caller can foresee their values.
const EXEMPT: [&str; 22] = [
    "host",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "expect",
    "via",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-envoy-external-address",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-internal",
    "x-envoy-attempt-count",
];

pub(crate) fn is_exempt(name: &[u8]) -> bool {
    EXEMPT.iter().any(|exempt| exempt.as_bytes() == name) || Own::of(name).is_some_and(|own| own != Own::Nonce)
}

/// A header that may be covered.
#[derive(Clone, Debug)]
struct Candidate<'r> {
    name: &'r str,
    value: &'r [u8],
    /// Once a list that is tried covers it: most free headers are in none.
    value_sha256: OnceCell<[u8; 32]>,
    /// The bit of a free header; a mandatory one has none.
    free: Option<u8>,
    required: bool,
    repeated: bool,
}

impl<'r> Candidate<'r> {
    fn covered(&self) -> CoveredHeader<'r> {
        let value_sha256 = *self.value_sha256.get_or_init(|| sha256(self.value));
        CoveredHeader { name: self.name, value_sha256 }
    }
}

/// The headers of one request, sorted into those that must be covered and those that may be.
pub(super) struct Selection<'r> {
    /// By name, each once.
    candidates: Vec<Candidate<'r>>,
    signed: Option<&'r [u8]>,
    rules: &'r CoveredHeaders,
    headers: &'r [Header<'r>],
}

impl<'r> Selection<'r> {
    pub(super) fn of(request: &'r Request<'_>, rules: &'r CoveredHeaders) -> Self {
        let mut selection = Self {
            candidates: Vec::with_capacity(request.headers.len()),
            signed: request.signed_headers,
            rules,
            headers: request.headers,
        };
        let form = form_body(request);
        for (name, value) in request.headers {
            selection.add(name, value, form);
        }
        selection.order();
        selection
    }

    /// The first candidate list that gives the claimed digest, smallest first; with it the headers
    /// that must not reach the upstream, where the match leaves headers unbound.
    pub(super) fn find(&self, matches: impl Fn(Names<'_>) -> bool) -> Result<Option<Vec<Vec<u8>>>, Reason> {
        let all_required = self
            .rules
            .required
            .iter()
            .all(|name| self.candidates.iter().any(|candidate| candidate.name == name.as_str()));
        if !all_required {
            return Err(Reason::RequestBindingMismatch);
        }
        if let Some(list) = self.signed {
            let names = self.listed(list).ok_or(Reason::RequestBindingMismatch)?;
            let found = self.settle(names, &matches).ok_or(Reason::RequestBindingMismatch)?;
            return found.map(|()| None);
        }
        let remove = self.rules.uncovered == Uncovered::Remove;
        // Whatever list matches, a repeated mandatory header is in it: signers hash the first
        // copy, the upstream may read the other.
        if !remove && self.candidates.iter().any(|c| c.free.is_none() && c.repeated) {
            return Err(Reason::InvalidRequest);
        }
        let free = self.candidates.iter().filter(|candidate| candidate.free.is_some()).count();
        let masks = 1u8.checked_shl(u32::try_from(free).unwrap_or(u32::MAX)).unwrap_or(0);
        for size in 0..=free {
            for mask in (0..masks).filter(|mask| usize::try_from(mask.count_ones()) == Ok(size)) {
                let names = Names { selection: self, cover: Cover::MandatoryAnd(mask) };
                if let Some(found) = self.settle(names, &matches) {
                    return found.map(|()| None);
                }
            }
        }
        if remove {
            let names = Names { selection: self, cover: Cover::Required };
            if let Some(found) = self.settle(names, &matches) {
                return found.map(|()| Some(self.unbound()));
            }
        }
        Err(Reason::RequestBindingMismatch)
    }

    /// The list of a signer that covered what it must, and of the free headers those that `named` says.
    #[cfg(feature = "explain")]
    pub(super) fn nearest(&self, named: impl Fn(&str) -> bool) -> Names<'_> {
        let bits = self.candidates.iter().filter(|candidate| named(candidate.name)).filter_map(|named| named.free);
        Names { selection: self, cover: Cover::MandatoryAnd(bits.fold(0, |mask, bit| mask | bit)) }
    }

    /// `None` when the list does not give the digest.
    fn settle(&self, names: Names<'_>, matches: impl Fn(Names<'_>) -> bool) -> Option<Result<(), Reason>> {
        let lacks = names.uncovered().any(|candidate| candidate.required);
        if lacks || !matches(names) {
            return None;
        }
        if names.candidates().any(|candidate| candidate.repeated) {
            return Some(Err(Reason::InvalidRequest));
        }
        Some(Ok(()))
    }

    /// The signer's own list: sorted, no repeats, all present, nothing mandatory left out.
    fn listed<'s>(&'s self, list: &'s [u8]) -> Option<Names<'s>> {
        let list = str::from_utf8(list).ok()?;
        let mut before = None;
        for name in list.split(',') {
            if before.is_some_and(|before| before >= name) {
                return None;
            }
            before = Some(name);
            self.candidates.iter().find(|candidate| candidate.name == name)?;
        }
        let names = Names { selection: self, cover: Cover::Listed(list) };
        let left_out = names.uncovered().any(|candidate| candidate.free.is_none());
        (!left_out).then_some(names)
    }

    /// The headers nobody vouches for when only the required names are bound.
    fn unbound(&self) -> Vec<Vec<u8>> {
        let names = self.headers.iter().map(|(name, _)| *name);
        let unbound =
            names.filter(|name| !(is_exempt(name) || self.is_set(&self.rules.exempt, name) || self.is_required(name)));
        unbound.map(Vec::from).collect()
    }

    fn add(&mut self, name: &'r [u8], value: &'r [u8], form: bool) {
        if is_exempt(name) || self.is_set(&self.rules.exempt, name) {
            return;
        }
        // Request::read saw to it that names are tokens.
        let Ok(text) = str::from_utf8(name) else {
            return;
        };
        let is_free = form && name == b"content-type" || FREE.contains(&name);
        self.candidates.push(Candidate {
            name: text,
            value: trimmed(value),
            value_sha256: OnceCell::new(),
            free: is_free.then_some(0),
            required: self.is_required(name),
            repeated: false,
        });
    }

    /// Sorts by name, folds repeats onto their first copy and deals the bits out.
    fn order(&mut self) {
        let name = |place: usize| self.candidates.get(place).map(|candidate| candidate.name);
        let order = sorted(self.candidates.len(), &|a, b| name(a).cmp(&name(b)));
        self.candidates = order.iter().filter_map(|place| self.candidates.get(*place).cloned()).collect();
        self.candidates.dedup_by(|later, first| {
            let same = later.name == first.name;
            first.repeated |= same;
            same
        });
        let mut bit = 1u8;
        let mut places = MOST_FREE;
        for name in [&b"content-type"[..]].into_iter().chain(FREE) {
            let place = self.candidates.iter().position(|c| c.free.is_some() && c.name.as_bytes() == name);
            let Some(place) = place else { continue };
            if places == 0 {
                self.candidates.remove(place);
            } else if let Some(candidate) = self.candidates.get_mut(place) {
                candidate.free = Some(bit);
                bit = bit.wrapping_shl(1);
                places = places.saturating_sub(1);
            }
        }
    }

    fn is_required(&self, name: &[u8]) -> bool {
        name == NONCE || self.is_set(&self.rules.required, name)
    }

    fn is_set(&self, names: &[String], name: &[u8]) -> bool {
        names.iter().any(|listed| listed.as_bytes() == name)
    }
}

/// HTTP libraries add this very type to a body whose caller named none.
fn form_body(request: &Request<'_>) -> bool {
    request.body_sha256 != SHA256_OF_NOTHING
        && request
            .headers
            .iter()
            .any(|(name, value)| *name == b"content-type" && trimmed(value) == b"application/x-www-form-urlencoded")
}

/// One candidate list.
#[derive(Clone, Copy)]
pub(super) struct Names<'s> {
    selection: &'s Selection<'s>,
    cover: Cover<'s>,
}

#[derive(Clone, Copy)]
enum Cover<'s> {
    Listed(&'s str),
    MandatoryAnd(u8),
    Required,
}

impl Cover<'_> {
    fn holds(self, candidate: &Candidate<'_>) -> bool {
        match self {
            Self::Listed(list) => list.split(',').any(|name| name == candidate.name),
            Self::MandatoryAnd(mask) => candidate.free.is_none_or(|bit| mask & bit != 0),
            Self::Required => candidate.required,
        }
    }
}

impl<'s> Names<'s> {
    pub(super) fn headers(self) -> impl Iterator<Item = CoveredHeader<'s>> + Clone {
        self.candidates().map(Candidate::covered)
    }

    fn candidates(self) -> impl Iterator<Item = &'s Candidate<'s>> + Clone {
        self.selection.candidates.iter().filter(move |candidate| self.cover.holds(candidate))
    }

    fn uncovered(self) -> impl Iterator<Item = &'s Candidate<'s>> {
        self.selection.candidates.iter().filter(move |candidate| !self.cover.holds(candidate))
    }
}
