//! An axum service that verifies for itself.
//! `cargo run --example axum --features layer -- policy.json trust.json PUBLIC-KEY`

use std::error::Error;
use std::io::{Write as _, stdout};
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;
use tokio::net::TcpListener;
use trustplane::clock;
use trustplane::host::{BundleFiles, Host, Log, Memory, Pins};
use trustplane::layer::VerifyLayer;
use trustplane_core::{Pin, PublicKey, Settings};

/// The layer goes around the whole router, after its routes: what is nested sees other paths than callers
/// signed.
pub fn app(host: Arc<Host>) -> Router {
    Router::new().route("/orders/{id}", get(order).post(order)).layer(VerifyLayer::new(host))
}

/// Who called is in headers that no caller can send.
async fn order(axum::extract::Path(id): axum::extract::Path<String>, headers: HeaderMap, body: String) -> String {
    let subject = headers.get("x-trustplane-subject").and_then(|value| value.to_str().ok()).unwrap_or("nobody");
    format!("order {id} of {subject}: {body}")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(policy), Some(trust), Some(key)) = (args.next(), args.next(), args.next()) else {
        return Err("which policy bundle, trust material and public key?".into());
    };
    let key = PublicKey::from_base64url(&key).map_err(|error| error.to_string())?;
    let pins = Pins { policy: Pin::Key(key.clone()), trust: Pin::Key(key) };
    let bundles =
        BundleFiles::open(Path::new(&policy), Path::new(&trust), pins, Settings::default(), &Log::stderr()).await?;
    // One process; several that serve the same routes need `Replay`, with one Redis.
    let store = Memory::new(1 << 20, clock::now(), 2);
    let host = Host::new(Some(bundles.verifier()), store)
        .with_audit(|event, component| writeln!(stdout(), "{}", event.to_json(component)));
    let host = Arc::new(host);
    tokio::spawn(bundles.follow(Arc::clone(&host)));
    axum::serve(TcpListener::bind("127.0.0.1:3000").await?, app(host)).await?;
    Ok(())
}
