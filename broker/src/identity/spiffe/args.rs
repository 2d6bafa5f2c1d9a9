use clap::{Args, ValueEnum};
use spiffe::transport::Endpoint;

use super::binding::Bind;
use super::rules::{AllowedId, Domain, SvidRules};

/// How workloads are identified
#[derive(Args, Clone, Debug, Default)]
pub struct SpiffeArgs {
    /// Vouch for the workload by SPIFFE: its passports are attested_workload with its SPIFFE ID as subject,
    /// issued only while the Workload API's X.509-SVID verifies. It says nothing about hardware, nor where
    /// this broker's key lives; verifiers believe this broker and do not verify the SVID again
    #[arg(
        long,
        value_enum,
        value_name = "NAME",
        env = "TRUSTPLANE_BROKER_SPIFFE_PROFILE",
        requires_all = ["socket", "spiffe_endpoint_socket", "spiffe_trust_domain", "spiffe_allowed_id", "spiffe_bind"]
    )]
    pub spiffe_profile: Option<SpiffeProfile>,
    /// The Workload API: unix:/PATH
    #[arg(long, value_name = "URI", env = "SPIFFE_ENDPOINT_SOCKET")]
    pub spiffe_endpoint_socket: Option<String>,
    /// The one trust domain; the policy's too
    #[arg(long, value_name = "NAME", env = "TRUSTPLANE_BROKER_SPIFFE_TRUST_DOMAIN", requires = "spiffe_profile")]
    pub spiffe_trust_domain: Option<Domain>,
    /// A SPIFFE ID to vouch for, or with a / at its end all below it; repeatable
    #[arg(
        long,
        value_name = "ID",
        env = "TRUSTPLANE_BROKER_SPIFFE_ALLOWED_IDS",
        value_delimiter = ',',
        requires = "spiffe_profile"
    )]
    pub spiffe_allowed_id: Vec<AllowedId>,
    /// What makes a caller that workload: same-pod, for a sidecar that sees its pod's processes, or uid=NUMBER,
    /// for a user who is that workload's alone. Other callers are not granted the class
    #[arg(long, value_name = "HOW", env = "TRUSTPLANE_BROKER_SPIFFE_BIND", requires = "spiffe_profile")]
    pub spiffe_bind: Option<Bind>,
    /// What must be left of an SVID's life; no passport outlives its SVID
    #[arg(
        long,
        value_name = "SECONDS",
        env = "TRUSTPLANE_BROKER_SPIFFE_MARGIN",
        default_value = "5",
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    pub spiffe_margin_seconds: u64,
}

/// The ways to identify a workload by SPIFFE.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum SpiffeProfile {
    /// X.509-SVIDs of one trust domain, given by SPIRE's agent on the same node
    #[value(name = "trustplane-spiffe-spire-k8s-v1")]
    SpireK8sV1,
}

/// What the flags come to.
#[derive(Clone, Debug)]
pub struct SpiffeConfig {
    /// Where the Workload API is.
    pub endpoint: Endpoint,
    /// Which SVIDs count.
    pub rules: SvidRules,
    /// Which peers are the workload.
    pub bind: Bind,
}

impl SpiffeArgs {
    /// What was configured, or what is wrong with it; `None` without a profile.
    pub fn config(&self) -> Result<Option<SpiffeConfig>, String> {
        let Self { spiffe_profile: Some(_), spiffe_endpoint_socket: Some(socket), .. } = self else { return Ok(None) };
        let (Some(trust_domain), Some(bind)) = (&self.spiffe_trust_domain, self.spiffe_bind) else { return Ok(None) };
        let endpoint = Endpoint::parse(socket).map_err(|err| format!("--spiffe-endpoint-socket {socket}: {err}"))?;
        // Over TCP anybody could answer.
        if !matches!(endpoint, Endpoint::Unix(_)) {
            return Err(format!("--spiffe-endpoint-socket {socket}: expected a Unix socket"));
        }
        if let Some(other) = self.spiffe_allowed_id.iter().find(|id| !id.is_of(trust_domain)) {
            return Err(format!("--spiffe-allowed-id {other}: not of the trust domain {trust_domain}"));
        }
        let rules = SvidRules {
            trust_domain: trust_domain.clone(),
            allowed: self.spiffe_allowed_id.clone(),
            margin_seconds: self.spiffe_margin_seconds,
        };
        Ok(Some(SpiffeConfig { endpoint, rules, bind }))
    }
}
