//! The built filter in the in-process host.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::case::{Case, Cases, Store};
use crate::hold::Hold;
use crate::host::{Guest, Host, Outcome, Pair, Profile, RequestInput, SharedStore, Status, Times};
use crate::subject::{Answer, Forwarded, Subject};

/// Long before any passport of the cases was issued.
const BEFORE: u64 = 24 * 60 * 60;

/// The store's calls.
const STORE: [&str; 2] = ["proxy_get_shared_data", "proxy_set_shared_data"];

/// The filter, with one host for each configuration.
pub struct FilterSubject<'c> {
    guest: Guest,
    cases: &'c Cases,
    hold: Hold,
    /// A host of this kind, where it is not one of the two that go with the ways of holding.
    pub profile: Option<Profile>,
    hosts: BTreeMap<&'c str, Host>,
}

impl<'c> FilterSubject<'c> {
    /// All cases, in hosts that hold requests this way where a configuration does not name the other.
    pub fn new(guest: &Guest, cases: &'c Cases, hold: Hold) -> Self {
        Self { guest: guest.clone(), cases, hold, profile: None, hosts: BTreeMap::new() }
    }

    /// A host whose replay store is as the case says.
    pub fn host(&self, case: &Case) -> Result<Host, String> {
        let shared = SharedStore::default();
        if case.store == Store::Full {
            fill(&shared, &self.consumed(case)?);
        }
        let began = if case.store == Store::Cold { case.now } else { case.now - BEFORE };
        let mut host = self.start(case, &shared, began)?;
        if case.store == Store::Unavailable {
            for call in STORE {
                host.fail_call(call, Status::InternalFailure, Times::Always);
            }
        }
        Ok(host)
    }

    fn start(&self, case: &Case, shared: &SharedStore, began: u64) -> Result<Host, String> {
        let profile = self.cases.profile(case);
        let (config, hold) = self.hold.configure(&profile.config);
        let kind = match (&self.profile, hold) {
            (Some(profile), Hold::StopIteration) => profile.clone(),
            (None, Hold::StopIteration) => Profile::envoy_hold(),
            (_, Hold::TrailingBuffer) => Profile::envoy_default(),
        };
        let mut host =
            Host::start_sharing(&self.guest, kind, shared, "trustplane").map_err(|error| error.to_string())?;
        // The store begins with the first configuration, the bundles come with the second.
        for time in [began, profile.fetched_at] {
            host.set_now_secs(time);
            let configured = host.configure(config.as_bytes());
            if !configured.ok || configured.trapped.is_some() {
                return Err(format!("the configuration was not taken: {configured:?}"));
            }
        }
        host.set_now_secs(case.now);
        Ok(host)
    }

    /// The store after the case passed once.
    fn consumed(&self, case: &Case) -> Result<SharedStore, String> {
        let shared = SharedStore::default();
        let mut host = self.start(case, &shared, case.now - BEFORE)?;
        let _outcome = present(&mut host, case);
        Ok(shared)
    }

    fn own_host(&mut self, case: &'c Case) -> Result<&mut Host, String> {
        if !self.hosts.contains_key(case.profile.as_str()) {
            let host = self.host(case)?;
            self.hosts.insert(&case.profile, host);
        }
        self.hosts.get_mut(case.profile.as_str()).ok_or_else(|| "a host was just made".into())
    }

    /// Puts the case to a host and looks at all that it is seen to do.
    fn examine(host: &mut Host, case: &Case, hold: Hold) -> Result<Answer, String> {
        if case.store == Store::Replayed {
            let first = answer(&present(host, case), hold)?;
            if first.reason != "request_allowed" {
                return Err(format!("the first presentation: {}", first.reason));
            }
        }
        let asked = |host: &Host| STORE.map(|call| host.calls(call));
        let before = (asked(host), counted(host));
        let answer = answer(&present(host, case), hold)?;
        if case.settled_before_replay() && asked(host) != before.0 {
            return Err("the replay store was asked, and might have burnt the jti".into());
        }
        let mut counters = before.1;
        *counters.entry(answer.reason.clone()).or_default() += 1;
        if counted(host) != counters {
            return Err(format!("the counter of {} did not go up alone", answer.reason));
        }
        Ok(answer)
    }
}

impl<'c> Subject<'c> for FilterSubject<'c> {
    fn decide(&mut self, case: &'c Case) -> Result<Answer, String> {
        let (_, hold) = self.hold.configure(&self.cases.profile(case).config);
        match case.store {
            Store::Fresh | Store::Replayed => Self::examine(self.own_host(case)?, case, hold),
            Store::Cold | Store::Full | Store::Unavailable => Self::examine(&mut self.host(case)?, case, hold),
        }
    }
}

/// The case's request, from a connection as it says.
pub fn present(host: &mut Host, case: &Case) -> Outcome {
    // As Envoy tells it: no version on a connection without TLS.
    host.unset_property("connection.tls_version");
    if case.tls {
        host.set_property("connection.tls_version", "TLSv1.3");
    }
    host.request(&input(case))
}

/// The case's request.
pub fn input(case: &Case) -> RequestInput {
    let scheme = if case.tls { "https" } else { "http" };
    let pseudo = [
        (":authority", case.authority.0.as_slice()),
        (":path", &case.target.0),
        (":method", &case.method.0),
        (":scheme", scheme.as_bytes()),
    ];
    let pseudo = pseudo.map(|(name, value)| (name.into(), value.to_vec()));
    let pairs = |pairs: &[(String, crate::case::Bytes)]| -> Vec<Pair> {
        pairs.iter().map(|(name, value)| (name.clone().into(), value.0.clone())).collect()
    };
    let mut body: Vec<Vec<u8>> = case.body_chunks.iter().map(|chunk| chunk.0.clone()).collect();
    // Framing of its own says that the end is not told with the head.
    if body.is_empty() && case.headers.iter().any(|(name, _)| name == "transfer-encoding") {
        body.push(Vec::new());
    }
    RequestInput {
        headers: pseudo.into_iter().chain(pairs(&case.headers)).collect(),
        body,
        trailers: (!case.trailers.is_empty()).then(|| pairs(&case.trailers)),
        separate_end: false,
    }
}

/// What an outcome says, if it is a sound one.
pub fn answer(outcome: &Outcome, hold: Hold) -> Result<Answer, String> {
    if let Some(why) = &outcome.trapped {
        return Err(format!("trapped: {why}"));
    }
    if outcome.paused_forever || outcome.closed || outcome.bypassed {
        return Err(format!(
            "no answer (hangs: {}, closed: {}, bypassed: {})",
            outcome.paused_forever, outcome.closed, outcome.bypassed
        ));
    }
    if !outcome.violations.is_empty() {
        return Err(format!("misuse of the ABI: {}", outcome.violations.join("; ")));
    }
    let property = |name: &str| {
        let value = outcome.properties.get(name).ok_or_else(|| format!("no property {name}"))?;
        String::from_utf8(value.clone()).map_err(|_| format!("{name} is no text"))
    };
    let decision = property("trustplane_decision")?;
    let audit = property("trustplane_audit")?;
    let audit: Value = serde_json::from_str(&audit).map_err(|error| format!("the audit event: {error}"))?;
    match &outcome.local_response {
        None => Ok(Answer { reason: decision, status: 200, audit, upstream: forwarded(outcome) }),
        Some(reply) => {
            let text = String::from_utf8_lossy(&reply.body);
            let status = u16::try_from(reply.status).map_err(|_| "no HTTP status")?;
            // In the buffer behind the filter a head without its body never reaches the upstream.
            let withheld = |sent: &crate::host::Forwarded| !sent.complete && sent.body.is_empty();
            let buffered = hold == Hold::TrailingBuffer && outcome.forwarded.as_ref().is_none_or(withheld);
            let upstream = forwarded(outcome).filter(|_| !buffered);
            let challenge = (status == 401).then(|| format!("TrustPlane error=\"{decision}\""));
            let mut headers = vec![("content-type", "application/json".to_owned())];
            headers.extend(challenge.map(|challenge| ("www-authenticate", challenge)));
            let headers: Vec<Pair> = headers.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
            if text != format!(r#"{{"allowed":false,"reason":"{decision}"}}"#) {
                return Err(format!("decision {decision}, but the body is {text}"));
            }
            if reply.headers != headers {
                return Err(format!("decision {decision}, but the headers are {:?}", reply.headers));
            }
            if reply.details != decision.as_bytes() {
                return Err(format!("decision {decision}, but the details are {}", reply.details.escape_ascii()));
            }
            Ok(Answer { reason: decision, status, audit, upstream })
        }
    }
}

fn forwarded(outcome: &Outcome) -> Option<Forwarded> {
    let sent = outcome.forwarded.as_ref()?;
    let application = sent.headers.iter().filter(|(name, _)| !name.starts_with(b":"));
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    Some(Forwarded {
        headers: application.map(|(name, value)| (text(name), value.clone())).collect(),
        body: sent.body.clone(),
    })
}

/// The counters of decisions, by reason.
fn counted(host: &Host) -> BTreeMap<String, u64> {
    let reasons = host.metrics().iter().filter_map(|(name, count)| {
        let (_, reason) = name.rsplit_once('.')?;
        Some((reason.to_owned(), *count))
    });
    reasons.collect()
}

/// Writes the buckets of one store into another, each filled with live entries.
///
/// A bucket is a head of twelve bytes and entries of twenty, sixteen of them a replay id.
fn fill(shared: &SharedStore, consumed: &SharedStore) {
    const HEAD: usize = 12;
    const ENTRY: usize = 20;
    const BUCKET: usize = 16 * 1024;
    let rule = Profile::envoy_hold().shared_data;
    for key in consumed.keys("trustplane") {
        let (value, _) = consumed.get(rule, "trustplane", &key).expect("the key was listed");
        let (head, entries) = value.split_at(HEAD);
        let mut full = head.to_vec();
        if let Some(live) = entries.first_chunk::<ENTRY>() {
            for id in (0..u32::MAX).take_while(|id| HEAD + (*id as usize + 1) * ENTRY <= BUCKET) {
                let mut other = *live;
                other[..4].copy_from_slice(&id.to_be_bytes());
                full.extend_from_slice(&other);
            }
        }
        shared.set(rule, "trustplane", &key, Some(&full), 0).expect("cpp-host overwrites on zero");
    }
}
