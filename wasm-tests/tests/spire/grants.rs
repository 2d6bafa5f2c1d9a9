use serde_json::Value;
use trustplane::clock;
use trustplane::local::{Draft, TRUST_DOMAIN, WORKLOAD};
use trustplane_core::KeyBinding;
use trustplane_wasm_tests::report::Row;
use trustplane_wasm_tests::store::Fallible;

use crate::site::{Asked, LIFE, STRANGER, Site, ask, uid, until};

const ATTESTED: KeyBinding = KeyBinding::AttestedWorkload;

/// Who the passport says it is, how that is known, and that it passes once.
pub fn attested(row: &mut Row, site: &mut Site) -> Fallible<()> {
    let asked = site.ask(ATTESTED, false)?;
    let claims = asked.claims()?;
    for (pointer, expected) in [
        ("/sub", WORKLOAD),
        ("/trust_domain", TRUST_DOMAIN),
        ("/cnf/key_binding", "attested_workload"),
        ("/provenance/profile", "trustplane-spiffe-spire-k8s-v1"),
        ("/provenance/posture", "spiffe_svid_verified"),
        ("/provenance/spiffe_id", WORKLOAD),
        ("/provenance/spiffe_trust_domain", TRUST_DOMAIN),
        ("/provenance/signer", "local/software"),
        ("/provenance/attestation_method", "x509_svid/workload_uid"),
        ("/provenance/peer/uid", &uid().to_string()),
    ] {
        let said = claims.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        row.expect(pointer, &said, &expected);
    }
    let life = asked.response.expires_at - asked.response.issued_at;
    row.fact("life, seconds, with 300 asked for", life);
    row.must(life <= LIFE, || format!("it outlives an SVID of {LIFE} s"));
    row.expect("through Envoy", &site.present(&asked)?, &"200".to_owned());
    row.expect("the same again", &site.present(&asked)?, &"403 jti_replay".to_owned());
    Ok(())
}

/// Who holds a key that is listed, and who is named as the workload, but without an SVID.
pub fn software(row: &mut Row, site: &Site) -> Fallible<()> {
    let listed = Draft { route_id: "ledger.read", ..Draft::get("/ledger/7") };
    let listed = site.up.caller().sign(&listed, site.up.listener(), clock::now())?;
    row.expect("a caller's own", &site.send(&listed)?, &"403 insufficient_key_binding".to_owned());
    let asked = site.ask(KeyBinding::Software, false)?;
    row.expect("the broker's class", &asked.word()?, &"software".to_owned());
    row.expect("its subject", &asked.claims()?["sub"].as_str().unwrap_or_default(), &WORKLOAD);
    row.expect("the broker's", &site.present(&asked)?, &"403 insufficient_key_binding".to_owned());
    Ok(())
}

/// The trust bundle grants a listed key no more than `software`.
pub fn boast(row: &mut Row, site: &Site) -> Fallible<()> {
    let draft = Draft { route_id: "ledger.read", key_binding: ATTESTED, ..Draft::get("/ledger/7") };
    let boast = site.up.caller().sign(&draft, site.up.listener(), clock::now())?;
    row.expect("through Envoy", &site.send(&boast)?, &"403 insufficient_key_binding".to_owned());
    Ok(())
}

pub fn above(row: &mut Row, site: &Site) -> Fallible<()> {
    for class in [KeyBinding::RemoteKms, KeyBinding::HardwareLocal] {
        row.expect(class.as_str(), &site.ask(class, false)?.word()?, &"insufficient_key_binding".to_owned());
    }
    Ok(())
}

/// The Workload API gave the SVID to the broker; that says nothing of another user who asks it.
pub fn stranger(row: &mut Row, site: &Site) -> Fallible<()> {
    let asked = if nix::unistd::geteuid().is_root() {
        as_user(STRANGER, || site.ask(ATTESTED, false))?
    } else if std::env::var_os("TRUSTPLANE_TESTS_WITHOUT_ROOT").is_some() {
        // Seen from the other side: the broker's own user is not the one configured.
        let other = format!("uid={STRANGER}");
        let broker = site.beside("for-another", TRUST_DOMAIN, &[("--spiffe-bind", &other)])?;
        ask(&broker, &site.up, ATTESTED, false)?
    } else {
        return Err("this row is about two users: run it as root, or set TRUSTPLANE_TESTS_WITHOUT_ROOT=1".into());
    };
    row.expect("refused", &asked.word()?, &"insufficient_key_binding".to_owned());
    row.expect("because", &asked.problem(), &"the peer's uid is not the workload's".to_owned());
    row.expect("the workload meanwhile", &site.ask(ATTESTED, false)?.word()?, &"attested_workload".to_owned());
    Ok(())
}

pub fn other_id(row: &mut Row, site: &Site) -> Fallible<()> {
    let id = "spiffe://local.trustplane.test/ns/shop/sa/payments";
    let broker = site.beside("other-id", TRUST_DOMAIN, &[("--spiffe-allowed-id", id)])?;
    until("spiffe_id_not_allowed", || ask(&broker, &site.up, ATTESTED, false))?;
    let asked = ask(&broker, &site.up, ATTESTED, false)?;
    row.expect("refused", &asked.word()?, &"spiffe_id_not_allowed".to_owned());
    row.fact("because", asked.problem());
    Ok(())
}

pub fn other_domain(row: &mut Row, site: &Site) -> Fallible<()> {
    let changed = [("--spiffe-trust-domain", "other.test"), ("--spiffe-allowed-id", "spiffe://other.test/ns/shop/")];
    let broker = site.beside("other-domain", "other.test", &changed)?;
    until("spiffe_trust_domain_mismatch", || ask(&broker, &site.up, ATTESTED, false))?;
    let asked = ask(&broker, &site.up, ATTESTED, false)?;
    row.expect("refused", &asked.word()?, &"spiffe_trust_domain_mismatch".to_owned());
    row.fact("because", asked.problem());
    Ok(())
}

/// Every issue says which SPIFFE ID it was for, and every denial why.
pub fn audit(row: &mut Row, site: &Site) -> Fallible<()> {
    let events = site.events()?;
    let attested: Vec<_> = events.iter().filter(|event| event["key_binding"] == "attested_workload").collect();
    row.fact("issues of attested_workload", attested.len());
    row.must(!attested.is_empty(), || "none is in the log".into());
    let unsound = attested.iter().find(|event| {
        event["source_profile"] != "trustplane-spiffe-spire-k8s-v1"
            || event["source_spiffe_id"] != WORKLOAD
            || event["subject"] != WORKLOAD
    });
    row.must(unsound.is_none(), || format!("{unsound:?}"));
    for reason in ["workload_identity_unavailable", "svid_expired", "insufficient_key_binding"] {
        let count = events.iter().filter(|event| event["reason_code"] == reason).count();
        row.fact(reason, count);
        row.must(count > 0, || format!("{reason} is not in the log"));
    }
    let log = std::fs::read_to_string(&site.up.paths().access_log)?;
    let seen = log.lines().filter(|line| line.contains("source_spiffe_id") && line.contains(WORKLOAD)).count();
    row.fact("Envoy's events that name the SPIFFE ID", seen);
    row.must(seen > 0, || "Envoy's log names none".into());
    Ok(())
}

/// Does something as another user, on a thread of its own.
fn as_user(uid: u32, ask: impl FnOnce() -> Fallible<Asked> + Send) -> Fallible<Asked> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            // SAFETY: the bare call changes this thread's credentials alone, and the thread ends here.
            let changed = unsafe { nix::libc::syscall(nix::libc::SYS_setresuid, -1, uid, -1) };
            if changed != 0 { Err("this user cannot become another one".into()) } else { ask() }
        });
        thread.join().map_err(|_| "the thread panicked")?
    })
}
