use trustplane_core::{Head, Header};

use crate::pairs::Pair;

/// A request's header pairs, the pseudo headers apart from the others.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Heading<'a> {
    method: &'a [u8],
    target: &'a [u8],
    authority: &'a [u8],
    headers: Vec<Header<'a>>,
}

impl<'a> Heading<'a> {
    /// Sorts out `pairs`, whose names are in lower case.
    ///
    /// A pseudo header counts once. Its repeat, and any that is not known here, stays among the
    /// headers, where the core refuses it: its name is no HTTP token. `:scheme` is left out, for a
    /// client can choose it.
    pub fn new(pairs: Vec<Pair<'a>>) -> Self {
        let mut heading = Self { headers: pairs, ..Self::default() };
        let (mut method, mut target, mut authority) = (None, None, None);
        let (mut scheme, mut protocol) = (None, None);
        heading.headers.retain(|(name, value)| {
            let place = match *name {
                b":method" => &mut method,
                b":path" => &mut target,
                b":authority" => &mut authority,
                b":scheme" => &mut scheme,
                b":protocol" => &mut protocol,
                _ => return true,
            };
            let repeated = place.is_some();
            place.get_or_insert(*value);
            repeated
        });
        heading.method = method.unwrap_or_default();
        heading.target = target.unwrap_or_default();
        heading.authority = authority.unwrap_or_default();
        heading
    }

    /// The head that the core judges.
    pub fn head(&self, tls: bool) -> Head<'_> {
        Head { method: self.method, target: self.target, authority: self.authority, tls, headers: &self.headers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pseudo_headers_leave_the_list_and_the_rest_keeps_its_order() {
        let heading = Heading::new(vec![
            (b":authority", b"a.example"),
            (b"x-b", b"1"),
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":path", b"/p?q"),
            (b"x-a", b"2"),
            (b"x-b", b"3"),
        ]);
        let head = heading.head(true);
        assert_eq!((head.method, head.target), (&b"GET"[..], &b"/p?q"[..]));
        assert_eq!((head.authority, head.tls), (&b"a.example"[..], true));
        let rest: &[Pair<'_>] = &[(b"x-b", b"1"), (b"x-a", b"2"), (b"x-b", b"3")];
        assert_eq!(head.headers, rest);
    }

    #[test]
    fn missing_pseudo_headers_are_empty() {
        let heading = Heading::new(Vec::new());
        let head = heading.head(false);
        assert_eq!((head.method, head.target, head.authority), (&b""[..], &b""[..], &b""[..]));
    }

    #[test]
    fn a_second_pseudo_header_stays_where_the_core_refuses_it() {
        for name in [":method", ":path", ":authority", ":scheme", ":protocol"] {
            let name = name.as_bytes();
            let heading = Heading::new(vec![(name, b"1"), (name, b"1")]);
            assert_eq!(heading.headers, [(name, &b"1"[..])]);
        }
        let heading = Heading::new(vec![(b":status", b"200")]);
        assert_eq!(heading.headers, [(&b":status"[..], &b"200"[..])]);
    }
}
