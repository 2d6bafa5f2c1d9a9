use serde::{Deserialize, Serialize};
use trustplane_core::json::JsonError;

use super::{Allowed, Caller, Policy};

/// `version` of the document.
const VERSION: &str = "trustplane-broker-policy-v1";
/// Used where no `ttl_seconds` stands.
const DEFAULT_TTL_SECONDS: u64 = 300;
/// No verifier's default takes a longer life.
const MAX_TTL_SECONDS: u64 = 900;

/// The broker's policy, as it stands in its file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "BrokerPolicy"))]
pub struct WirePolicy {
    /// `trustplane-broker-policy-v1`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = VERSION)))]
    pub version: String,
    /// A name for this policy, written into audit events.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<trustplane_core::schema::Trimmed>"))]
    pub policy_id: Option<String>,
    /// A version of it, written into audit events.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<trustplane_core::schema::Trimmed>"))]
    pub policy_version: Option<String>,
    /// `iss` of every passport; verifiers know the broker's key under it.
    #[cfg_attr(feature = "schema", schemars(with = "trustplane_core::schema::Trimmed"))]
    pub issuer: String,
    /// The key's id; verifiers know the broker's key under it.
    #[cfg_attr(feature = "schema", schemars(with = "trustplane_core::schema::Trimmed"))]
    pub kid: String,
    /// `trust_domain` of every passport.
    #[cfg_attr(feature = "schema", schemars(with = "trustplane_core::schema::Trimmed"))]
    pub trust_domain: String,
    /// How long passports live, 1 to 900 seconds; 300 where this is silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = MAX_TTL_SECONDS)))]
    pub ttl_seconds: Option<u64>,
    /// Who may have what; the first that matches counts.
    pub callers: Vec<WireCaller>,
}

/// One kind of peer and what it may have.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WireCaller {
    /// Which processes this is about.
    pub peer: WirePeer,
    /// `sub` of its passports.
    #[cfg_attr(feature = "schema", schemars(with = "trustplane_core::schema::Trimmed"))]
    pub subject: String,
    /// How long its passports live; the policy's where this is silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = MAX_TTL_SECONDS)))]
    pub ttl_seconds: Option<u64>,
    /// Names of the context fields it may assert.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<trustplane_core::schema::Trimmed>"))]
    pub context_fields: Vec<String>,
    /// The requests it may be issued passports for.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub requests: Vec<WireRequest>,
}

/// Which processes: every member that is given must hold, and one of `uid` and `gid` must be given.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("anyOf" = [{ "required": ["uid"] }, { "required": ["gid"] }])))]
pub struct WirePeer {
    /// User id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Primary group id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// Path of the executable: a restriction beside `uid` or `gid`, since the peer's own mount
    /// namespace names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^/")))]
    pub executable: Option<String>,
}

/// Requests of one route.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WireRequest {
    /// The route's audience.
    #[cfg_attr(feature = "schema", schemars(with = "trustplane_core::schema::Trimmed"))]
    pub audience: String,
    /// The route.
    #[cfg_attr(feature = "schema", schemars(with = "trustplane_core::schema::Trimmed"))]
    pub route_id: String,
    /// Methods, upper case.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), inner(regex(pattern = "^[A-Z]+$"))))]
    pub methods: Vec<String>,
}

impl WirePolicy {
    /// Checks every member and turns the document into what decides.
    pub(super) fn compile(self) -> Result<Policy, JsonError> {
        if self.version != VERSION {
            return Err(JsonError::new(format!("expected {VERSION:?}, found {:?}", self.version)).within("version"));
        }
        let policy_ttl = ttl(self.ttl_seconds)?.unwrap_or(DEFAULT_TTL_SECONDS);
        let callers =
            self.callers.into_iter().enumerate().map(|(index, caller)| {
                caller.compile(policy_ttl).map_err(|fault| fault.within(index).within("callers"))
            });
        Ok(Policy {
            callers: callers.collect::<Result<_, _>>()?,
            issuer: clean("issuer", self.issuer)?,
            kid: clean("kid", self.kid)?,
            trust_domain: clean("trust_domain", self.trust_domain)?,
            policy_id: self.policy_id.map(|id| clean("policy_id", id)).transpose()?,
            policy_version: self.policy_version.map(|version| clean("policy_version", version)).transpose()?,
        })
    }
}

impl WireCaller {
    fn compile(self, policy_ttl: u64) -> Result<Caller, JsonError> {
        let WirePeer { uid, gid, executable } = self.peer;
        if uid.is_none() && gid.is_none() {
            let problem = "names neither uid nor gid: an executable alone is no ground, any user can run it";
            return Err(JsonError::new(problem).within("peer"));
        }
        let stands = |path: &String| path.starts_with('/') && !path.bytes().any(|byte| byte.is_ascii_control());
        if !executable.as_ref().is_none_or(stands) {
            let problem = "not an absolute path, or with a control character";
            return Err(JsonError::new(problem).within("executable").within("peer"));
        }
        if self.requests.is_empty() {
            return Err(JsonError::new("lists nothing, so the caller could have nothing").within("requests"));
        }
        let fields = self.context_fields.into_iter().enumerate();
        let fields = fields.map(|(index, name)| element("context_fields", index, name));
        let requests = self.requests.into_iter().enumerate();
        let requests =
            requests.map(|(index, request)| request.compile().map_err(|fault| fault.within(index).within("requests")));
        Ok(Caller {
            uid,
            gid,
            executable,
            subject: clean("subject", self.subject)?,
            ttl_seconds: ttl(self.ttl_seconds)?.unwrap_or(policy_ttl),
            context_fields: fields.collect::<Result<_, _>>()?,
            requests: requests.collect::<Result<_, _>>()?,
        })
    }
}

impl WireRequest {
    fn compile(self) -> Result<Allowed, JsonError> {
        if self.methods.is_empty() {
            return Err(JsonError::new("lists no method").within("methods"));
        }
        let methods = self.methods.into_iter().enumerate().map(|(index, method)| {
            if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
                return Err(JsonError::new("expected a method of upper-case letters").within(index).within("methods"));
            }
            Ok(method)
        });
        Ok(Allowed {
            methods: methods.collect::<Result<_, _>>()?,
            audience: clean("audience", self.audience)?,
            route_id: clean("route_id", self.route_id)?,
        })
    }
}

fn ttl(seconds: Option<u64>) -> Result<Option<u64>, JsonError> {
    match seconds {
        Some(seconds) if !(1..=MAX_TTL_SECONDS).contains(&seconds) => {
            Err(JsonError::new(format!("expected 1 to {MAX_TTL_SECONDS} seconds, found {seconds}"))
                .within("ttl_seconds"))
        }
        seconds => Ok(seconds),
    }
}

fn element(list: &str, index: usize, text: String) -> Result<String, JsonError> {
    check(text).map_err(|fault| fault.within(index).within(list))
}

fn clean(name: &str, text: String) -> Result<String, JsonError> {
    check(text).map_err(|fault| fault.within(name))
}

/// A value that enters passports: no verifier reads it otherwise.
fn check(text: String) -> Result<String, JsonError> {
    if text.is_empty() || text.trim() != text || text.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(JsonError::new("empty, or with outer white space or a control character"));
    }
    Ok(text)
}
