mod issue;

use clap::Subcommand;
use trustplane_broker::{CheckConfigArgs, Policy, ServeArgs, SigningKey, serve};

use self::issue::Issue;
use crate::exit::{Fault, Verdict};
use crate::output::{Output, Report};

/// The local broker, and its callers' side.
#[derive(Debug, Subcommand)]
pub(crate) enum Broker {
    /// Serve until SIGTERM; SIGHUP reads policy and key again
    Serve(Box<ServeArgs>),
    /// Ask a running broker for the headers of one request
    Issue(Box<Issue>),
    /// Check policy and key, and say what they are
    CheckConfig(CheckConfigArgs),
}

impl Broker {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        match self {
            Self::Serve(args) => {
                serve(&args).map_err(|err| Fault::new(err.to_string()))?;
                Ok(Verdict::Allow)
            }
            Self::Issue(issue) => issue.run(output),
            Self::CheckConfig(args) => {
                output.show(&configuration(&args)?)?;
                Ok(Verdict::Allow)
            }
        }
    }
}

fn configuration(args: &CheckConfigArgs) -> Result<Report, Fault> {
    let policy = Policy::from_file(&args.policy).map_err(|err| Fault::new(err.to_string()))?;
    let key = args.key_file.as_ref().map(SigningKey::from_file).transpose();
    let key = key.map_err(|err| Fault::new(err.to_string()))?;
    let public = key.as_ref().map(SigningKey::public_key);
    Ok(Report::new()
        .with("issuer", policy.issuer.as_str())
        .with("kid", policy.kid.as_str())
        .with("trust_domain", policy.trust_domain.as_str())
        .with("callers", u64::try_from(policy.callers()).unwrap_or(u64::MAX))
        .with("longest_ttl_seconds", policy.longest_ttl_seconds())
        .with_some("public_key", public.map(|key| key.to_base64url()))
        .with_some("fingerprint", public.map(|key| key.fingerprint())))
}
