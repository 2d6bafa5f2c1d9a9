use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;
use trustplane_broker::client::{Ask, headers};
use trustplane_broker::ipc::{Envelope, KIND, MAX_LINE_BYTES, Request, Response, VERSION};
use trustplane_core::{KeyBinding, Reason, sha256};

use super::abuse;
use super::row::Row;
use crate::client::Message;
use crate::exit::Fault;
use crate::local::{AUDIENCE, Broker, Up};

const PATIENCE: Duration = Duration::from_secs(10);

/// A caller without any key: the broker's passports pass like others, and its refusals have reasons.
pub(super) async fn rows(
    up: &Up,
    broker: &Broker,
    mut done: impl FnMut(Row) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mismatch = Reason::RequestBindingMismatch;
    let socket = broker.socket();
    let read = order(up, "GET")?;
    let first = issued(socket, &read).await?;
    done(Row::send(up, "broker: GET /orders/7, no key held", &first, Reason::RequestAllowed).await.0)?;
    done(Row::send(up, "broker: the same request again", &first, Reason::JtiReplay).await.0)?;
    let write = issued(socket, &order(up, "POST")?).await?;
    done(Row::send(up, "broker: POST /orders, no key held", &write, Reason::RequestAllowed).await.0)?;
    let mut other = issued(socket, &order(up, "GET")?).await?;
    other.target = "/orders/8".into();
    done(Row::send(up, "broker: issued for another path", &other, mismatch).await.0)?;

    let asked = |change: &dyn Fn(&mut Request)| {
        let mut request = order(up, "GET")?.request;
        change(&mut request);
        line(&request)
    };
    let good = asked(&|_| {})?;
    let good = good.trim_ascii_end();
    let abuses = [
        ("broker: wrong route", asked(&|it| it.http.route_id = "payouts.read".into())?, Reason::BrokerRouteDenied),
        ("broker: stale nonce", line(&read.request)?, Reason::BrokerNonceStale),
        (
            "broker: class it does not have",
            asked(&|it| {
                let class = KeyBinding::HardwareLocal.as_str();
                it.key_binding.requested_key_binding = class.into();
                it.key_binding.acceptable_key_bindings = vec![class.into()];
            })?,
            Reason::InsufficientKeyBinding,
        ),
        (
            "broker: unknown operation",
            asked(&|it| it.operation = "export_key".into())?,
            Reason::BrokerUnsupportedOperation,
        ),
        ("broker: malformed line", b"{\"version\":\n".to_vec(), Reason::BrokerRequestInvalid),
        ("broker: two JSON values in one line", [good, good, b"\n"].concat(), Reason::BrokerRequestInvalid),
        (
            "broker: line longer than 64 KiB",
            [&vec![b' '; MAX_LINE_BYTES][..], good, b"\n"].concat(),
            Reason::BrokerRequestInvalid,
        ),
    ];
    for (case, line, expected) in abuses {
        let before = up.upstream().count();
        let start = Instant::now();
        let actual = match exchange(socket, &line).await {
            Ok(response) => response.reason_code,
            Err(err) => err.to_string(),
        };
        let seen = up.upstream().count() - before;
        done(Row::of(case, (expected.as_str().into(), 0), (actual, seen), start.elapsed()))?;
    }

    abuse::rows(up, broker, &mut done).await?;
    let after = issued(socket, &order(up, "GET")?).await?;
    done(Row::send(up, "broker: serves after all of that", &after, Reason::RequestAllowed).await.0)
}

/// What is asked of the broker, and the request that it is about.
pub(super) struct Order {
    pub(super) request: Request,
    message: Message,
}

pub(super) fn order(up: &Up, method: &'static str) -> Result<Order, Fault> {
    let authority = up.listener().to_string();
    let (path, route_id, body) = match method {
        "POST" => ("/orders", "orders.create", &br#"{"item":"book","count":1}"#[..]),
        _ => ("/orders/7", "orders.read", &b""[..]),
    };
    let content_type = [("Content-Type", "application/json")];
    let covered = if body.is_empty() { &[][..] } else { &content_type[..] };
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|err| Fault::new(err.to_string()))?;
    let ask = Ask {
        method,
        scheme: "http",
        authority: &authority,
        path,
        query: "",
        content_encoding: "identity",
        headers: covered,
        audience: AUDIENCE,
        route_id,
        body_sha256: sha256(body),
        random,
        key_binding: KeyBinding::Software,
        allow_software_fallback: false,
        context: &[("purpose", "demo")],
    };
    let request = ask.request().map_err(|err| Fault::new(err.to_string()))?;
    let headers = covered.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let message = Message { method: method.into(), target: path.into(), authority, headers, body: body.into() };
    Ok(Order { request, message })
}

/// The order's message with the headers that the broker issues for it.
async fn issued(socket: &Path, order: &Order) -> Result<Message, Fault> {
    let response = exchange(socket, &line(&order.request)?).await.map_err(|err| Fault::file(socket, err))?;
    let Some(own) = headers(&order.request, &response) else {
        return Err(Fault::file(socket, format!("the broker refused: {}", response.reason_code)));
    };
    let mut message = order.message.clone();
    message.headers.extend(own.into_iter().map(|(name, value)| (name.to_owned(), value)));
    Ok(message)
}

pub(super) fn line(request: &Request) -> Result<Vec<u8>, Fault> {
    let envelope = Envelope { version: VERSION.into(), kind: KIND.into(), request: request.clone() };
    let mut line = serde_json::to_vec(&envelope).map_err(|err| Fault::new(err.to_string()))?;
    line.push(b'\n');
    Ok(line)
}

pub(super) async fn exchange(socket: &Path, line: &[u8]) -> io::Result<Response> {
    let talk = async {
        let mut stream = UnixStream::connect(socket).await?;
        stream.write_all(line).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(serde_json::from_slice(&answer)?)
    };
    timeout(PATIENCE, talk).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
