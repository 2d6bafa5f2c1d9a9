use std::collections::HashMap;

/// Templates that came before, by segment: finds those that share some path with another while
/// neither takes every path of the other.
#[derive(Debug, Default)]
pub(super) struct Templates(Node);

#[derive(Debug, Default)]
struct Node {
    literal: HashMap<String, Node>,
    wildcard: Option<Box<Node>>,
    /// The first template that ends here.
    end: Option<usize>,
}

impl Templates {
    /// The first of those before that overlaps with this one; then this one is among them.
    pub(super) fn add(&mut self, template: &str, number: usize) -> Option<usize> {
        let segments: Vec<&str> = template.split('/').skip(1).collect();
        let mut found = None;
        self.0.overlapping(&segments, false, false, &mut found);
        let mut node = &mut self.0;
        for segment in &segments {
            node = match is_wildcard(segment) {
                true => node.wildcard.get_or_insert_default(),
                false => node.literal.entry((*segment).to_owned()).or_default(),
            };
        }
        node.end.get_or_insert(number);
        found
    }
}

impl Node {
    /// `tighter`: this one has a literal where the other takes any segment; `looser`: the reverse.
    fn overlapping(&self, segments: &[&str], tighter: bool, looser: bool, found: &mut Option<usize>) {
        // Without a literal left this one can only take every path of the other.
        if found.is_some() || (!tighter && segments.iter().all(|segment| is_wildcard(segment))) {
            return;
        }
        let Some((segment, rest)) = segments.split_first() else {
            if tighter && looser {
                *found = self.end;
            }
            return;
        };
        if is_wildcard(segment) {
            for node in self.literal.values() {
                node.overlapping(rest, tighter, true, found);
            }
        } else if let Some(node) = self.literal.get(*segment) {
            node.overlapping(rest, tighter, looser, found);
        }
        if let Some(node) = &self.wildcard {
            node.overlapping(rest, tighter || !is_wildcard(segment), looser, found);
        }
    }
}

pub(super) fn is_wildcard(segment: &str) -> bool {
    segment.starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_templates_that_cross_are_found() {
        for (first, second, crosses) in [
            ("/a/{x}/c", "/a/b/{y}", true),
            ("/{x}/b", "/a/{y}", true),
            ("/{x}/b/{z}/d", "/a/{y}/c/d", true),
            ("/a/{x}", "/a/{y}", false),
            ("/a/{x}", "/{x}/{y}", false),
            ("/{x}/{y}", "/a/{y}", false),
            ("/a/{x}/c", "/a/b/d", false),
            ("/a/{x}/c", "/a/b/{y}/d", false),
            ("/{x}/b", "/a/c", false),
        ] {
            for (one, other) in [(first, second), (second, first)] {
                let mut templates = Templates::default();
                assert_eq!(templates.add(one, 0), None);
                assert_eq!(templates.add(other, 1), crosses.then_some(0), "{one} {other}");
            }
        }
    }
}
