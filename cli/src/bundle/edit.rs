//! Changing one part of a document without moving any other.

use trustplane_core::DocumentError;
use trustplane_core::json::{Object, Value};

use crate::value::Json;

/// Changes the array under `name`; a missing one counts as empty and is added at the end.
pub(super) fn array<T>(
    object: &mut Object<'static>,
    name: &'static str,
    change: impl FnOnce(&mut Vec<Json>) -> Result<T, DocumentError>,
) -> Result<T, DocumentError> {
    let mut items = match object.insert(name, Value::Null) {
        None => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(other) => {
            let found = other.kind();
            return Err(DocumentError::new(format!("/{name}"), format!("expected an array, found {found}")));
        }
    };
    let result = change(&mut items).map_err(|error| error.within(name));
    object.insert(name, Value::Array(items));
    result
}

/// The members of an object.
pub(super) fn members(value: &mut Json) -> Result<&mut Object<'static>, DocumentError> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(DocumentError::new("", format!("expected an object, found {}", other.kind()))),
    }
}

/// Changes the object at `index`.
pub(super) fn item<T>(
    items: &mut [Json],
    index: usize,
    change: impl FnOnce(&mut Object<'static>) -> Result<T, DocumentError>,
) -> Result<T, DocumentError> {
    members(&mut items[index]).and_then(change).map_err(|error| error.within(index))
}

/// The text of a member, if it has one.
pub(super) fn text<'o>(object: &'o Object<'static>, name: &str) -> Option<&'o str> {
    object.get(name).and_then(Value::as_str)
}

/// Changes every item that is an object.
pub(super) fn each(
    items: &mut [Json],
    mut change: impl FnMut(&mut Object<'static>) -> Result<(), DocumentError>,
) -> Result<(), DocumentError> {
    for index in 0..items.len() {
        item(items, index, &mut change)?;
    }
    Ok(())
}

/// Changes the allowed sources of every route that `wanted` takes; answers how many there were.
pub(super) fn sources(
    policy: &mut Json,
    wanted: impl Fn(&str) -> bool,
    mut change: impl FnMut(&mut Vec<Json>) -> Result<(), DocumentError>,
) -> Result<usize, DocumentError> {
    let mut found = 0;
    array(members(policy)?, "route_groups", |groups| {
        each(groups, |group| {
            array(group, "routes", |routes| {
                each(routes, |route| {
                    if text(route, "route_id").is_some_and(&wanted) {
                        found += 1;
                        array(route, "allowed_sources", &mut change)?;
                    }
                    Ok(())
                })
            })
        })
    })?;
    Ok(found)
}

/// Where the first object stands that `wanted` takes.
pub(super) fn position(items: &[Json], wanted: impl Fn(&Object<'static>) -> bool) -> Option<usize> {
    items.iter().position(|item| item.as_object().is_some_and(&wanted))
}
