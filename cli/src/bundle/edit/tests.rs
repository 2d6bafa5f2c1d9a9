use arbtest::arbitrary::{self, Unstructured};
use arbtest::arbtest;
use trustplane_core::json::{Limits, Object, parse};

use super::*;
use crate::value::{Json, value};

fn read(text: &str) -> Json {
    parse(text.as_bytes(), Limits::DOCUMENT).unwrap_or_else(|error| panic!("{error}: {text}")).into_owned()
}

#[track_caller]
fn edited<'t>(text: &'t str, change: impl FnOnce(&mut Edit<'t>, Node<'t>)) -> String {
    let mut edit = Edit::new(text);
    change(&mut edit, Node::root(text));
    edit.apply()
}

#[test]
fn new_entries_are_written_like_those_beside_them() {
    let entry = value!({ "kid": "b", "n": [1, 2] });
    for (text, expected) in [
        ("[{\"kid\":\"a\"}]", "[{\"kid\":\"a\"},{\"kid\":\"b\",\"n\":[1,2]}]"),
        ("[ { \"kid\": \"a\" } ]", "[ { \"kid\": \"a\" }, { \"kid\": \"b\", \"n\": [ 1, 2 ] } ]"),
        ("[{\"kid\": \"a\"}]", "[{\"kid\": \"a\"}, {\"kid\": \"b\", \"n\": [1, 2]}]"),
        ("[\n    { \"kid\": \"a\" }\n]\n", "[\n    { \"kid\": \"a\" },\n    { \"kid\": \"b\", \"n\": [ 1, 2 ] }\n]\n"),
        (
            "[\n\t{\n\t\t\"kid\": \"a\"\n\t}\n]\n",
            "[\n\t{\n\t\t\"kid\": \"a\"\n\t},\n\t{\n\t\t\"kid\": \"b\",\n\t\t\"n\": [\n\t\t\t1,\n\t\t\t2\n\t\t]\n\t}\n]\n",
        ),
        ("[]", "[{\"kid\":\"b\",\"n\":[1,2]}]"),
        ("[\n]\n", "[\n  {\n    \"kid\": \"b\",\n    \"n\": [\n      1,\n      2\n    ]\n  }\n]\n"),
    ] {
        assert_eq!(edited(text, |edit, root| edit.push(&root, std::slice::from_ref(&entry))), expected);
    }
}

#[test]
fn a_member_goes_where_it_is_put_and_line_ends_stay_as_they_are() {
    let text = "{\r\n  \"a\" : 1,\r\n  \"z\" : [ ]\r\n}\r\n";
    assert_eq!(
        edited(text, |edit, root| edit.set_before(&root, "z", "m", &value!({ "x": 1 }))),
        "{\r\n  \"a\" : 1,\r\n  \"m\" : {\r\n    \"x\": 1\r\n  },\r\n  \"z\" : [ ]\r\n}\r\n"
    );
    assert_eq!(edited(text, |edit, root| edit.set(&root, "a", &value!(2))), text.replace(": 1", ": 2"));
    assert_eq!(
        edited(text, |edit, root| edit.set(&root, "zz", &value!(2))),
        text.replace("[ ]", "[ ],\r\n  \"zz\" : 2")
    );
    assert_eq!(edited("{}", |edit, root| edit.set(&root, "a", &value!(true))), "{\"a\":true}");
}

#[test]
fn items_go_with_their_commas_and_leave_the_others_alone() {
    let text = "[ 0,\n  1 ,\n 2,3\n]";
    let without = |gone: &[&str]| {
        edited(text, |edit, root| {
            assert_eq!(edit.retain(&root, |item| !gone.contains(&item.text())), gone.len());
        })
    };
    assert_eq!(without(&["0"]), "[ 1 ,\n 2,3\n]");
    assert_eq!(without(&["1", "2"]), "[ 0,3\n]");
    assert_eq!(without(&["3"]), "[ 0,\n  1 ,\n 2\n]");
    assert_eq!(without(&["0", "2"]), "[ 1,3\n]");
    assert_eq!(without(&["0", "1", "2", "3"]), "[]");
    assert_eq!(without(&[]), text);
}

/// A random document, written with random white space.
struct Drawn {
    value: Json,
    text: String,
}

fn draw(u: &mut Unstructured<'_>, depth: usize) -> arbitrary::Result<Drawn> {
    let kind = u.int_in_range(0..=if depth == 0 { 2 } else { 4 })?;
    let mut text = String::new();
    let value = match kind {
        0 => Value::Integer(u.int_in_range(-1000..=1000)?),
        1 => Value::Bool(u.arbitrary()?),
        2 => Value::from((*u.choose(&["", "a", "\"\\/", "é\u{1f600}", "],[{}:", "line\nfeed"])?).to_owned()),
        3 => {
            let mut items = Vec::new();
            text.push('[');
            for number in 0..u.int_in_range(0..=4)? {
                text.push_str(if number > 0 { "," } else { "" });
                text.push_str(space(u)?);
                let item = draw(u, depth - 1)?;
                text.push_str(&item.text);
                text.push_str(space(u)?);
                items.push(item.value);
            }
            text.push_str(if items.is_empty() { space(u)? } else { "" });
            text.push(']');
            Value::Array(items)
        }
        _ => {
            let mut members = Object::new();
            text.push('{');
            for number in 0..u.int_in_range(0..=4)? {
                text.push_str(if number > 0 { "," } else { "" });
                text.push_str(space(u)?);
                let name = format!("{}{number}", u.choose(&["m", "\"", "é", "/~"])?);
                let member = draw(u, depth - 1)?;
                text.push_str(&format!("{}{}:{}{}", compact(&name), space(u)?, space(u)?, member.text));
                text.push_str(space(u)?);
                members.insert(name, member.value);
            }
            text.push_str(if members.is_empty() { space(u)? } else { "" });
            text.push('}');
            Value::Object(members)
        }
    };
    if text.is_empty() {
        text = compact(&value);
    }
    Ok(Drawn { value, text })
}

fn space(u: &mut Unstructured<'_>) -> arbitrary::Result<&'static str> {
    u.choose(&["", "", " ", "\n", "\n  ", "\r\n\t", "  "]).copied()
}

/// One change, made to the text and, as a check, to the value.
fn change<'t>(
    u: &mut Unstructured<'_>,
    edit: &mut Edit<'t>,
    node: &Node<'t>,
    value: &mut Json,
) -> arbitrary::Result<()> {
    let new = draw(u, 2)?.value;
    match value {
        Value::Array(items) => match u.int_in_range(0..=2)? {
            0 => {
                edit.push(node, &[new.clone(), Value::Bool(true)]);
                items.extend([new, Value::Bool(true)]);
            }
            1 if !items.is_empty() => {
                let index = u.choose_index(items.len())?;
                edit.replace(&node.items()[index], &new);
                items[index] = new;
            }
            _ => {
                let gone: u8 = u.arbitrary()?;
                let kept = |index: usize| gone >> (index % 8) & 1 == 0;
                let places: Vec<_> = node.items().iter().map(Node::range).collect();
                edit.retain(node, |item| kept(places.iter().position(|place| *place == item.range()).unwrap()));
                let mut index = 0;
                items.retain(|_| {
                    index += 1;
                    kept(index - 1)
                });
            }
        },
        Value::Object(members) => {
            let names: Vec<String> = members.iter().map(|(name, _)| name.to_owned()).collect();
            match names.is_empty() {
                false if u.arbitrary()? => {
                    let name = u.choose(&names)?.clone();
                    edit.set(node, &name, &new);
                    members.insert(name, new);
                }
                false if u.arbitrary()? => {
                    let before = u.choose(&names)?;
                    edit.set_before(node, before, "new", &new);
                    let mut rebuilt = Object::new();
                    for (name, member) in std::mem::take(members) {
                        if name == before.as_str() {
                            rebuilt.insert("new", new.clone());
                        }
                        rebuilt.insert(name, member);
                    }
                    *members = rebuilt;
                }
                _ => {
                    edit.set(node, "new", &new);
                    members.insert("new", new);
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// Changes a random container; answers the value it must give, and what alone may differ.
fn anywhere<'t>(
    u: &mut Unstructured<'_>,
    edit: &mut Edit<'t>,
    node: Node<'t>,
    mut value: Json,
) -> arbitrary::Result<(Json, Range<usize>)> {
    let inner = match value {
        Value::Array(_) => node.items(),
        _ => node.members().into_iter().map(|member| member.value).collect(),
    };
    let containers: Vec<usize> = (0..inner.len()).filter(|at| inner[*at].text().starts_with(['[', '{'])).collect();
    if containers.is_empty() || u.arbitrary()? {
        change(u, edit, &node, &mut value)?;
        return Ok((value, node.range()));
    }
    let at = *u.choose(&containers)?;
    match value {
        Value::Array(mut items) => {
            let (item, range) = anywhere(u, edit, inner[at], items[at].clone())?;
            items[at] = item;
            Ok((Value::Array(items), range))
        }
        Value::Object(mut members) => {
            let (name, member) =
                members.iter().nth(at).map(|(name, member)| (name.to_owned(), member.clone())).unwrap();
            let (member, range) = anywhere(u, edit, inner[at], member)?;
            members.insert(name, member);
            Ok((Value::Object(members), range))
        }
        _ => unreachable!("a container has inner values"),
    }
}

#[test]
fn an_edit_gives_the_expected_value_and_keeps_every_byte_around_it() {
    arbtest(|u| {
        let Drawn { value, text } = draw(u, 4)?;
        let text = format!("{}{text}{}", space(u)?, space(u)?);
        assert_eq!(read(&text), value);
        let mut edit = Edit::new(&text);
        let (expected, touched) = anywhere(u, &mut edit, Node::root(&text), value)?;
        let result = edit.apply();
        assert_eq!(read(&result), expected, "{text}");
        assert!(result.starts_with(&text[..touched.start]), "{text}");
        assert!(result.ends_with(&text[touched.end..]), "{text}");
        Ok(())
    })
    .budget_ms(3_000);
}

#[test]
fn within_the_changed_list_every_other_item_keeps_its_bytes() {
    arbtest(|u| {
        let Drawn { value, text } = draw(u, 3)?;
        let Value::Array(items) = value else { return Ok(()) };
        let mut edit = Edit::new(&text);
        let list = Node::root(&text);
        let before: Vec<&str> = list.items().iter().map(Node::text).collect();
        let gone = match u.choose_index(items.len() + 1)? {
            at if at < items.len() => Some(at),
            _ => None,
        };
        match gone {
            Some(at) => {
                let place = list.items()[at].range();
                edit.retain(&list, |item| item.range() != place);
            }
            None => edit.push(&list, &[Value::Null]),
        }
        let result = edit.apply();
        let mut expected = before;
        match gone {
            Some(at) => drop(expected.remove(at)),
            None => expected.push("null"),
        }
        assert_eq!(Node::root(&result).items().iter().map(Node::text).collect::<Vec<_>>(), expected);
        Ok(())
    })
    .budget_ms(1_000);
}
