mod as_sent;
mod escape;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use core::str;

use self::as_sent::as_sent;
use self::escape::upper_digit;
use crate::order::sorted;

pub(crate) use self::escape::{escaped, unreserved};

/// Which raw queries a route takes, for the v1 normaliser maps several to one.
///
/// `a=1&a=2` and `a=2&a=1`, `q=a+b` and `q=a%2Bb`, `a` and `a=` have one normal form each, yet
/// parsers behind the verifier read them apart: an on-path attacker could change a request's
/// meaning without breaking its proof.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum QueryForm {
    /// The v1 rules alone.
    Compat,
    /// The raw query is its own normal form.
    Strict,
    /// Two queries with one normal form decode equally in the common parsers.
    #[default]
    Unambiguous,
}

/// A query whose escapes are malformed or do not decode to UTF-8.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct QueryError;

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the query holds a malformed escape or does not decode to UTF-8")
    }
}

impl QueryForm {
    /// The form named so.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Compat, Self::Strict, Self::Unambiguous].into_iter().find(|form| form.as_str() == name)
    }

    /// The name in a policy bundle.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compat => "compat",
            Self::Strict => "strict",
            Self::Unambiguous => "unambiguous",
        }
    }

    /// The normal form of `raw`, if `raw` stands in this form.
    ///
    /// `raw` is what follows the target's first `?`; `None` when the target has none.
    pub fn read(self, raw: Option<&[u8]>) -> Result<Cow<'_, str>, QueryError> {
        let Some(raw) = raw else {
            return Ok(Cow::Borrowed(""));
        };
        match as_sent(raw) {
            Some(normal) => Ok(Cow::Borrowed(normal)),
            None => self.decoded(raw).map(Cow::Owned),
        }
    }

    fn decoded(self, raw: &[u8]) -> Result<String, QueryError> {
        let query = Query::decode(raw)?;
        let stands = match self {
            Self::Compat => true,
            // `/p?` and `/p` have one normal form.
            Self::Strict => !raw.is_empty() && query.normal().as_bytes() == raw,
            // The normaliser drops one leading `?`; a parser takes it for part of the first key.
            Self::Unambiguous => {
                raw.first() != Some(&b'?') && raw.split(|byte| *byte == b'&').all(plain) && query.ordered()
            }
        };
        if stands { Ok(query.normal()) } else { Err(QueryError) }
    }
}

/// The normal form `rfc3986-sort-keys-values` of a raw query, as transcript-v1 binds it.
///
/// Drop one leading `?`, split on `&`, split each part at its first `=`, percent-decode, re-encode
/// everything but unreserved characters, sort by encoded key, encoded value and position, join.
pub fn normalize_query(raw: &[u8]) -> Result<String, QueryError> {
    Query::decode(raw).map(|query| query.normal())
}

/// A part of the query as ranges of the encoded text.
struct Part {
    key: Range<usize>,
    value: Range<usize>,
}

/// The parts of a query, re-encoded.
struct Query {
    encoded: String,
    parts: Vec<Part>,
    /// The places of the parts, sorted.
    order: Vec<usize>,
}

impl Query {
    fn decode(raw: &[u8]) -> Result<Self, QueryError> {
        let raw = raw.strip_prefix(b"?").unwrap_or(raw);
        let mut encoded = String::with_capacity(raw.len());
        let mut parts = Vec::new();
        if !raw.is_empty() {
            let mut scratch = Vec::new();
            for part in raw.split(|byte| *byte == b'&') {
                let mut halves = part.splitn(2, |byte| *byte == b'=');
                let key = recode(halves.next().unwrap_or_default(), &mut scratch, &mut encoded)?;
                let value = recode(halves.next().unwrap_or_default(), &mut scratch, &mut encoded)?;
                parts.push(Part { key, value });
            }
        }
        let mut query = Self { encoded, parts, order: Vec::new() };
        query.order = sorted(query.parts.len(), &|a, b| query.part(a).cmp(&query.part(b)));
        Ok(query)
    }

    fn normal(&self) -> String {
        let mut normal = String::with_capacity(self.encoded.len().saturating_add(self.parts.len().saturating_mul(2)));
        for (index, place) in self.order.iter().enumerate() {
            if index > 0 {
                normal.push('&');
            }
            let (key, value) = self.part(*place);
            normal.push_str(key);
            normal.push('=');
            normal.push_str(value);
        }
        normal
    }

    /// Whether repeated keys came with their values in sorted order.
    fn ordered(&self) -> bool {
        self.order.is_sorted_by(|a, b| self.part(*a).0 != self.part(*b).0 || a < b)
    }

    /// A part's key and value.
    fn part(&self, place: usize) -> (&str, &str) {
        let text = |range: &Range<usize>| self.encoded.get(range.clone()).unwrap_or_default();
        self.parts.get(place).map_or(("", ""), |part| (text(&part.key), text(&part.value)))
    }
}

/// Appends the normal form of one key or value and says where it stands.
fn recode(raw: &[u8], scratch: &mut Vec<u8>, encoded: &mut String) -> Result<Range<usize>, QueryError> {
    let start = encoded.len();
    scratch.clear();
    let mut rest = raw.iter();
    while let Some(byte) = rest.next() {
        scratch.push(match byte {
            b'%' => escaped(rest.next(), rest.next()).ok_or(QueryError)?,
            byte => *byte,
        });
    }
    str::from_utf8(scratch).map_err(|_| QueryError)?;
    for byte in scratch.iter() {
        if unreserved(*byte) {
            encoded.push(char::from(*byte));
        } else {
            encoded.push('%');
            encoded.push(upper_digit(byte >> 4));
            encoded.push(upper_digit(byte & 0x0f));
        }
    }
    Ok(start..encoded.len())
}

/// Whether a raw part is in the `unambiguous` form.
fn plain(part: &[u8]) -> bool {
    let mut rest = part.iter();
    while let Some(byte) = rest.next() {
        let stands = match byte {
            // Decoders agree on these, raw or escaped.
            b'!' | b'$' | b'\'' | b'(' | b')' | b'*' | b',' | b'/' | b':' | b'?' | b'@' | b'[' | b']' => true,
            // The first ends the key; any later one is the value's.
            b'=' => true,
            b'%' => escaped(rest.next(), rest.next()).is_some_and(|byte| byte == b'~' || !unreserved(byte)),
            byte => unreserved(*byte),
        };
        if !stands {
            return false;
        }
    }
    // Empty parts are kept by the normaliser and dropped by parsers.
    !part.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_form(form: QueryForm, raw: &str) -> bool {
        form.read(Some(raw.as_bytes())).is_ok()
    }

    #[test]
    fn strict_takes_only_the_normal_form() {
        for raw in ["a=1", "a=10&a=2", "a=%2F&b=", "=v", "="] {
            assert!(in_form(QueryForm::Strict, raw), "{raw}");
        }
        for raw in ["", "a", "b=1&a=1", "a=/", "a=%2f", "a=%7E", "?a=1", "a=1&", "a=b=c"] {
            assert!(!in_form(QueryForm::Strict, raw), "{raw}");
        }
    }

    #[test]
    fn unambiguous_takes_what_parsers_read_alike() {
        for raw in [
            "a",
            "a=",
            "b=1&a=2",
            "a=1&b=0&a=2",
            "a=/:?@!$'()*,[]",
            "a=b=c",
            "a=%7e&b=%2f",
            "a=%20b",
            "a=%C3%A9",
            "a=~",
            "a?=1",
            "a=%26",
            "=v",
        ] {
            assert!(in_form(QueryForm::Unambiguous, raw), "{raw}");
        }
        for raw in [
            "",
            "?a=1",
            "a=1&",
            "&a=1",
            "a&&b",
            "a+b=1",
            "a;b=1",
            "a=\u{e9}",
            "a=%41",
            "a=2&a=1",
            "a=10&a=2&a=1",
            "a= 1",
            "a=\"",
            "a=<",
            "a=\\",
            "a=^",
            "a=`",
            "a={",
            "a=|",
            "a=1#f",
            "a=\t",
        ] {
            assert!(!in_form(QueryForm::Unambiguous, raw), "{raw}");
        }
    }

    #[test]
    fn a_missing_query_is_in_every_form_and_a_bare_mark_only_in_compat() {
        for form in [QueryForm::Compat, QueryForm::Strict, QueryForm::Unambiguous] {
            assert_eq!(form.read(None), Ok("".into()));
        }
        assert_eq!(QueryForm::Compat.read(Some(b"")), Ok("".into()));
        assert_eq!(QueryForm::Unambiguous.read(Some(b"")), Err(QueryError));
    }

    #[test]
    fn bad_escapes_are_refused_in_every_form() {
        for raw in ["a=%", "a=%2", "a=%zz", "a=%ff", "a=%C3%28", "a=%ED%A0%80", "%=1"] {
            assert!(!in_form(QueryForm::Compat, raw), "{raw}");
            assert_eq!(normalize_query(raw.as_bytes()), Err(QueryError));
        }
    }

    #[test]
    fn sorting_is_by_encoded_key_then_value_then_position() {
        for (raw, normal) in [
            ("z=last&a=2&a=10&space=a%20b&encoded=%7E&empty=", "a=10&a=2&empty=&encoded=~&space=a%20b&z=last"),
            ("??a=1", "%3Fa=1"),
            ("&", "=&="),
            ("A=2&a=1&_=0", "A=2&_=0&a=1"),
            ("z=1&%61=1", "a=1&z=1"),
            ("a+b=c+d", "a%2Bb=c%2Bd"),
        ] {
            assert_eq!(normalize_query(raw.as_bytes()).as_deref(), Ok(normal));
        }
    }
}
