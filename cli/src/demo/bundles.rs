use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::sleep;
use trustplane_broker::SigningKey;
use trustplane_core::Reason;

use super::row::{Row, outcome};
use crate::client::{self, Connection};
use crate::clock;
use crate::exit::Fault;
use crate::files::{self, Readers};
use crate::local::{Draft, ISSUER, TRUST_DOMAIN, Up};

const KID: &str = "newcomer-1";
const SUBJECT: &str = "service:newcomer";
/// Longer than a change takes to be in force, or to be refused, in every worker.
const SETTLED: Duration = Duration::from_millis(2500);
const PATIENCE: Duration = Duration::from_secs(20);

/// Files that change while requests flow: what they allow is in force within seconds, what they
/// must not do is not, and no request of another caller is lost.
pub(super) async fn rows(up: &Up, program: &Path, mut done: impl FnMut(Row) -> Result<(), Fault>) -> Result<(), Fault> {
    let key = SigningKey::generate().map_err(|err| Fault::new(err.to_string()))?;
    let newcomer = Asking { up, key: &key, draft: Draft { kid: KID, subject: SUBJECT, ..Draft::get("/orders/7") } };
    let stock = Draft { route_id: "stock.read", ..Draft::get("/stock/7") };
    let stock = Asking { up, key: up.caller().key(), draft: stock };
    let (policy, trust) = (&up.paths().policy_bundle, &up.paths().trust_bundle);
    let bundle = |verb: &str| {
        let mut command = Command::new(program);
        command.args(["bundle", verb, "--json", "--signing-key"]).arg(&up.paths().bundle_private_key);
        command
    };

    done(newcomer.until("bundles: a client that is not in them", Reason::UnknownIssuerKey).await?)?;
    let mut add = bundle("merge-source");
    add.args(["--issuer", ISSUER, "--trust-domain", TRUST_DOMAIN, "--kid", KID, "--subject-exact", SUBJECT]);
    add.args(["--public-key", &key.public_key().to_base64url(), "--route-id", "orders.read"]);
    run(add.arg("--policy-bundle").arg(policy).arg("--trust-material").arg(trust)).await?;
    done(newcomer.until("bundles: the client added", Reason::RequestAllowed).await?)?;

    let before = read(trust)?;
    run(bundle("revoke").arg(trust).args(["kid", KID])).await?;
    done(newcomer.until("bundles: its key revoked", Reason::PassportRevoked).await?)?;
    let revoked = read(trust)?;
    put(trust, &before)?;
    done(newcomer.still("bundles: rolled back to before", Reason::PassportRevoked).await?)?;
    put(trust, &revoked.replace(KID, "newcomer-2"))?;
    done(newcomer.still("bundles: changed without its signer", Reason::PassportRevoked).await?)?;
    put(trust, &revoked)?;

    let mut remove = bundle("remove-source");
    remove.args(["--issuer", ISSUER, "--trust-domain", TRUST_DOMAIN, "--kid", KID, "--subject-exact", SUBJECT]);
    remove.args(["--all-routes", "--confirm-remove"]);
    run(remove.arg("--policy-bundle").arg(policy).arg("--trust-material").arg(trust)).await?;
    done(newcomer.until("bundles: the client removed", Reason::UnknownIssuerKey).await?)?;

    let last = read(trust)?;
    fs::remove_file(trust).map_err(|err| Fault::file(trust, err))?;
    done(stock.until("bundles: gone, on a realtime route", Reason::StaleBundleFailClosed).await?)?;
    put(trust, &last)?;
    done(stock.until("bundles: back, on that route", Reason::RequestAllowed).await?)
}

/// One caller whose fate the bundles decide.
struct Asking<'u> {
    up: &'u Up,
    key: &'u SigningKey,
    draft: Draft,
}

impl Asking<'_> {
    /// Asks until the answer is this one, while another caller goes on undisturbed.
    async fn until(&self, case: &str, expected: Reason) -> Result<Row, Fault> {
        self.watch(case, expected, Duration::ZERO).await
    }

    /// Asks when there was time for another answer.
    async fn still(&self, case: &str, expected: Reason) -> Result<Row, Fault> {
        self.watch(case, expected, SETTLED).await
    }

    async fn watch(&self, case: &str, expected: Reason, after: Duration) -> Result<Row, Fault> {
        let (seen, start) = (self.up.upstream().count(), Instant::now());
        let (stop, stopped) = watch::channel(());
        let asks = async {
            sleep(after).await;
            let asked = self.ask(expected, after.is_zero()).await;
            drop(stop);
            asked
        };
        let (asked, steady) = tokio::join!(asks, steady(self.up, stopped));
        let ((actual, allowed), others) = (asked?, steady?);
        let expected = match expected {
            Reason::RequestAllowed => "200".to_owned(),
            reason => format!("{} {reason}", reason.status()),
        };
        let upstream = self.up.upstream().count() - seen;
        let mut row = Row::of(case, (expected, allowed + others), (actual, upstream), start.elapsed());
        row.note = format!("{others} requests of another caller meanwhile, all allowed");
        Ok(row)
    }

    /// The last answer, and how many were to be allowed.
    async fn ask(&self, expected: Reason, again: bool) -> Result<(String, u64), Fault> {
        let (began, mut allowed) = (Instant::now(), 0);
        loop {
            let listener = self.up.listener();
            let message = self.up.caller().forge(self.key, &self.draft, listener, clock::now())?;
            let answer = client::send(listener, &message).await.map_err(|err| Fault::new(err.to_string()))?;
            allowed += u64::from(answer.status == 200);
            let is_expected = match expected {
                Reason::RequestAllowed => answer.status == 200,
                reason => answer.reason().as_deref() == Some(reason.as_str()),
            };
            if is_expected || !again || began.elapsed() > PATIENCE {
                return Ok((outcome(&answer), allowed));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Sends one request after the other until told to stop; how many. Each must be allowed.
async fn steady(up: &Up, mut stopped: watch::Receiver<()>) -> Result<u64, Fault> {
    let fault = |err: &dyn std::fmt::Display| Fault::new(format!("the other caller: {err}"));
    let mut connection = Connection::open(up.listener()).await.map_err(|err| fault(&err))?;
    let mut sent = 0;
    loop {
        let message = up.caller().sign(&Draft::get("/orders/7"), up.listener(), clock::now())?;
        let answer = connection.send(&message).await.map_err(|err| fault(&err))?;
        if answer.status != 200 {
            return Err(fault(&outcome(&answer)));
        }
        sent += 1;
        tokio::select! {
            biased;
            _ = stopped.changed() => return Ok(sent),
            () = sleep(Duration::from_millis(5)) => {}
        }
    }
}

async fn run(command: &mut Command) -> Result<(), Fault> {
    let out = command.output().await.map_err(|err| Fault::of("this program", err))?;
    match out.status.success() {
        true => Ok(()),
        false => Err(Fault::new(format!("a bundle could not be changed: {}", String::from_utf8_lossy(&out.stderr)))),
    }
}

fn read(file: &Path) -> Result<String, Fault> {
    fs::read_to_string(file).map_err(|err| Fault::file(file, err))
}

fn put(file: &Path, text: &str) -> Result<(), Fault> {
    files::write(file, text.as_bytes(), Readers::Anyone).map_err(|err| Fault::file(file, err))
}
