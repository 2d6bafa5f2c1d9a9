//! Where the caller dialled, as far as the verifier can know it.

use alloc::borrow::Cow;

use crate::policy::Route;
use crate::settings::Settings;

/// The scheme is pinned; a client's header never names it.
pub(crate) fn scheme<'a>(settings: &'a Settings, route: &'a Route, tls: bool) -> &'a str {
    let pinned = route.base().map(|base| base.scheme()).or(settings.scheme.as_deref());
    pinned.unwrap_or(if tls { "https" } else { "http" })
}

/// The authority callers signed: hosts on the way may strip a port, or rewrite it whole.
pub(crate) fn authority<'a>(settings: &'a Settings, route: &'a Route, sent: &'a str) -> Cow<'a, str> {
    if let Some(pinned) = settings.authority.as_deref() {
        return Cow::Borrowed(pinned);
    }
    let base = route.base().map(|base| base.authority());
    match base {
        Some(base) if differs_by_port(base, sent) => Cow::Borrowed(base),
        _ => Cow::Borrowed(sent),
    }
}

/// Same host, and one of the two names a port.
fn differs_by_port(one: &str, other: &str) -> bool {
    let ((host, port), (other_host, other_port)) = (split_port(one), split_port(other));
    host == other_host && port.is_some() != other_port.is_some()
}

/// An IPv6 literal's colons stand within brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_presence_of_a_port_may_differ() {
        for (base, sent) in [("a.example", "a.example:8443"), ("a.example:443", "a.example"), ("[::1]:80", "[::1]")] {
            assert!(differs_by_port(base, sent), "{base} {sent}");
        }
        for (base, sent) in [
            ("a.example", "a.example"),
            ("a.example:1", "a.example:2"),
            ("a.example", "b.example:1"),
            ("[::1]", "[::2]:80"),
        ] {
            assert!(!differs_by_port(base, sent), "{base} {sent}");
        }
    }
}
