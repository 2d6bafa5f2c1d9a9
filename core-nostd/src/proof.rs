//! The seam between a request and the kinds of proof that can bind it.
//!
//! A proof kind takes the request, the matched route and the verified passport, and answers with
//! what it bound. Nothing before it (passport, policy) or after it (body, replay) knows which kind
//! it was.

mod covered;
#[cfg(feature = "explain")]
mod explain;
mod transcript_v1;

use alloc::vec::Vec;

use crate::key::{KeyCache, Pending};
use crate::origin;
use crate::passport::Passport;
use crate::policy::Route;
use crate::reason::Reason;
use crate::request::Request;
use crate::settings::Settings;

pub(crate) use covered::is_exempt;
pub use covered::{CoveredHeaders, Uncovered};
#[cfg(feature = "explain")]
pub(crate) use explain::explain;

/// What a proof is checked against, beside the request.
pub(crate) struct Binding<'a> {
    pub scheme: &'a str,
    pub authority: &'a str,
    pub query: &'a str,
    pub audience: &'a str,
    pub route_id: &'a str,
    pub passport: &'a Passport,
    pub covered: &'a CoveredHeaders,
}

impl<'a> Binding<'a> {
    pub(crate) fn new(
        settings: &'a Settings,
        route: &'a Route,
        request: &Request<'_>,
        query: &'a str,
        passport: &'a Passport,
        authority: &'a str,
    ) -> Self {
        Self {
            scheme: origin::scheme(settings, route, request.tls),
            authority,
            query,
            audience: route.audience(),
            route_id: route.route_id(),
            passport,
            covered: &settings.covered,
        }
    }
}

/// What a proof binds, if its signature stands.
#[must_use]
pub(crate) struct Bound {
    pub transcript_sha256: [u8; 32],
    /// Headers that nothing vouches for and the upstream must not see.
    pub removed: Vec<Vec<u8>>,
    pub signature: Pending,
}

/// Checks the request's proof up to its signature's last step, of whichever kind it is: `transcript-v1` is the only one today.
pub(crate) fn check(request: &Request<'_>, binding: &Binding<'_>, keys: &KeyCache) -> Result<Bound, Reason> {
    transcript_v1::check(request, binding, keys)
}
