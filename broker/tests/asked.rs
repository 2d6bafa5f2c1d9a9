//! A request is taken only if its parts are canonical and agree with one another.

use serde_json::Value;
use trustplane_broker::Asked;
use trustplane_broker::ipc::Request;
use trustplane_core::{hex, sha256};

fn published() -> Request {
    let text = include_str!("../../core-nostd/vectors/broker-ipc-v1.success.json");
    let mut vector: Value = serde_json::from_str(text).unwrap();
    serde_json::from_value(vector["request"].take()).unwrap()
}

#[test]
fn requests_whose_parts_contradict_each_other_are_invalid_at_their_place() {
    type Change = fn(&mut Request);
    let cases: &[(&str, Change)] = &[
        ("/request/http/method", |r| r.http.method = "post".into()),
        ("/request/http/method", |r| r.http.method = "POST\nscheme=http".into()),
        ("/request/http/method", |r| r.http.method = "TRACE".into()),
        ("/request/http/scheme", |r| r.http.scheme = "HTTPS".into()),
        ("/request/http/scheme", |r| r.http.scheme = String::new()),
        ("/request/http/authority", |r| r.http.authority = "Orders.example".into()),
        ("/request/http/authority", |r| r.http.authority = "a@orders.example".into()),
        ("/request/http/authority", |r| r.http.authority = "orders.example,evil.example".into()),
        ("/request/http/authority", |r| r.http.authority = "orders%2eexample".into()),
        ("/request/http/authority", |r| r.http.authority = "orders.example\npath=/".into()),
        ("/request/http/path", |r| r.http.path = "v1/orders".into()),
        ("/request/http/path", |r| r.http.path = "/v1/orders?a=1".into()),
        ("/request/http/path", |r| r.http.path = "/v1/orders\naudience=x".into()),
        ("/request/http/path", |r| r.http.path = "/v1/../admin".into()),
        ("/request/http/path", |r| r.http.path = "/v1//orders".into()),
        ("/request/http/path", |r| r.http.path = "/v1/a%2fb".into()),
        ("/request/http/path", |r| r.http.path = "/v1/\u{e9}".into()),
        ("/request/http", |r| r.http.route_id = "r\u{7f}".into()),
        ("/request/http", |r| r.http.audience = " orders-api".into()),
        ("/request/http", |r| r.http.content_encoding = String::new()),
        ("/request/http/content_encoding", |r| r.http.content_encoding = "GZIP".into()),
        ("/request/http/query/raw", |r| r.http.query.raw = "?currency=USD&expand=items".into()),
        ("/request/http/query/raw", |r| r.http.query.raw = "a=%zz".into()),
        ("/request/http/query/raw", |r| r.http.query.raw = "a=%ff".into()),
        ("/request/http/query/normalized", |r| r.http.query.normalized = "currency=EUR&expand=items".into()),
        ("/request/http/query/normalized", |r| r.http.query.raw = "currency=EUR&expand=items".into()),
        ("/request/http/query/sha256", |r| r.http.query.sha256 = "0".repeat(64)),
        ("/request/http/query/normalization", |r| r.http.query.normalization = "none".into()),
        ("/request/http/headers/allow_list", |r| r.http.headers.allow_list.reverse()),
        ("/request/http/headers/allow_list", |r| r.http.headers.allow_list.insert(0, "content-type".into())),
        ("/request/http/headers/selected", |r| r.http.headers.selected.reverse()),
        ("/request/http/headers/selected", |r| drop(r.http.headers.selected.pop())),
        ("/request/http/headers/selected", |r| r.http.headers.allow_list.insert(0, "accept".into())),
        ("/request/http/headers/selected", |r| {
            r.http.headers.allow_list.pop();
            r.http.headers.selected.pop();
        }),
        ("/request/http/headers/selected", |r| r.http.nonce = "another-nonce".into()),
        ("/request/http/headers/selected/0/value_sha256", |r| {
            r.http.headers.selected[0].value_sha256.make_ascii_uppercase()
        }),
        ("/request/http", |r| {
            r.http.headers.allow_list[0] = "Content-Type".into();
            r.http.headers.selected[0].name = "Content-Type".into();
        }),
        ("/request/http", |r| {
            r.http.headers.allow_list[0] = "a,b".into();
            r.http.headers.selected[0].name = "a,b".into();
        }),
        ("/request/http/body_sha256", |r| r.http.body_sha256.push('0')),
        ("/request/http/body_sha256", |r| r.http.body_sha256 = "x".into()),
        ("/request/http/nonce", |r| with_nonce(r, "")),
        ("/request/http/nonce", |r| with_nonce(r, "a b")),
        ("/request/http/nonce", |r| with_nonce(r, "a\nissued_at=1")),
        ("/request/http/nonce", |r| with_nonce(r, &"n".repeat(257))),
        ("/request/key_binding/intent", |r| r.key_binding.intent = "any".into()),
        ("/request/key_binding/requested_key_binding", |r| r.key_binding.requested_key_binding = "Software".into()),
        ("/request/key_binding/acceptable_key_bindings/1", |r| r.key_binding.acceptable_key_bindings[1] = "tpm".into()),
        ("/request/ctx/selected_fields/5", |r| r.ctx.selected_fields.push("missing".into())),
        ("/request/ctx/selected_fields/5", |r| r.ctx.selected_fields.push("purpose".into())),
        ("/request/ctx/selected_fields/1", |r| drop(r.ctx.values.insert("purpose".into(), "a\nb".into()))),
        ("/request/request_id", |r| r.request_id = "a\u{1}".into()),
    ];
    for (at, change) in cases {
        let mut request = published();
        Asked::check(&request).unwrap();
        change(&mut request);
        let fault = Asked::check(&request).unwrap_err();
        assert_eq!(fault.pointer, *at, "{fault}");
    }
}

/// A nonce, with the header that carries it.
fn with_nonce(request: &mut Request, nonce: &str) {
    request.http.nonce = nonce.into();
    request.http.headers.selected[1].value_sha256 = hex(&sha256(nonce.as_bytes()));
}
