use alloc::format;
use alloc::string::String;

/// Where callers dial an API: the scheme and authority that their proofs bind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Base {
    scheme: &'static str,
    authority: String,
}

impl Base {
    /// Reads `http(s)://authority`; a path after it is not part of what routes name, and dropped.
    pub(crate) fn parse(url: &str) -> Result<Self, &'static str> {
        let lower = url.to_ascii_lowercase();
        let schemes = [("https://", "https"), ("http://", "http")];
        let (scheme, rest) = schemes
            .iter()
            .find_map(|(prefix, scheme)| Some((*scheme, lower.strip_prefix(prefix)?)))
            .ok_or("expected http:// or https://")?;
        if rest.contains(['?', '#']) {
            return Err("a query or fragment has no place here");
        }
        let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err("user information has no place here");
        }
        if !is_authority(authority) {
            return Err("expected a host, or host:port, after the scheme");
        }
        Ok(Self { scheme, authority: authority.into() })
    }

    /// `http` or `https`.
    pub const fn scheme(&self) -> &str {
        self.scheme
    }

    /// Host, and port if the URL names one, in lower case.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The URL without a path.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }
}

/// Whether this is a host, or host:port, in the one form that proofs bind: lower case, no comma
/// (two hosts joined), no user information.
pub(crate) fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        // The colons of an IPv6 address stand within brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port_stands = port.is_none_or(|port| {
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        digits && !port.starts_with('0') && port.parse::<u16>().is_ok()
    });
    let host_stands = match host.strip_prefix('[') {
        Some(address) => address.strip_suffix(']').is_some_and(|address| {
            address.contains(':') && address.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b':' | b'.'))
        }),
        None => {
            !host.is_empty() && host.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_'))
        }
    };
    port_stands && host_stands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_scheme_and_authority_in_lower_case() {
        for (url, base) in [
            ("https://orders.example", "https://orders.example"),
            ("HTTP://Orders.Example:8080/", "http://orders.example:8080"),
            ("https://a_b.example/v1/x", "https://a_b.example"),
            ("https://[::1]:443", "https://[::1]:443"),
            ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        ] {
            assert_eq!(Base::parse(url).map(|base| base.url()), Ok(base.into()));
        }
    }

    #[test]
    fn whatever_is_no_plain_base_is_refused() {
        for (url, error) in [
            ("orders.example", "expected http:// or https://"),
            ("ftp://a", "expected http:// or https://"),
            ("https:/a", "expected http:// or https://"),
            ("https://u:p@a", "user information has no place here"),
            ("https://a?x=1", "a query or fragment has no place here"),
            ("https://a/#f", "a query or fragment has no place here"),
            ("https://", "expected a host, or host:port, after the scheme"),
            ("https:///a", "expected a host, or host:port, after the scheme"),
            ("https://a,b", "expected a host, or host:port, after the scheme"),
            ("https://a b", "expected a host, or host:port, after the scheme"),
            ("https://a\\b", "expected a host, or host:port, after the scheme"),
            ("https://a:", "expected a host, or host:port, after the scheme"),
            ("https://a:0", "expected a host, or host:port, after the scheme"),
            ("https://a:+1", "expected a host, or host:port, after the scheme"),
            ("https://a:65536", "expected a host, or host:port, after the scheme"),
            ("https://:443", "expected a host, or host:port, after the scheme"),
            ("https://::1", "expected a host, or host:port, after the scheme"),
            ("https://[::1", "expected a host, or host:port, after the scheme"),
            ("https://é.example", "expected a host, or host:port, after the scheme"),
        ] {
            assert_eq!(Base::parse(url), Err(error), "{url}");
        }
    }
}
