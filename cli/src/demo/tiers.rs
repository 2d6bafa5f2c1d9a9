use trustplane_broker::SigningKey;
use trustplane_core::Reason;

use super::row::Row;
use crate::clock;
use crate::exit::Fault;
use crate::local::{Draft, Up};

/// One allowed caller of each source tier, and what its key or name does not open.
pub(super) async fn rows(up: &Up, mut done: impl FnMut(Row) -> Result<(), Fault>) -> Result<(), Fault> {
    let new_key = || SigningKey::generate().map_err(|err| Fault::new(err.to_string()));
    let (runner, stranger) = (new_key()?, new_key()?);
    let read = Draft::get("/orders/7");
    let own = |draft: &Draft| up.caller().sign(draft, up.listener(), clock::now());
    let vouched = |holder| up.caller().vouched((&runner, holder), &read, up.listener(), clock::now());
    let named = |subject| Draft { subject, ..read.clone() };
    let rows = [
        ("tier software_jwks: the key listed", own(&read)?, Reason::RequestAllowed),
        ("tier oidc_jwks: a service's passport", vouched(&runner)?, Reason::RequestAllowed),
        ("tier oidc_jwks: another key's proof", vouched(&stranger)?, Reason::InvalidRequestProof),
        ("tier aws ec2: name in the prefix", own(&named("aws:ec2:us-east-1:i-1"))?, Reason::RequestAllowed),
        ("tier aws ec2: name beside the prefix", own(&named("aws:ec2:us-east-1x:i-1"))?, Reason::SourceSubjectMismatch),
    ];
    for (case, message, expected) in rows {
        done(Row::send(up, case, &message, expected).await.0)?;
    }
    Ok(())
}
