//! Error texts in two parts: the fact, and a hint at what to do about it.

/// Implements `Display`, `Error` and `fact` for an error that has the methods
/// `write_fact` and `hint`.
macro_rules! explained_error {
    ($name:ident) => {
        impl $name {
            /// Returns the text without the hint, for callers that show the two apart.
            pub fn fact(&self) -> String {
                struct Fact<'a>(&'a $name);
                impl std::fmt::Display for Fact<'_> {
                    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        self.0.write_fact(f)
                    }
                }
                Fact(self).to_string()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.write_fact(f)?;
                match self.hint() {
                    Some(hint) => write!(f, "; {hint}"),
                    None => Ok(()),
                }
            }
        }

        impl std::error::Error for $name {}
    };
}

pub(crate) use explained_error;
