//! TLS at the adapter: either protocol, and a certificate that is renewed.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use nix::sys::signal::Signal;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use trustplane::clock;
use trustplane::upstream::Echo;
use trustplane_wasm_tests::load::{Order, Wire};
use trustplane_wasm_tests::store::Fallible;

use crate::exchange::{PATIENCE, expect, hold};
use crate::process::{Documents, Proxy};
use crate::tls;

/// The caller's choice of protocol holds, and a renewed certificate is shown after SIGHUP.
pub fn secured(name: &str) -> Fallible<()> {
    let (documents, echo) = (Documents::new(name, clock::now())?, Echo::start()?);
    let files = tls::certificate(documents.folder())?;
    let (chain, key) = (files.certificate.display().to_string(), files.private_key.display().to_string());
    let flags = ["--tls-cert", &chain, "--tls-key", &key];
    let proxy = crate::proxy::warm(&documents, echo.address(), &flags)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ask = |version| runtime.block_on(ask(&proxy, &files.certificate, &sign(&documents)?, version));
    expect("HTTP/2", "200", &ask(Version::HTTP_2)?)?;
    expect("HTTP/1.1", "200", &ask(Version::HTTP_11)?)?;

    tls::certificate(documents.folder())?;
    hold(ask(Version::HTTP_2).is_err(), &"the new certificate is shown before SIGHUP")?;
    proxy.signal(Signal::SIGHUP)?;
    let began = Instant::now();
    while ask(Version::HTTP_2).ok().as_deref() != Some("200") {
        hold(began.elapsed() < PATIENCE, &proxy.log()?)?;
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn sign(documents: &Documents) -> Fallible<Wire> {
    let order = Order::new(documents.callers.number(), &Arc::from([]), clock::now());
    Ok(documents.callers.sign(&order)?)
}

async fn ask(proxy: &Proxy, root: &Path, wire: &Wire, version: Version) -> Fallible<String> {
    let stream = connect(proxy, root, if version == Version::HTTP_2 { b"h2" } else { b"http/1.1" }).await?;
    let text = String::from_utf8(wire.head.clone())?;
    let mut lines = text.split("\r\n").take_while(|line| !line.is_empty());
    let target = lines.next().and_then(|line| line.split(' ').nth(1)).ok_or("no target")?;
    let uri = if version == Version::HTTP_2 { format!("https://bench.example{target}") } else { target.to_owned() };
    let mut request = Request::builder().uri(uri).version(version);
    let pairs = lines.filter_map(|line| line.split_once(": "));
    for (name, value) in pairs.filter(|(name, _)| version != Version::HTTP_2 || *name != "host") {
        request = request.header(name, value);
    }
    let request = request.body(Full::<Bytes>::default())?;
    let response = match version {
        Version::HTTP_2 => {
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            sender.send_request(request).await?
        }
        _ => {
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            sender.send_request(request).await?
        }
    };
    let status = response.status().as_str().to_owned();
    response.into_body().collect().await?;
    Ok(status)
}

async fn connect(proxy: &Proxy, root: &Path, protocol: &[u8]) -> Fallible<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(root)?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let mut config = config.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(proxy.address).await?;
    let name = ServerName::from(proxy.address.ip());
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    match stream.get_ref().1.alpn_protocol() {
        Some(agreed) if agreed == protocol => Ok(stream),
        other => Err(format!("agreed on {other:?}").into()),
    }
}
