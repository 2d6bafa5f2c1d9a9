//! How a configuration tells the filter to hold requests.

/// The two ways; the host must be set up to match.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hold {
    /// Pausing at the head holds the head, and the body still comes.
    StopIteration,
    /// The head passes into a buffer behind the filter.
    TrailingBuffer,
}

impl Hold {
    const fn member(self) -> &'static str {
        match self {
            Self::StopIteration => r#""hold":"stop_iteration""#,
            Self::TrailingBuffer => r#""hold":"trailing_buffer""#,
        }
    }

    /// The same configuration for this way of holding, and the way that it then really names.
    ///
    /// A change of the text, for some configurations are no JSON on purpose.
    pub fn configure(self, config: &str) -> (String, Self) {
        let config = match self {
            Self::StopIteration => config.to_owned(),
            Self::TrailingBuffer => config.replace(Self::StopIteration.member(), self.member()),
        };
        let named = [Self::StopIteration, Self::TrailingBuffer].into_iter().find(|hold| config.contains(hold.member()));
        (config, named.unwrap_or(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_that_asks_for_the_buffer_keeps_it() {
        let (stop, buffer) = (r#"{"hold":"stop_iteration"}"#, r#"{"hold":"trailing_buffer"}"#);
        assert_eq!(Hold::StopIteration.configure(stop), (stop.to_owned(), Hold::StopIteration));
        assert_eq!(Hold::StopIteration.configure(buffer), (buffer.to_owned(), Hold::TrailingBuffer));
        assert_eq!(Hold::TrailingBuffer.configure(stop), (buffer.to_owned(), Hold::TrailingBuffer));
        assert_eq!(Hold::TrailingBuffer.configure("[]"), ("[]".to_owned(), Hold::TrailingBuffer));
    }
}
