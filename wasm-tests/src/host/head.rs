//! The request line and the authority, as hosts present them.

use super::pairs::first;
use super::{HeadView, Pair};

impl HeadView {
    /// The header map that the guest reads for these headers.
    pub(super) fn of(self, headers: &[Pair]) -> Vec<Pair> {
        let mut pairs = headers.to_vec();
        match self {
            Self::AsSent => {}
            Self::Nginx { server_name } => {
                add_host(&mut pairs);
                for (name, value) in &mut pairs {
                    match name.as_slice() {
                        b":authority" => *value = server_name.into(),
                        b":path" => *value = normalised(value),
                        _ => {}
                    }
                }
            }
            Self::PseudoLast => {
                add_host(&mut pairs);
                pairs.sort_by_key(|(name, _)| name.starts_with(b":"));
            }
        }
        pairs
    }
}

fn add_host(pairs: &mut Vec<Pair>) {
    if first(pairs, b"host").is_none()
        && let Some(authority) = first(pairs, b":authority")
    {
        pairs.push((b"host".to_vec(), authority.to_vec()));
    }
}

/// nginx's `$uri` with the arguments: escapes decoded, slashes merged, dot
/// segments resolved.
fn normalised(target: &[u8]) -> Vec<u8> {
    let end = target.iter().position(|byte| *byte == b'?');
    let (path, arguments) = target.split_at(end.unwrap_or(target.len()));
    let decoded = decoded(path);
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in decoded.split(|byte| *byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    let mut uri = Vec::new();
    for segment in &segments {
        uri.push(b'/');
        uri.extend_from_slice(segment);
    }
    if uri.is_empty() || decoded.ends_with(b"/") {
        uri.push(b'/');
    }
    uri.extend_from_slice(arguments);
    uri
}

fn decoded(path: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut out = Vec::new();
    let mut rest = path;
    while let [first, after @ ..] = rest {
        rest = after;
        let mut byte = *first;
        if byte == b'%'
            && let [high, low, after @ ..] = after
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            byte = u8::try_from(high * 16 + low).expect("two hex digits are one byte");
            rest = after;
        }
        out.push(byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nginx_shows_a_decoded_path_its_own_name_and_the_clients_host() {
        let sent = [
            (b":path".to_vec(), b"/a//b/%2e%2e/c%2Fd/?e=%20".to_vec()),
            (b":authority".to_vec(), b"api.example".to_vec()),
        ];
        let shown = HeadView::Nginx { server_name: "localhost" }.of(&sent);
        assert_eq!(first(&shown, b":path"), Some(b"/a/c/d/?e=%20".as_slice()));
        assert_eq!(first(&shown, b":authority"), Some(b"localhost".as_slice()));
        assert_eq!(first(&shown, b"host"), Some(b"api.example".as_slice()));
    }

    #[test]
    fn apisix_shows_pseudo_headers_last_and_untouched() {
        let sent = [(b":path".to_vec(), b"/a//b".to_vec()), (b"x".to_vec(), b"1".to_vec())];
        let shown = HeadView::PseudoLast.of(&sent);
        assert_eq!(shown, [sent[1].clone(), sent[0].clone()]);
    }
}
