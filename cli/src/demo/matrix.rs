use std::path::Path;

use trustplane_broker::SigningKey;
use trustplane_core::{KeyBinding, Reason};

use super::broker;
use super::bundles;
use super::race::race;
use super::row::Row;
use super::tiers;
use super::twins::{self, Twins};
use super::workload::Workload;
use crate::client::{Answer, Message};
use crate::clock;
use crate::exit::Fault;
use crate::local::{Draft, Up};

/// Runs every case, telling each row as it comes.
pub(crate) async fn run(
    up: &Up,
    program: &Path,
    workload: Option<&mut Workload>,
    pair: Option<&Twins>,
    mut tell: impl FnMut(&Row) -> Result<(), Fault>,
) -> Result<Vec<Row>, Fault> {
    let mut rows = Vec::new();
    let mut done = |row: Row| {
        let told = tell(&row);
        rows.push(row);
        told
    };
    let first = sign(up, &read())?;
    let (row, answer) = Row::send(up, "GET /orders/7?expand=items, signed", &first, Reason::RequestAllowed).await;
    done(row.unless(answer.and_then(|answer| credentials_seen(&answer))))?;
    for Case { name, message, expected } in cases(up, &first)? {
        done(Row::send(up, name, &message, expected).await.0)?;
    }
    let mut forged = sign(up, &read())?;
    forged.set("X-TrustPlane-Subject", "service:admin");
    let (row, answer) = Row::send(up, "forged X-TrustPlane-Subject header", &forged, Reason::RequestAllowed).await;
    done(row.unless(answer.and_then(|answer| identity_forged(&answer))))?;
    tiers::rows(up, &mut done).await?;
    if let Some(own) = up.broker() {
        broker::rows(up, own, &mut done).await?;
    }
    bundles::rows(up, program, &mut done).await?;
    if let Some(workload) = workload {
        workload.rows(&mut done).await?;
    }
    done(race(up).await?)?;
    if let Some(pair) = pair {
        done(twins::race(pair).await?)?;
    }
    Ok(rows)
}

struct Case {
    name: &'static str,
    message: Message,
    expected: Reason,
}

fn read() -> Draft {
    Draft::get("/orders/7?expand=items")
}

fn write() -> Draft {
    Draft::post(r#"{"item":"book","count":1}"#)
}

fn sign(up: &Up, draft: &Draft) -> Result<Message, Fault> {
    up.caller().sign(draft, up.listener(), clock::now())
}

/// What is changed on the way, and what was never right.
fn cases(up: &Up, first: &Message) -> Result<Vec<Case>, Fault> {
    let mut cases = vec![Case { name: "the same request again", message: first.clone(), expected: Reason::JtiReplay }];
    let mut add = |name, message, expected| cases.push(Case { name, message, expected });
    let changed = |draft: Draft, change: &dyn Fn(&mut Message)| -> Result<Message, Fault> {
        let mut message = sign(up, &draft)?;
        change(&mut message);
        Ok(message)
    };
    add("POST /orders with a JSON body, signed", sign(up, &write())?, Reason::RequestAllowed);

    let mismatch = Reason::RequestBindingMismatch;
    add("changed method: GET to PUT", changed(read(), &|message| message.method = "PUT".into())?, mismatch);
    add("changed path", changed(read(), &|message| message.target = "/orders/8?expand=items".into())?, mismatch);
    add("changed query", changed(read(), &|message| message.target = "/orders/7?expand=all".into())?, mismatch);
    add("changed body", changed(write(), &|message| message.body = br#"{"item":"book","count":9}"#.into())?, mismatch);
    add("changed covered header", changed(write(), &|message| message.set("Content-Type", "text/plain"))?, mismatch);
    add("added header", changed(read(), &|message| message.set("X-Tenant", "other"))?, mismatch);
    add("changed authority", changed(read(), &|message| message.authority = "orders.example".into())?, mismatch);
    add("changed nonce", changed(read(), &|message| message.set("X-TrustPlane-Nonce", "0".repeat(32)))?, mismatch);

    let other = sign(up, &read())?;
    let proof = other.header("X-TrustPlane-Proof").unwrap_or_default();
    add(
        "broken proof: another request's",
        changed(read(), &|message| message.set("X-TrustPlane-Proof", proof))?,
        Reason::InvalidRequestProof,
    );
    add("no passport", changed(read(), &|message| message.remove("Authorization"))?, Reason::MissingPassport);
    add("unknown key id", sign(up, &Draft { kid: "orders-client-9", ..read() })?, Reason::UnknownIssuerKey);
    let stranger = SigningKey::generate().map_err(|err| Fault::new(err.to_string()))?;
    let forged = up.caller().forge(&stranger, &read(), up.listener(), clock::now())?;
    add("passport signed by a stranger's key", forged, Reason::InvalidPassportSignature);
    add("expired passport", sign(up, &Draft { age: 400, ttl: 300, ..read() })?, Reason::PassportExpired);
    add("wrong audience", sign(up, &Draft { audience: "billing-api", ..read() })?, Reason::AudienceMismatch);
    add(
        "wrong subject",
        sign(up, &Draft { subject: "service:other-client", ..read() })?,
        Reason::SourceSubjectMismatch,
    );
    let payouts = Draft { route_id: "payouts.read", ..Draft::get("/payouts/7") };
    add("class below the route's", sign(up, &payouts)?, Reason::InsufficientKeyBinding);
    let boast = Draft { key_binding: KeyBinding::HardwareLocal, ..payouts };
    add("class above what the issuer may grant", sign(up, &boast)?, Reason::InsufficientKeyBinding);
    let prices = Draft { route_id: "prices.read", ..Draft::get("/prices/7") };
    add("route that wants a fresher bundle", sign(up, &prices)?, Reason::StaleBundleFailClosed);
    add("revoked subject", sign(up, &Draft { subject: "service:former-client", ..read() })?, Reason::PassportRevoked);
    add("path that no route serves", sign(up, &Draft::get("/invoices/7"))?, Reason::BundleRouteMissing);
    Ok(cases)
}

/// The passport is the caller's: the upstream learns who called, not how to call as them.
fn credentials_seen(answer: &Answer) -> Option<String> {
    let leaked = seen(answer, "authorization").or_else(|| seen(answer, "x-trustplane-proof"));
    match (leaked, seen(answer, "x-trustplane-subject")) {
        (Some(_), _) => Some("the upstream saw the caller's credentials".into()),
        (None, Some(subject)) if subject == Draft::get("/").subject => None,
        (None, subject) => Some(format!("the upstream was told the subject {subject:?}")),
    }
}

fn identity_forged(answer: &Answer) -> Option<String> {
    let subject = seen(answer, "x-trustplane-subject");
    (subject.as_deref() != Some(Draft::get("/").subject))
        .then(|| format!("the upstream was told the subject {subject:?}"))
}

/// A header that the upstream says it saw: every copy, joined.
fn seen(answer: &Answer, name: &str) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    let headers = body.get("headers")?.as_array()?;
    let values: Vec<_> = headers.iter().filter(|pair| pair[0] == name).filter_map(|pair| pair[1].as_str()).collect();
    (!values.is_empty()).then(|| values.join(","))
}
