use trustplane_core::DocumentError;

use super::edit::Edit;
use super::place::{self, array, routes};
use super::source::Source;
use super::span::Node;

impl Source {
    /// Takes this source's rule out of one route, or out of every route; answers how many went.
    ///
    /// None at all is a fault: whoever removes a client must not believe it gone when its name was
    /// misspelt.
    pub fn remove_rules(&self, policy: &mut String, route_id: Option<&str>) -> Result<usize, DocumentError> {
        let mut edit = Edit::new(policy);
        let (mut found, mut removed) = (0, 0);
        for place in routes(policy) {
            if route_id.is_none_or(|wanted| place.route_id == wanted) {
                found += 1;
                if let Some(rules) = place.route.member("allowed_sources") {
                    removed += edit.retain(&rules, |rule| !self.is_rule(rule));
                }
            }
        }
        let problem = match (route_id, found, removed) {
            (Some(route_id), 0, _) => format!("no route has the id {route_id:?}"),
            (_, _, 0) => "no rule is for this source".to_owned(),
            _ => {
                *policy = edit.apply();
                return Ok(removed);
            }
        };
        Err(DocumentError::new("/route_groups", problem))
    }
}

/// Takes a key of an issuer out of trust material, and the issuer with its last key.
pub fn remove_key(trust: &mut String, issuer: &str, kid: &str) -> Result<(), DocumentError> {
    let (number, known) = place::issuer(trust, issuer)?;
    let keys = array(&known, "keys").map_err(|error| error.within(number).within("issuers"))?;
    if place::key(&known, kid).is_none() {
        return Err(DocumentError::new(format!("/issuers/{number}/keys"), format!("no key {kid:?}")));
    }
    let mut edit = Edit::new(trust);
    if keys.items().len() == 1 {
        edit.retain(&array(&Node::root(trust), "issuers")?, |issuer| issuer.range() != known.range());
    } else {
        edit.retain(&keys, |key| key.string("kid").as_deref() != Some(kid));
    }
    *trust = edit.apply();
    Ok(())
}
