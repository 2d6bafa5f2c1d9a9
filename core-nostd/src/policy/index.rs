use alloc::boxed::Box;

use super::path::{segments, wildcard};
use super::route::MatchType;
use crate::names::Names;

/// From method and path to a route's number, without a step that grows with the bundle but by its
/// logarithm.
#[derive(Debug, Default)]
pub(super) struct Index(Names<Paths>);

/// The paths of one method.
#[derive(Debug, Default)]
struct Paths {
    exact: Names<usize>,
    patterns: Node,
}

/// What may follow the segments that led here.
#[derive(Debug, Default)]
struct Node {
    literal: Names<Node>,
    wildcard: Option<Box<Node>>,
    /// The template that ends here.
    template: Option<usize>,
    /// The prefix that ends here.
    prefix: Option<usize>,
    /// The first route of the document among the templates that end here or below.
    first: Option<usize>,
}

impl Index {
    /// Adds the next route of the document; of two with the same path the first one counts.
    pub(super) fn add(&mut self, method: &str, match_type: MatchType, path: &str, number: usize) {
        let Some(paths) = self.0.entry(method, Paths::default) else {
            return;
        };
        if match_type == MatchType::Exact && !segments(path).any(|segment| wildcard(segment).is_some()) {
            paths.exact.insert(path, number);
            return;
        }
        // The prefix `/` ends at the root.
        let parts = segments(path).filter(|_| path != "/");
        let mut node = &mut paths.patterns;
        for segment in parts {
            if match_type == MatchType::Exact {
                node.first.get_or_insert(number);
            }
            let next = match wildcard(segment) {
                Some(_) => Some(&mut **node.wildcard.get_or_insert_default()),
                None => node.literal.entry(segment, Node::default),
            };
            let Some(next) = next else {
                return;
            };
            node = next;
        }
        match match_type {
            MatchType::Exact => {
                node.first.get_or_insert(number);
                node.template.get_or_insert(number);
            }
            MatchType::PathPrefix => {
                node.prefix.get_or_insert(number);
            }
        }
    }

    /// The number of the route that serves this method and path.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<usize> {
        let paths = self.0.get(method)?;
        (paths.exact.get(path).copied())
            .or_else(|| paths.patterns.template(segments(path)))
            .or_else(|| paths.patterns.prefix(segments(path)))
    }
}

impl Node {
    /// The template with the longest literal prefix: literals are followed to their end before
    /// any wildcard is tried, the deepest first.
    fn template<'p>(&self, mut path: impl Iterator<Item = &'p str> + Clone) -> Option<usize> {
        let segment = path.next()?;
        let deeper = self.literal.get(segment).and_then(|node| node.template(path.clone()));
        deeper.or_else(|| {
            let node = self.wildcard.as_deref().filter(|_| !segment.is_empty())?;
            let mut found = None;
            node.earliest(path, &mut found);
            found
        })
    }

    /// The template that comes first in the document, beyond a first wildcard.
    fn earliest<'p>(&self, mut path: impl Iterator<Item = &'p str> + Clone, found: &mut Option<usize>) {
        let sooner = |number: usize, found: &Option<usize>| found.is_none_or(|found| number < found);
        if !self.first.is_some_and(|first| sooner(first, found)) {
            return;
        }
        let Some(segment) = path.next() else {
            if let Some(number) = self.template.filter(|number| sooner(*number, found)) {
                *found = Some(number);
            }
            return;
        };
        if let Some(node) = self.literal.get(segment) {
            node.earliest(path.clone(), found);
        }
        if let Some(node) = self.wildcard.as_deref().filter(|_| !segment.is_empty()) {
            node.earliest(path, found);
        }
    }

    /// The longest prefix, at a segment's end.
    fn prefix<'p>(&self, path: impl Iterator<Item = &'p str>) -> Option<usize> {
        let mut node = self;
        let mut found = node.prefix;
        for segment in path {
            let Some(next) = node.literal.get(segment) else {
                break;
            };
            node = next;
            found = node.prefix.or(found);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;

    use MatchType::{Exact, PathPrefix};

    /// The rules once more, by trying every route.
    fn by_trial(routes: &[(&str, MatchType, &str)], method: &str, path: &str) -> Option<usize> {
        let rank = |(number, (own, match_type, pattern)): (usize, &(&str, MatchType, &str))| {
            if *own != method {
                return None;
            }
            let literal = segments(pattern).take_while(|segment| wildcard(segment).is_none()).count();
            let exact = segments(path).count() == segments(pattern).count()
                && segments(path).zip(segments(pattern)).all(|(segment, pattern)| match wildcard(pattern) {
                    Some(_) => !segment.is_empty(),
                    None => segment == pattern,
                });
            let prefix = *pattern == "/" || path == *pattern || path.starts_with(&format!("{pattern}/"));
            let kind = match match_type {
                Exact if exact && path == *pattern => 2,
                Exact if exact => 1,
                PathPrefix if prefix => 0,
                _ => return None,
            };
            let literal = if *pattern == "/" { 0 } else { literal };
            Some((kind, literal, core::cmp::Reverse(number)))
        };
        routes.iter().enumerate().filter_map(rank).max().map(|(_, _, number)| number.0)
    }

    fn index(routes: &[(&str, MatchType, &str)]) -> Index {
        let mut index = Index::default();
        for (number, (method, match_type, path)) in routes.iter().enumerate() {
            index.add(method, *match_type, path, number);
        }
        index
    }

    const ROUTES: &[(&str, MatchType, &str)] = &[
        ("GET", PathPrefix, "/"),
        ("GET", Exact, "/{any}"),
        ("GET", Exact, "/orders/{id}"),
        ("GET", Exact, "/orders/search"),
        ("POST", Exact, "/orders/{id}"),
        ("GET", PathPrefix, "/orders"),
        ("GET", Exact, "/{a}/{b}/last"),
        ("GET", Exact, "/{a}/mid/{c}"),
        ("GET", Exact, "/orders/{id}/items/{item}"),
        ("GET", Exact, "/orders/{id}/{any}/{more}"),
        ("GET", PathPrefix, "/orders/deep/er"),
        ("GET", Exact, "/orders/{again}"),
        ("GET", Exact, "/slash/"),
        ("GET", Exact, "/slash/{x}/"),
        ("PUT", PathPrefix, "/orders"),
    ];

    #[test]
    fn the_most_specific_route_serves_a_path() {
        let index = index(ROUTES);
        for (method, path, number) in [
            ("GET", "/orders/search", Some(3)),
            ("GET", "/orders/7", Some(2)),
            ("GET", "/orders/", Some(5)),
            ("GET", "/orders", Some(1)),
            ("GET", "/ordersx/1", Some(0)),
            ("GET", "/", Some(0)),
            ("GET", "/x/mid/last", Some(6)),
            ("GET", "/x/mid/y", Some(7)),
            ("GET", "/orders/7/items/8", Some(8)),
            ("GET", "/orders/7/other/8", Some(9)),
            ("GET", "/orders/7/mid/8/9", Some(5)),
            ("GET", "/orders/deep/er", Some(10)),
            ("GET", "/orders/deep/er/x", Some(9)),
            ("GET", "/orders/deep/er/x/y", Some(10)),
            ("GET", "/orders/deep/erx", Some(5)),
            ("GET", "/slash/", Some(12)),
            ("GET", "/slash", Some(1)),
            ("GET", "/slash/a/", Some(13)),
            ("GET", "/slash/a", Some(0)),
            ("POST", "/orders/search", Some(4)),
            ("POST", "/orders", None),
            ("PUT", "/orders/7", Some(14)),
            ("PUT", "/", None),
            ("HEAD", "/orders/search", None),
        ] {
            assert_eq!(index.find(method, path), number, "{method} {path}");
        }
    }

    #[test]
    fn the_order_of_the_document_breaks_ties() {
        let routes = [("GET", Exact, "/{a}/{b}"), ("GET", Exact, "/{a}/x"), ("GET", Exact, "/p"), ("GET", Exact, "/p")];
        assert_eq!(index(&routes).find("GET", "/1/x"), Some(0));
        assert_eq!(index(&routes).find("GET", "/p"), Some(2));
        let routes = [("GET", Exact, "/{a}/x"), ("GET", Exact, "/{a}/{b}")];
        assert_eq!(index(&routes).find("GET", "/1/x"), Some(0));
        assert_eq!(index(&routes).find("GET", "/1/y"), Some(1));
    }

    #[test]
    fn the_index_agrees_with_trying_every_route() {
        let parts = ["", "a", "b", "{x}"];
        let mut patterns: Vec<String> = Vec::new();
        for one in parts {
            patterns.push(format!("/{one}"));
            for two in parts.iter().filter(|_| !one.is_empty()) {
                patterns.push(format!("/{one}/{two}"));
                for three in parts.iter().filter(|_| !two.is_empty()) {
                    patterns.push(format!("/{one}/{two}/{three}"));
                }
            }
        }
        let mut checked = 0;
        // A fixed walk through subsets and orders of the patterns (xorshift).
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..300 {
            let mut routes = Vec::new();
            for _ in 0..12 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let pattern = &patterns[usize::try_from(state % 1000).unwrap() % patterns.len()];
                let method = if state & 1024 == 0 { "GET" } else { "PUT" };
                let prefix = state & 2048 == 0 && super::super::path::check_prefix(pattern).is_ok();
                routes.push((method, if prefix { PathPrefix } else { Exact }, pattern.as_str()));
            }
            let index = index(&routes);
            for path in patterns.iter().filter(|path| !path.contains('{')) {
                for method in ["GET", "PUT"] {
                    assert_eq!(index.find(method, path), by_trial(&routes, method, path), "{method} {path} {routes:?}");
                    checked += 1;
                }
            }
        }
        assert_eq!(checked, 300 * 2 * 21);
    }
}
