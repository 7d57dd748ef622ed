//! Topic names and topic filters (MQTT 5 section 4.7).

/// What both have in common: they are texts with rules.
macro_rules! text_like {
    ($name:ident) => {
        impl core::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                self.text().as_str()
            }
        }

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                self.text().as_str()
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Debug::fmt(self.text(), f)
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(self.text(), f)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = TopicError;

            fn try_from(text: &str) -> Result<Self, TopicError> {
                Self::new(Text::try_from(text).map_err(TopicError::Text)?)
            }
        }

        impl TryFrom<alloc::string::String> for $name {
            type Error = TopicError;

            fn try_from(text: alloc::string::String) -> Result<Self, TopicError> {
                Self::new(Text::try_from(text).map_err(TopicError::Text)?)
            }
        }
    };
}

mod filter;
mod name;

pub use filter::TopicFilter;
pub use name::TopicName;
