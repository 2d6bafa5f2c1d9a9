use super::Pair;

/// A request as the client sends it, in the parts it arrives in.
#[derive(Clone, Debug, Default)]
pub struct RequestInput {
    /// Lower-case names, pseudo headers among them.
    pub headers: Vec<Pair>,
    pub body: Vec<Vec<u8>>,
    pub trailers: Option<Vec<Pair>>,
    /// The end comes after the last part of the body, in an empty one.
    pub separate_end: bool,
}

impl RequestInput {
    pub fn new(method: &str, scheme: &str, authority: &str, target: &str) -> Self {
        Self::default()
            .header(":authority", authority)
            .header(":path", target)
            .header(":method", method)
            .header(":scheme", scheme)
    }

    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// One more part of the body.
    pub fn chunk(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body.push(bytes.into());
        self
    }

    pub fn trailer(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        let trailers = self.trailers.get_or_insert_default();
        trailers.push((name.into(), value.into()));
        self
    }

    pub fn separate_end(mut self) -> Self {
        self.separate_end = true;
        self
    }
}
