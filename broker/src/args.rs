use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use trustplane_core::PublicKey;

use crate::identity::spiffe::SpiffeArgs;
use crate::replay::ReplayArgs;

/// TrustPlane's local broker
///
/// Issues passports and proofs to local processes over a Unix socket, for the requests that its
/// policy lists; nothing else is ever signed.
#[derive(Debug, Parser)]
#[command(name = "trustplane-broker", version)]
pub struct BrokerArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: BrokerCommand,
}

/// What `trustplane-broker` can do.
#[derive(Debug, Subcommand)]
pub enum BrokerCommand {
    /// Serve until SIGTERM; SIGHUP reads policy and key again
    Serve(Box<ServeArgs>),
    /// Check policy and key, and say what they are
    CheckConfig(CheckConfigArgs),
}

/// `serve`
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// Unix socket to issue on; its folder is made if it is missing
    #[arg(long, value_name = "PATH", env = "TRUSTPLANE_BROKER_SOCKET", requires_all = ["policy", "key_file"], required_unless_present = "services_socket")]
    pub socket: Option<PathBuf>,
    /// Broker policy: who may be issued what
    #[arg(long, value_name = "FILE", env = "TRUSTPLANE_BROKER_POLICY", requires = "socket")]
    pub policy: Option<PathBuf>,
    /// Private key, mode 0600: base64url of 32 or 64 bytes, or PKCS#8 PEM
    #[arg(long, value_name = "FILE", env = "TRUSTPLANE_BROKER_KEY_FILE", requires = "socket")]
    pub key_file: Option<PathBuf>,
    /// Mode of the issuing socket
    #[arg(long, value_name = "OCTAL", env = "TRUSTPLANE_BROKER_SOCKET_MODE", default_value = "600", value_parser = octal)]
    pub socket_mode: u32,
    /// Group id that the issuing socket and a folder made for it get
    #[arg(long, value_name = "GID", env = "TRUSTPLANE_BROKER_SOCKET_GROUP")]
    pub socket_group: Option<u32>,
    /// Audit log: a file to append to, or - for standard output
    #[arg(long, value_name = "FILE", env = "TRUSTPLANE_BROKER_AUDIT_LOG", default_value = "-")]
    pub audit_log: PathBuf,
    /// Nonces remembered at once: issues a second x longest TTL x 9/8; at this many, callers are told to come back
    #[arg(long, value_name = "COUNT", env = "TRUSTPLANE_BROKER_MAX_NONCES", default_value = "1048576")]
    pub max_nonces: usize,
    /// Threads that serve
    #[arg(long, value_name = "COUNT", env = "TRUSTPLANE_BROKER_WORKERS", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: u16,
    /// Second Unix socket, HTTP/1.1, for what follows; needs no key
    #[arg(long, value_name = "PATH", env = "TRUSTPLANE_BROKER_SERVICES_SOCKET")]
    pub services_socket: Option<PathBuf>,
    /// Mode of the services socket
    #[arg(long, value_name = "OCTAL", env = "TRUSTPLANE_BROKER_SERVICES_MODE", default_value = "600", value_parser = octal)]
    pub services_mode: u32,
    /// Group id that the services socket and a folder made for it get
    #[arg(long, value_name = "GID", env = "TRUSTPLANE_BROKER_SERVICES_GROUP")]
    pub services_group: Option<u32>,
    /// Serve GET /healthz
    #[arg(long, env = "TRUSTPLANE_BROKER_HEALTHZ", requires = "services_socket")]
    pub healthz: bool,
    /// Serve GET /metrics in Prometheus' text format
    #[arg(long, env = "TRUSTPLANE_BROKER_METRICS", requires = "services_socket")]
    pub metrics: bool,
    /// Serve this file as GET /v1/bundles/trust
    #[arg(long, value_name = "FILE", env = "TRUSTPLANE_BROKER_TRUST_BUNDLE", requires = "services_socket")]
    pub trust_bundle: Option<PathBuf>,
    /// Serve this file as GET /v1/bundles/policy
    #[arg(long, value_name = "FILE", env = "TRUSTPLANE_BROKER_POLICY_BUNDLE", requires = "services_socket")]
    pub policy_bundle: Option<PathBuf>,
    /// Public key that must have signed the trust bundle; without it the verifiers alone check
    #[arg(long, value_name = "KEY", env = "TRUSTPLANE_BROKER_TRUST_BUNDLE_SIGNATURE_PUBLIC_KEY", requires = "trust_bundle", allow_hyphen_values = true, value_parser = public_key)]
    pub trust_bundle_signature_public_key: Option<PublicKey>,
    /// Public key that must have signed the policy bundle; without it the verifiers alone check
    #[arg(long, value_name = "KEY", env = "TRUSTPLANE_BROKER_POLICY_BUNDLE_SIGNATURE_PUBLIC_KEY", requires = "policy_bundle", allow_hyphen_values = true, value_parser = public_key)]
    pub policy_bundle_signature_public_key: Option<PublicKey>,
    // A comment for readers of the code would be one for the command line too.
    #[command(flatten)]
    #[allow(missing_docs, reason = "it would replace the text of the command")]
    pub replay: ReplayArgs,
    #[command(flatten)]
    #[allow(missing_docs, reason = "it would replace the text of the command")]
    pub spiffe: SpiffeArgs,
}

/// `check-config`
#[derive(Args, Clone, Debug)]
pub struct CheckConfigArgs {
    /// Broker policy to check
    #[arg(long, value_name = "FILE", env = "TRUSTPLANE_BROKER_POLICY")]
    pub policy: PathBuf,
    /// Private key to check
    #[arg(long, value_name = "FILE", env = "TRUSTPLANE_BROKER_KEY_FILE")]
    pub key_file: Option<PathBuf>,
}

fn public_key(text: &str) -> Result<PublicKey, String> {
    PublicKey::from_base64url(text).map_err(|fault| fault.to_string())
}

fn octal(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("expected an octal mode from 0 to 777".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn flags_are_consistent() {
        BrokerArgs::command().debug_assert();
    }

    #[test]
    fn modes_are_octal() {
        assert_eq!(octal("660"), Ok(0o660));
        assert_eq!(octal("0600"), Ok(0o600));
        assert!(octal("1777").is_err());
        assert!(octal("rw").is_err());
    }
}
