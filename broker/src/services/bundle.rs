use std::fmt::Write as _;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AGE, ETAG, HeaderValue, IF_NONE_MATCH};
use hyper::{Request, Response, StatusCode};

use super::{plain, respond};
use crate::bundle::BundleFile;

/// Serves the last good bundle. Where the file no longer holds it, `Age` (RFC 9111 section 5.1) says
/// since when, so that verifiers let its freshness run out.
pub(super) async fn answer<B>(file: &BundleFile, request: &Request<B>) -> Response<Full<Bytes>> {
    let Some((served, age)) = file.current().await else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "there was no sound bundle yet\n");
    };
    let asked = request.headers().get_all(IF_NONE_MATCH).iter();
    let unchanged = asked.filter_map(|value| value.to_str().ok()).any(|tags| served.matches(tags));
    let (status, body) =
        if unchanged { (StatusCode::NOT_MODIFIED, Bytes::new()) } else { (StatusCode::OK, served.bytes.clone()) };
    let mut response = respond(status, body, HeaderValue::from_static("application/json"));
    if let Ok(tag) = HeaderValue::from_str(&served.etag) {
        response.headers_mut().insert(ETAG, tag);
    }
    if !age.is_zero() {
        response.headers_mut().insert(AGE, HeaderValue::from(age.as_secs().saturating_add(1)));
    }
    response
}

/// The text format of Prometheus, version 0.0.4.
pub(super) fn render(bundles: &[BundleFile]) -> String {
    let mut text = String::new();
    if bundles.is_empty() {
        return text;
    }
    text += "# HELP trustplane_broker_bundle_issued_at_seconds When the bundle that is served was issued.\n\
             # TYPE trustplane_broker_bundle_issued_at_seconds gauge\n";
    for file in bundles {
        if let Some(at) = file.issued_at() {
            let (kind, at) = (file.kind(), at.as_secs());
            // Writing to a String does not fail.
            let _ = writeln!(text, "trustplane_broker_bundle_issued_at_seconds{{bundle=\"{kind}\"}} {at}");
        }
    }
    text += "# HELP trustplane_broker_bundle_refusals_total Changes of a bundle's file that were refused.\n\
             # TYPE trustplane_broker_bundle_refusals_total counter\n";
    for file in bundles {
        let (kind, count) = (file.kind(), file.refusals());
        let _ = writeln!(text, "trustplane_broker_bundle_refusals_total{{bundle=\"{kind}\"}} {count}");
    }
    text
}
