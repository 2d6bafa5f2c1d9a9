use trustplane_core::DocumentError;
use trustplane_core::json::Object;

use super::edit::{array, item, members, position, sources, text};
use super::sign::unsign;
use super::source::Source;
use crate::value::Json;

impl Source {
    /// Takes this source's rule out of one route, or out of every route; answers how many went.
    ///
    /// None at all is a fault: whoever removes a client must not believe it gone when its name was
    /// misspelt.
    pub fn remove_rules(&self, policy: &mut Json, route_id: Option<&str>) -> Result<usize, DocumentError> {
        let mut removed = 0;
        let routes = sources(
            policy,
            |own| route_id.is_none_or(|wanted| own == wanted),
            |rules| {
                let before = rules.len();
                rules.retain(|rule| !rule.as_object().is_some_and(|rule| self.is_rule(rule)));
                removed += before - rules.len();
                Ok(())
            },
        )?;
        let problem = match (route_id, routes, removed) {
            (Some(route_id), 0, _) => format!("no route has the id {route_id:?}"),
            (_, _, 0) => "no rule is for this source".to_owned(),
            _ => {
                unsign(policy)?;
                return Ok(removed);
            }
        };
        Err(DocumentError::new("/route_groups", problem))
    }

    /// Takes a key of this source's issuer out of trust material, and the issuer with its last key.
    pub fn remove_key(&self, trust: &mut Json, kid: &str) -> Result<(), DocumentError> {
        array(members(trust)?, "issuers", |issuers| {
            let index = position(issuers, |issuer| self.is_issuer(issuer))
                .ok_or_else(|| DocumentError::new("", format!("no issuer {:?}", self.issuer)))?;
            let left = item(issuers, index, |issuer| take_key(issuer, kid))?;
            if left == 0 {
                issuers.remove(index);
            }
            Ok(())
        })?;
        unsign(trust)
    }
}

/// Answers how many keys are left.
fn take_key(issuer: &mut Object<'static>, kid: &str) -> Result<usize, DocumentError> {
    array(issuer, "keys", |keys| {
        let index = position(keys, |key| text(key, "kid") == Some(kid))
            .ok_or_else(|| DocumentError::new("", format!("no key {kid:?}")))?;
        keys.remove(index);
        Ok(keys.len())
    })
}
