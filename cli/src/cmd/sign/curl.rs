use std::path::Path;

use crate::sign_request::Outgoing;

/// A command that sends exactly what was signed, with the headers that say so, once.
pub(crate) fn curl(request: &Outgoing<'_>, signed: &[(&'static str, String)], body_file: Option<&Path>) -> String {
    let Outgoing { method, scheme, authority, target, headers, body, .. } = request;
    // curl would fold dot segments and expand brackets.
    let mut words = vec!["curl -sS --path-as-is --globoff".to_owned()];
    match *method {
        "GET" => {}
        "HEAD" => words.push("--head".into()),
        method => words.push(format!("-X {}", quoted(method))),
    }
    let mut header = |line: String| words.push(format!("-H {}", quoted(&line)));
    for (name, value) in *headers {
        // `Name:` would remove the header.
        header(if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") });
    }
    for (name, value) in signed {
        header(format!("{name}: {value}"));
    }
    if !body.is_empty() {
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            // What curl would say of the body was not signed.
            header("Content-Type:".to_owned());
        }
        words.push(match body_file {
            Some(path) => format!("--data-binary {}", quoted(&format!("@{}", path.display()))),
            // What came on a command line is text.
            None => format!("--data-raw {}", quoted(&String::from_utf8_lossy(body))),
        });
    }
    words.push(quoted(&format!("{scheme}://{authority}{target}")));
    words.join(" ")
}

/// A word that a POSIX shell takes as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_changes_nothing() {
        let signed = [("X-TrustPlane-Proof", "p".to_owned())];
        let request = Outgoing {
            method: "POST",
            scheme: "http",
            authority: "h:1",
            target: "/p?a=$b",
            audience: "a",
            route_id: "r",
            headers: &[("X-Empty".into(), String::new())],
            body: b"it's  $x",
        };
        assert_eq!(
            curl(&request, &signed, None),
            r"curl -sS --path-as-is --globoff -X 'POST' -H 'X-Empty;' -H 'X-TrustPlane-Proof: p' -H 'Content-Type:' --data-raw 'it'\''s  $x' 'http://h:1/p?a=$b'"
        );
        assert_eq!(
            curl(&Outgoing { method: "GET", headers: &[], body: b"", ..request }, &signed, None),
            "curl -sS --path-as-is --globoff -H 'X-TrustPlane-Proof: p' 'http://h:1/p?a=$b'"
        );
    }
}
