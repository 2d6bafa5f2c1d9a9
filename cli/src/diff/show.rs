use std::fmt;

use super::{Change, Diff, Grant, RevocationLine, RouteLine};

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.same {
            writeln!(f, "the same policy")?;
        }
        for grant in &self.gains {
            writeln!(f, "+ {grant}")?;
            on_terms(f, &grant.on_terms)?;
        }
        for grant in &self.loses {
            writeln!(f, "- {grant}")?;
        }
        for terms in &self.terms {
            writeln!(f, "~ {}", terms.grant)?;
            writeln!(f, "    terms: {} -> {}", terms.was.join(" | "), terms.now.join(" | "))?;
        }
        for route in &self.routes_added {
            writeln!(f, "+ route {route}")?;
        }
        for route in &self.routes_removed {
            writeln!(f, "- route {route}")?;
        }
        for route in &self.routes_changed {
            writeln!(f, "~ route {}", route.name)?;
            changes(f, &route.changes)?;
        }
        if self.routes_reordered {
            writeln!(f, "~ routes stand in another order, which decides between templates that share a path")?;
        }
        for issuer in &self.issuers_added {
            writeln!(f, "+ issuer {issuer}")?;
        }
        for issuer in &self.issuers_removed {
            writeln!(f, "- issuer {issuer}")?;
        }
        for (sign, keys) in [('+', &self.keys_added), ('-', &self.keys_removed)] {
            for key in keys {
                writeln!(f, "{sign} key {} of {}, up to {}", key.kid, key.issuer, key.max_key_binding)?;
            }
        }
        for key in &self.keys_changed {
            writeln!(f, "~ key {}", key.name)?;
            changes(f, &key.changes)?;
        }
        for (sign, revocations) in [('+', &self.revocations_added), ('-', &self.revocations_removed)] {
            for revocation in revocations {
                writeln!(f, "{sign} {revocation}")?;
            }
        }
        for change in &self.members {
            writeln!(f, "~ {change}")?;
        }
        for change in &self.envelope {
            writeln!(f, "  ({change})")?;
        }
        Ok(())
    }
}

fn on_terms(f: &mut fmt::Formatter<'_>, terms: &[String]) -> fmt::Result {
    terms.iter().try_for_each(|terms| writeln!(f, "    with {terms}"))
}

fn changes(f: &mut fmt::Formatter<'_>, changes: &[Change]) -> fmt::Result {
    changes.iter().try_for_each(|change| writeln!(f, "    {change}"))
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.subject_exact, &self.subject_prefix) {
            (Some(subject), _) => f.write_str(subject)?,
            (None, prefix) => write!(f, "{}*", prefix.as_deref().unwrap_or_default())?,
        }
        write!(f, " of {} in {}: {}", self.issuer, self.trust_domain, self.route)
    }
}

impl fmt::Display for RouteLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { route_id, method, path_template, audience } = self;
        write!(f, "{route_id} ({method} {path_template}, audience {audience})")
    }
}

impl fmt::Display for RevocationLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { document, r#type, value, issuer, revoked_at, reason } = self;
        write!(f, "revocation of {type} {value}")?;
        if let Some(issuer) = issuer {
            write!(f, " of {issuer}")?;
        }
        write!(f, " since {revoked_at}")?;
        if let Some(reason) = reason {
            write!(f, ", {reason:?}")?;
        }
        write!(f, " ({document})")
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(f, "{}: {} -> {}", self.what, text(&self.was), text(&self.now))
    }
}
