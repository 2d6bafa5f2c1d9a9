use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response, StatusCode};

use super::{not_allowed, plain, respond};
use crate::replay::{Question, Replay};

/// Where passports are consumed.
pub(super) const PATH: &str = "/v1/replay/consume";

/// A question comes in one piece; whoever takes longer is not a verifier that still waits.
const BODY_TIME: Duration = Duration::from_secs(1);

/// Consumes the passport that the request is about.
pub(super) async fn answer(replay: &Replay, request: Request<Incoming>) -> Response<Full<Bytes>> {
    if request.method() != Method::POST {
        return not_allowed("POST");
    }
    let body = Limited::new(request.into_body(), Question::MOST_BYTES).collect();
    let Ok(Ok(body)) = tokio::time::timeout(BODY_TIME, body).await else {
        return plain(StatusCode::BAD_REQUEST, "no body, or one that is too long\n");
    };
    match Question::parse(&body.to_bytes()) {
        Ok(question) => {
            let answer = replay.consume(&question).await;
            let json = HeaderValue::from_static("application/json");
            respond(answer.status(), answer.body(&question).into(), json)
        }
        Err(fault) => plain(StatusCode::BAD_REQUEST, format!("{fault}\n")),
    }
}
