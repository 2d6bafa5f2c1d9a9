//! One host that many requests go through, and whose memory of passports can be wiped.

use trustplane_wasm_tests::case::{Case, Cases};
use trustplane_wasm_tests::filter_subject::{answer, input};
use trustplane_wasm_tests::hold::Hold;
use trustplane_wasm_tests::host::{Guest, Host, Outcome, Profile, RequestInput, SharedStore};

/// The namespace of the replay store.
pub const VM: &str = "trustplane";

/// Both ways of holding, and the host each goes with.
pub const HOLDS: [(&str, Hold, Profile); 2] = [
    ("envoy_hold", Hold::StopIteration, Profile::envoy_hold()),
    ("envoy_default", Hold::TrailingBuffer, Profile::envoy_default()),
];

/// A host with the configuration that has every route.
pub struct Site {
    /// The host.
    pub host: Host,
    hold: Hold,
}

impl Site {
    /// A host of that kind, whose replay store began a day before `now`.
    pub fn start(guest: &Guest, cases: &Cases, hold: Hold, profile: Profile) -> Self {
        Self::start_sharing(guest, cases, hold, profile, &SharedStore::default())
    }

    /// The same among others.
    pub fn start_sharing(guest: &Guest, cases: &Cases, hold: Hold, profile: Profile, shared: &SharedStore) -> Self {
        let mut host = Host::start_sharing(guest, profile, shared, VM).expect("the module loads");
        let (config, _) = hold.configure(&cases.profiles["default"].config);
        let now = named(cases, "get_with_query").now;
        host.set_now_secs(now - 24 * 60 * 60);
        let configured = host.configure(config.as_bytes());
        assert!(configured.ok, "{configured:?}");
        host.set_now_secs(now);
        Self { host, hold }
    }

    /// Forgets every passport, but not since when it remembers them.
    pub fn forget(&mut self) {
        for key in self.host.shared().keys(VM) {
            if !key.ends_with(b"began") {
                let _there = self.host.shared().evict(Profile::envoy_hold().shared_data, VM, &key);
            }
        }
    }

    /// The reason for a request's fate, or what went wrong.
    pub fn reason(&mut self, input: &RequestInput) -> Result<String, String> {
        let outcome = self.host.request(input);
        answer(&outcome, self.hold).map(|answer| answer.reason)
    }

    /// That the reason is this one.
    pub fn expect(&mut self, input: &RequestInput, reason: &str) -> Result<(), String> {
        let actual = self.reason(input)?;
        if actual == reason { Ok(()) } else { Err(format!("expected {reason}, got {actual}")) }
    }

    /// That a request which nothing is wrong with still passes: the filter is alive.
    pub fn alive(&mut self, cases: &Cases) -> Result<(), String> {
        self.forget();
        let good = input(named(cases, "get_with_query"));
        self.expect(&good, "request_allowed").map_err(|why| format!("afterwards a good request: {why}"))
    }
}

/// The case of that name.
pub fn named<'c>(cases: &'c Cases, name: &str) -> &'c Case {
    let found = cases.cases.iter().find(|case| case.name == name);
    found.unwrap_or_else(|| panic!("no case is named {name}"))
}

/// What must hold whatever happens: no trap, no hang, no way past the filter, nothing upstream
/// unless the whole request was allowed.
pub fn sound(outcome: &Outcome, hold: Hold) -> Result<(), String> {
    if let Some(why) = &outcome.trapped {
        return Err(format!("trapped: {why}"));
    }
    if outcome.paused_forever {
        return Err("hangs".into());
    }
    if outcome.bypassed {
        return Err("went past the filter".into());
    }
    let Some(sent) = outcome.forwarded.as_ref().filter(|_| !outcome.allowed()) else { return Ok(()) };
    // The buffer behind the filter withholds a head that no body follows.
    if hold == Hold::TrailingBuffer && !sent.complete && sent.body.is_empty() {
        return Ok(());
    }
    Err("the upstream saw something of a denied request".into())
}
