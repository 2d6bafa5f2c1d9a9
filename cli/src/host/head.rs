use std::borrow::Cow;

use hyper::Version;
use hyper::header::{CONNECTION, COOKIE, HOST, HeaderMap, HeaderValue, UPGRADE};
use hyper::http::request::Parts;
use trustplane_core::{Head, Header};

/// Put into a request's extensions, says that it came over TLS; no header can say so.
#[derive(Clone, Copy, Debug)]
pub struct Secured;

/// A request's head as the core reads it.
pub(super) struct Heading<'r> {
    method: &'r [u8],
    target: Cow<'r, [u8]>,
    authority: Cow<'r, [u8]>,
    headers: Vec<Header<'r>>,
    tls: bool,
}

impl<'r> Heading<'r> {
    pub(super) fn of(parts: &'r Parts) -> Self {
        let headers = parts.headers.iter().filter(|(name, _)| *name != HOST);
        Self {
            method: parts.method.as_str().as_bytes(),
            target: target(parts),
            authority: authority(parts),
            headers: headers.map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes())).collect(),
            tls: parts.extensions.get::<Secured>().is_some(),
        }
    }

    pub(super) fn head(&self) -> Head<'_> {
        let Self { method, target, authority, headers, tls } = self;
        Head { method, target, authority, tls: *tls, headers }
    }
}

/// The target as it was sent. An HTTP/1.1 request that names a whole URL stays one, and is refused:
/// its authority would speak against `Host`.
fn target(parts: &Parts) -> Cow<'_, [u8]> {
    let is_path = parts.version >= Version::HTTP_2 || (parts.uri.scheme().is_none() && parts.uri.authority().is_none());
    match parts.uri.path_and_query() {
        Some(target) if is_path => Cow::Borrowed(target.as_str().as_bytes()),
        None if is_path => Cow::Borrowed(b""),
        _ => Cow::Owned(parts.uri.to_string().into_bytes()),
    }
}

/// `:authority`, or every `Host`: two are joined by a comma, which no authority has.
pub(crate) fn authority(parts: &Parts) -> Cow<'_, [u8]> {
    if let Some(authority) = parts.uri.authority() {
        return Cow::Borrowed(authority.as_str().as_bytes());
    }
    let mut hosts = parts.headers.get_all(HOST).iter().map(|value| value.as_bytes());
    let first = hosts.next().unwrap_or_default();
    match hosts.next() {
        None => Cow::Borrowed(first),
        Some(second) => Cow::Owned([first, b",", second].concat()),
    }
}

/// Makes one `cookie` of the several that HTTP/2 lets a caller cut it into (RFC 9113 section 8.2.3): it was
/// signed as one.
pub(super) fn join_cookies(parts: &mut Parts) {
    let crumbs: Vec<&[u8]> = parts.headers.get_all(COOKIE).iter().map(|value| value.as_bytes()).collect();
    if parts.version < Version::HTTP_2 || crumbs.len() < 2 {
        return;
    }
    // Crumbs are values already, and so is what is between them.
    if let Ok(whole) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        parts.headers.insert(COOKIE, whole);
    }
}

/// Whether the request wants another protocol on its connection: what came then would be bound by no
/// proof. An offer of `h2c` is no wish that must be granted (RFC 9113 section 3.1), and none here is.
pub(super) fn upgrades(headers: &HeaderMap) -> bool {
    let nominated = tokens(headers, &CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"));
    nominated && tokens(headers, &UPGRADE).any(|token| !token.eq_ignore_ascii_case("h2c"))
}

fn tokens<'h>(headers: &'h HeaderMap, name: &hyper::header::HeaderName) -> impl Iterator<Item = &'h str> {
    let values = headers.get_all(name).iter();
    // A value that is no text nominates nothing that we know.
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn parts(target: &str, version: Version, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri(target).version(version);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn read(target: &str, version: Version, headers: &[(&str, &str)]) -> (String, String) {
        let parts = parts(target, version, headers);
        let heading = Heading::of(&parts);
        let head = heading.head();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (text(head.target), text(head.authority))
    }

    #[test]
    fn target_and_authority_are_as_they_were_sent() {
        let host = [("host", "a.example:8443")];
        let http1 = read("/p//q?r=%20s", Version::HTTP_11, &host);
        assert_eq!(http1, ("/p//q?r=%20s".into(), "a.example:8443".into()));
        let http2 = read("http://b.example/p?q", Version::HTTP_2, &host);
        assert_eq!(http2, ("/p?q".into(), "b.example".into()), "a host header besides is passed over");
        let absolute = read("http://a.example/p", Version::HTTP_11, &host);
        assert_eq!(absolute.0, "http://a.example/p");
    }

    #[test]
    fn two_hosts_are_none() {
        let (_, authority) = read("/", Version::HTTP_11, &[("host", "a.example"), ("host", "a.example")]);
        assert_eq!(authority, "a.example,a.example");
        assert_eq!(read("/", Version::HTTP_11, &[]).1, "");
    }

    #[test]
    fn a_cookie_in_crumbs_is_one_over_http2_alone() {
        let crumbs = [("cookie", "a=1"), ("cookie", "b=2")];
        for (version, expected) in [(Version::HTTP_2, vec!["a=1; b=2"]), (Version::HTTP_11, vec!["a=1", "b=2"])] {
            let mut parts = parts("http://a.example/", version, &crumbs);
            join_cookies(&mut parts);
            assert_eq!(parts.headers.get_all("cookie").iter().collect::<Vec<_>>(), expected, "{version:?}");
        }
    }

    #[test]
    fn a_wish_for_another_protocol_is_seen() {
        for (connection, upgrade, expected) in [
            ("keep-alive, Upgrade", "websocket", true),
            ("upgrade", "h2c, websocket", true),
            ("Upgrade, HTTP2-Settings", "h2c", false),
            ("keep-alive", "websocket", false),
        ] {
            let parts = parts("/", Version::HTTP_11, &[("connection", connection), ("upgrade", upgrade)]);
            assert_eq!(upgrades(&parts.headers), expected, "{connection} {upgrade}");
        }
    }
}
