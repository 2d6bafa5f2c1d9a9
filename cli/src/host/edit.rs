use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use trustplane_core::Upstream;

/// Makes the edits that go with an allow; `None` when one cannot be made.
pub(super) fn edit(headers: &mut HeaderMap, upstream: &Upstream) -> Option<()> {
    for name in upstream.remove() {
        headers.remove(HeaderName::from_bytes(name).ok()?);
    }
    for (name, value) in upstream.set() {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).ok()?);
    }
    Some(())
}
