use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;
use trustplane_core::json::{JsonError, locate};

use crate::exit::Fault;
use crate::value::compact;

/// A status and a JSON document.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) document: String,
}

impl Reply {
    /// A document that answers what was asked.
    pub(crate) fn new(status: StatusCode, document: &impl serde::Serialize) -> Self {
        Self { status, document: compact(document) }
    }

    /// What is wrong with the question, and where.
    pub(crate) fn faulty(body: &[u8], error: JsonError) -> Self {
        let position = error.position.or_else(|| locate(body, &error.pointer));
        let problem = match position {
            Some(at) => format!("{} (line {}, column {})", error.problem, at.line, at.column),
            None => error.problem,
        };
        let fault = Fault { source: None, pointer: error.pointer, problem };
        Self { status: StatusCode::BAD_REQUEST, document: json!({ "error": fault }).to_string() }
    }

    /// What is wrong besides the document.
    pub(super) fn refused(status: StatusCode, problem: &str) -> Self {
        Self { status, document: json!({ "error": Fault::new(problem) }).to_string() }
    }

    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let Self { status, mut document } = self;
        document.push('\n');
        let mut response = Response::new(Full::new(Bytes::from(document)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // Passports and decisions are for whoever asked, once.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}
