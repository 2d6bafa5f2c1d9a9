use std::fmt;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::sleep;
use trustplane_broker::{AuditLog, Log, Replay, Target};
use trustplane_core::{Component, Settings};

use super::{AdapterCommand, RoutePolicyMode, Store};
use crate::adapter::{Adapter, Admin, Upstream};
use crate::clock;
use crate::exit::{Fault, Verdict};
use crate::host::{BundleFiles, Host, LOOK_EVERY, Memory, ReplayStore};

/// Serves until SIGTERM or SIGINT.
pub(super) async fn until_told(command: &AdapterCommand, settings: Settings) -> Result<Verdict, Fault> {
    let listen = |kind| signal(kind).map_err(|err| Fault::of("signals", err));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut reload = listen(SignalKind::hangup())?;

    let (policy, trust) = (&command.policy_bundle, &command.bundle);
    let mut bundles = BundleFiles::open(policy, trust, command.pins.pins()?, settings, &stderr()).await?;
    let audit = Arc::new(audit_log(command)?);
    let adapter = Arc::new(adapter(command, &bundles, Arc::clone(&audit)).await?);
    let admin = Arc::new(Admin::new(Arc::clone(&adapter)));
    let (stop, stopped) = watch::channel(false);

    let (listener, at) = bind("--listen", command.listen).await?;
    if let Some(address) = command.admin_listen {
        let (listener, at) = bind("--admin-listen", address).await?;
        tokio::spawn(Arc::clone(&admin).listen(listener));
        log(format_args!("admin on http://{at}"));
    }
    let scheme = if adapter.certificate().is_some() { "https" } else { "http" };
    log(format_args!("listening on {scheme}://{at}, in front of {}", command.upstream));
    let serving = tokio::spawn(Arc::clone(&adapter).listen(listener, stopped));

    loop {
        admin.tell(bundles.render(clock::now()));
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = reload.recv() => read_again(&adapter, &audit),
            () = sleep(LOOK_EVERY) => {}
        }
        bundles.look().await;
        adapter.host().replace(bundles.verifier());
    }
    log(format_args!("stopping"));
    admin.stop();
    stop.send_replace(true);
    let drained = serving.await.unwrap_or(false);
    log(format_args!("{}", if drained { "stopped" } else { "stopped with connections open" }));
    Ok(Verdict::Allow)
}

async fn adapter(command: &AdapterCommand, bundles: &BundleFiles, audit: Arc<AuditLog>) -> Result<Adapter, Fault> {
    let store = store(command).await?;
    let mut host = Host::new(Some(bundles.verifier()), store)
        .with_component(Component::Adapter)
        .with_body_time(command.request_timeout)
        .with_audit(move |event, component| audit.write_of(event, component));
    if let (RoutePolicyMode::RouteId, Some(route)) = (command.route_policy_mode, &command.route_id) {
        host = host.with_route(route);
    }
    let upstream = command.upstream.parse::<Upstream>().map_err(|err| Fault::of("--upstream", err))?;
    let adapter = Adapter::new(Arc::new(host), upstream, command.limits());
    Ok(match command.certificate()? {
        Some(certificate) => adapter.with_certificate(certificate),
        None => adapter,
    })
}

async fn store(command: &AdapterCommand) -> Result<Arc<dyn ReplayStore>, Fault> {
    if command.replay == Store::Memory {
        let margin = command.redis.replay_cold_margin_seconds;
        return Ok(Arc::new(Memory::new(command.replay_capacity, clock::now(), margin)));
    }
    let replay = Replay::new(&command.redis).map_err(|fault| Fault::new(fault.to_string()))?.with_log(stderr());
    // A store that loses passports is refused; one that is not there yet may come.
    match replay.check().await {
        Ok(()) => log(format_args!("replay store: answers")),
        Err(fault) if fault.is_lasting() => return Err(Fault::new(fault.to_string())),
        Err(fault) => log(format_args!("replay store: {fault}; passports are refused until it answers")),
    }
    Ok(Arc::new(replay))
}

fn audit_log(command: &AdapterCommand) -> Result<AuditLog, Fault> {
    let target = match command.audit_log.as_os_str() == "-" {
        true => Target::Stdout,
        false => Target::File(command.audit_log.clone()),
    };
    AuditLog::open(target).map_err(|err| Fault::file(&command.audit_log, err))
}

/// What is not followed by itself: whatever cannot be used leaves the old one.
fn read_again(adapter: &Adapter, audit: &AuditLog) {
    if let Some(Err(err)) = adapter.certificate().map(crate::adapter::Certificate::reload) {
        log(format_args!("the certificate stays as it is: {err}"));
    }
    if let Err(err) = audit.reopen() {
        log(format_args!("the audit log stays as it is: {err}"));
    }
    log(format_args!("read again"));
}

async fn bind(flag: &str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), Fault> {
    let fault = |err: io::Error| Fault::of(flag, format!("{address}: {err}"));
    let listener = TcpListener::bind(address).await.map_err(fault)?;
    let at = listener.local_addr().map_err(fault)?;
    Ok((listener, at))
}

fn stderr() -> Log {
    Log::new(log)
}

/// Standard output may be the audit log.
fn log(message: fmt::Arguments<'_>) {
    // Where nobody reads it any more, that is no reason to stop.
    let _ = writeln!(io::stderr(), "trustplane-adapter: {message}");
}
