//! Finding the parts of a document that changes are about.

use trustplane_core::DocumentError;

use super::span::Node;

/// An array that a document must have under `name`.
pub(super) fn array<'t>(object: &Node<'t>, name: &str) -> Result<Node<'t>, DocumentError> {
    let array = object.member(name).ok_or_else(|| DocumentError::new("", "missing member"));
    let array = array.map_err(|error| error.within(name))?;
    match array.text().starts_with('[') {
        true => Ok(array),
        false => Err(DocumentError::new(format!("/{name}"), "expected an array")),
    }
}

/// A route of a policy, and the pointer that leads to it.
pub(super) struct RoutePlace<'t> {
    pub(super) pointer: String,
    pub(super) route_id: String,
    pub(super) route: Node<'t>,
}

/// Every route, in the order of the document.
pub(super) fn routes(policy: &str) -> Vec<RoutePlace<'_>> {
    let mut places = Vec::new();
    for (group_number, group) in Node::root(policy).array("route_groups").iter().enumerate() {
        for (number, route) in group.array("routes").into_iter().enumerate() {
            places.push(RoutePlace {
                pointer: format!("/route_groups/{group_number}/routes/{number}"),
                route_id: route.string("route_id").unwrap_or_default(),
                route,
            });
        }
    }
    places
}

/// An issuer of trust material, and its place among the issuers.
pub(super) fn issuer<'t>(trust: &'t str, name: &str) -> Result<(usize, Node<'t>), DocumentError> {
    let issuers = array(&Node::root(trust), "issuers")?.items();
    let known = issuers.into_iter().enumerate().find(|(_, issuer)| issuer.string("issuer").as_deref() == Some(name));
    known.ok_or_else(|| DocumentError::new("/issuers", format!("no issuer {name:?}")))
}

/// A key of an issuer, and its place among the keys.
pub(super) fn key<'t>(issuer: &Node<'t>, kid: &str) -> Option<(usize, Node<'t>)> {
    issuer.array("keys").into_iter().enumerate().find(|(_, key)| key.string("kid").as_deref() == Some(kid))
}
