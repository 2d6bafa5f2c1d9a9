use clap::{Args, ValueEnum};

use crate::exit::{Fault, Verdict};
use crate::output::Output;

#[derive(Args, Debug)]
pub(crate) struct Schema {
    /// Which document
    #[arg(value_enum)]
    document: Document,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Document {
    /// Policy bundle: which callers may use which route
    Policy,
    /// Trust material: whose passports are believed
    TrustMaterial,
    /// Authoring file: both documents as people write them
    Authoring,
    /// Configuration of the filter
    FilterConfig,
    /// Policy of the broker: who may be issued what
    BrokerPolicy,
    /// What is asked of `issuer serve`
    PassportRequest,
    /// What is asked of `verifier serve`
    RequestDescription,
    /// One line of the audit log
    AuditEvent,
}

impl Schema {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        output.line(self.document.schema())?;
        Ok(Verdict::Allow)
    }
}

impl Document {
    const fn schema(self) -> &'static str {
        match self {
            Self::Policy => include_str!("../../schemas/policy.json"),
            Self::TrustMaterial => include_str!("../../schemas/trust-material.json"),
            Self::Authoring => include_str!("../../schemas/authoring.json"),
            Self::FilterConfig => include_str!("../../schemas/filter-config.json"),
            Self::BrokerPolicy => include_str!("../../schemas/broker-policy.json"),
            Self::PassportRequest => include_str!("../../schemas/passport-request.json"),
            Self::RequestDescription => include_str!("../../schemas/request-description.json"),
            Self::AuditEvent => include_str!("../../schemas/audit-event.json"),
        }
    }
}
