//! Errors for people: what happened, why, and what to try.

use std::error::Error;
use std::fmt;

use crate::escape;
use crate::exit::Exit;
use crate::personality::Personality;

/// Why the program ends without having done its job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    exit: Exit,
    /// The CONNACK byte on the wire: the exit code under mosquitto's names.
    connack: Option<u8>,
    /// `None` ends silently, as for a reader that closed the pipe.
    text: Option<Box<Text>>,
}

/// The three parts, each a sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Text {
    what: String,
    why: Option<Why>,
    hint: Option<String>,
}

/// The cause of a failure, with the texts of all that lies below it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Why(String);

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Why {}

/// What happened, and in the alternate form also why.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(text) = &self.text else { return f.write_str("the reader has gone") };
        f.write_str(&text.what)?;
        match &text.why {
            Some(why) if f.alternate() => write!(f, ": {why}"),
            _ => Ok(()),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let why = self.text.as_ref()?.why.as_ref()?;
        Some(why)
    }
}

impl Failure {
    /// A failure that says what happened; add the other parts with
    /// [`why`](Self::why) and [`hint`](Self::hint).
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        let text = Text { what: cut(what.into()), why: None, hint: None };
        Self { exit, connack: None, text: Some(Box::new(text)) }
    }

    /// A mistake in flags, files or settings.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// An ending that says nothing: whoever reads the output has gone.
    pub(crate) const fn silent(exit: Exit) -> Self {
        Self { exit, connack: None, text: None }
    }

    /// Adds the cause: of an error its text and those of its sources.
    #[must_use]
    pub(crate) fn why(mut self, why: impl fmt::Display) -> Self {
        if let Some(text) = &mut self.text {
            text.why = Some(Why(cut(format!("{why:#}"))));
        }
        self
    }

    /// Adds what the user can try.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(text) = &mut self.text {
            text.hint = Some(cut(hint.into()));
        }
        self
    }

    /// Adds the CONNACK byte the server refused with.
    #[must_use]
    pub(crate) const fn connack(mut self, code: u8) -> Self {
        self.connack = Some(code);
        self
    }

    /// The class of the failure.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// The exit code under the name the program was called by.
    pub(crate) const fn code(&self, personality: Personality) -> u8 {
        exit_code(self.exit, self.connack, personality)
    }

    /// The same for a terminal, which may not be given a peer's text as it came.
    pub(crate) fn escaped(&self) -> Self {
        let harmless = |part: &String| escape::text(part).into_owned();
        let text = self.text.as_ref().map(|text| {
            Box::new(Text {
                what: harmless(&text.what),
                why: text.why.as_ref().map(|why| Why(harmless(&why.0))),
                hint: text.hint.as_ref().map(harmless),
            })
        });
        Self { text, ..self.clone() }
    }

    /// The lines for stderr, empty for a silent ending.
    pub(crate) fn render(
        &self,
        personality: Personality,
        paint: impl Fn(&str) -> String,
    ) -> String {
        let Some(text) = &self.text else { return String::new() };
        let label = if personality.is_mosquitto() { "Error:" } else { "error:" };
        let mut out = format!("{} {}\n", paint(label), text.what);
        let why = text.why.as_ref().map(|why| &why.0);
        for (label, part) in [("why:", why), ("hint:", text.hint.as_ref())] {
            if let Some(part) = part {
                out.push_str(&format!("{} {part}\n", paint(label)));
            }
        }
        if personality.is_mosquitto() && self.exit == Exit::Usage {
            out.push_str(&format!("\nUse '{} --help' to see usage.\n", personality.program()));
        }
        out
    }
}

/// The most characters of a part.
const LONGEST: usize = 1000;
/// What is left of a longer one: a value may have 65,535 bytes, and is in its middle.
const BEGINNING: usize = 300;
const ENDING: usize = 200;

/// Leaves the middle of a long text out.
pub(crate) fn cut(text: String) -> String {
    let count = text.chars().count();
    if count <= LONGEST {
        return text;
    }
    let beginning: String = text.chars().take(BEGINNING).collect();
    let ending: String = text.chars().skip(count - ENDING).collect();
    format!("{beginning}[... {} characters ...]{ending}", count - BEGINNING - ENDING)
}

/// The exit code of an ending: ours, or mosquitto's under its names.
///
/// The mosquitto tools know the CONNACK code, 27 for a time-out and 1 for the
/// rest; a message or subscription the server refused is no failure to them,
/// and a signal the normal end.
pub(crate) const fn exit_code(exit: Exit, connack: Option<u8>, personality: Personality) -> u8 {
    if !personality.is_mosquitto() {
        return exit.code();
    }
    match (connack, exit) {
        (Some(code), _) => code,
        (None, Exit::Done | Exit::Interrupted | Exit::RefusedMessage) => 0,
        (None, Exit::SubscriptionRefused | Exit::SubscriptionPartly) => 0,
        (None, Exit::Timeout) => 27,
        (None, Exit::Aborted) => Exit::Aborted.code(),
        (None, _) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn the_three_parts_have_a_line_each() {
        let failure = Failure::usage("--qos 3 is not a QoS")
            .why("MQTT has QoS 0, 1 and 2")
            .hint("use --qos 2 for exactly once");
        assert_eq!(
            failure.render(Personality::Evenkeel, plain),
            "error: --qos 3 is not a QoS\nwhy: MQTT has QoS 0, 1 and 2\nhint: use --qos 2 for exactly once\n"
        );
        assert!(
            failure
                .render(Personality::MosquittoSub, plain)
                .ends_with("\n\nUse 'mosquitto_sub --help' to see usage.\n")
        );
    }

    /// A chain of three errors becomes one of two, and no text is lost.
    #[test]
    fn a_failure_has_its_cause_as_source() {
        let below = std::io::Error::from_raw_os_error(2);
        let unresolved = evenkeel::transport::ConnectError::Resolve {
            host: "h".into(),
            error: Some(below.into()),
        };
        let failure = Failure::new(Exit::Network, "no connection").why(unresolved.fact());
        let why = failure.source().unwrap();
        assert!(why.source().is_none());
        assert!(why.to_string().starts_with("cannot resolve the host 'h': "), "{why}");
        assert_eq!(failure.to_string(), "no connection");
        assert_eq!(format!("{failure:#}"), format!("no connection: {why}"));
        assert!(Failure::silent(Exit::Done).source().is_none());
        // What prints a warning only gives the texts of the sources, too.
        let topic = evenkeel::TopicName::try_from("a/#").unwrap_err();
        let refused = Failure::usage("x").why(evenkeel::PublishError::Topic(topic));
        let texts = format!("the topic is no topic name: {topic}");
        assert_eq!(refused.source().map(ToString::to_string), Some(texts));
    }

    #[test]
    fn long_values_are_cut_in_the_middle() {
        for count in [LONGEST, LONGEST + 1, 65_535] {
            let failure = Failure::usage(format!("'{}' of -t is wrong", "ä".repeat(count)));
            let text = failure.to_string();
            assert!(text.starts_with("'ää") && text.ends_with("ää' of -t is wrong"), "{text}");
            assert!(text.chars().count() <= LONGEST, "{text}");
        }
        let whole = "x".repeat(LONGEST);
        assert_eq!(cut(whole.clone()), whole);
        assert!(cut("x".repeat(LONGEST + 1)).contains("x[... 501 characters ...]x"));
    }

    #[test]
    fn a_silent_ending_says_nothing() {
        let failure = Failure::silent(Exit::Done).why("never shown").hint("neither");
        assert_eq!(failure.render(Personality::Evenkeel, plain), "");
        assert_eq!(failure.code(Personality::Evenkeel), 0);
    }

    #[test]
    fn mosquittos_names_take_mosquittos_codes() {
        let code = |failure: &Failure| failure.code(Personality::MosquittoPub);
        assert_eq!(code(&Failure::new(Exit::RefusedCredentials, "x").connack(5)), 5);
        assert_eq!(code(&Failure::new(Exit::RefusedCredentials, "x").connack(135)), 135);
        assert_eq!(code(&Failure::new(Exit::Timeout, "x")), 27);
        assert_eq!(code(&Failure::usage("x")), 1);
        assert_eq!(code(&Failure::new(Exit::Network, "x")), 1);
        assert_eq!(code(&Failure::new(Exit::RefusedMessage, "x")), 0);
        assert_eq!(
            Failure::new(Exit::RefusedCredentials, "x").connack(5).code(Personality::Evenkeel),
            3
        );
    }
}
