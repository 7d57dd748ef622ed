//! The `-F` language: parsed once, checked before anything is sent.

use std::fmt;

use jiff::Zoned;
use jiff::fmt::strtime;

/// The widest field that is accepted, in characters.
pub(super) const MAX_WIDTH: usize = 65_535;

/// A parsed format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Format(pub(super) Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(Vec<u8>),
    Field(Field, Spec),
    /// `@X`: the conversion of strftime with this letter.
    Strftime(char),
    /// `@N`: nanoseconds of the second.
    Nanoseconds,
}

/// What a `%` sequence stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    TopicAlias,
    ContentType,
    CorrelationData,
    MessageExpiry,
    PayloadFormat,
    IsoTime,
    Json,
    JsonRawPayload,
    Length,
    PacketId,
    UserProperties,
    Payload,
    QoS,
    ResponseTopic,
    Retain,
    SubscriptionId,
    Topic,
    UnixTime,
    HexLower,
    HexUpper,
}

/// Padding of a field: `%010.10t`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spec {
    /// Pads numbers and hexadecimal payloads with zeros.
    pub(super) zero: bool,
    /// Pads on the right.
    pub(super) left: bool,
    /// Least number of characters.
    pub(super) width: usize,
    /// Most characters, for the text fields.
    pub(super) max: Option<usize>,
}

/// What is wrong with a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormatError {
    /// The format ends inside a sequence begun by this character.
    Incomplete(char),
    /// No such letter after `%`.
    UnknownField(char),
    /// No such letter after a backslash.
    UnknownEscape(char),
    /// Not a conversion of strftime.
    UnknownTime(char),
    /// A width beyond the limit.
    TooWide,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete(start) => write!(f, "the sequence begun by '{start}' has no end"),
            Self::UnknownField(letter) => write!(f, "'%{letter}' stands for nothing"),
            Self::UnknownEscape(letter) => write!(f, "'\\{letter}' is no escape"),
            Self::UnknownTime(letter) => write!(f, "'@{letter}' is no conversion of strftime"),
            Self::TooWide => write!(f, "a field is wider than {MAX_WIDTH} characters"),
        }
    }
}

impl std::error::Error for FormatError {}

impl FormatError {
    /// What to write instead.
    pub(crate) fn hint(self) -> String {
        match self {
            Self::Incomplete(start) => format!("write '{start}{start}' for the character itself"),
            Self::UnknownField(_) => {
                "the fields are %A %C %D %E %F %I %j %J %l %m %p %P %q %r %R %S %t %U %x %X and %%"
                    .into()
            }
            Self::UnknownEscape(_) => r"the escapes are \\ \0 \a \e \n \r \t and \v".into(),
            Self::UnknownTime(_) => "common ones are @Y @m @d @H @M @S @N @z @s and @@".into(),
            Self::TooWide => "make the number between % and the letter smaller".into(),
        }
    }
}

impl Format {
    /// Reads a format; every mistake is found here, not at the first message.
    pub(crate) fn parse(text: &str) -> Result<Self, FormatError> {
        let mut rest = text.chars();
        let mut pieces = Vec::new();
        while let Some(start) = rest.next() {
            match start {
                '%' => pieces.push(parse_field(&mut rest)?),
                '@' => pieces.push(parse_time(&mut rest)?),
                '\\' => push_literal(&mut pieces, parse_escape(&mut rest)?),
                plain => push_literal(&mut pieces, plain),
            }
        }
        Ok(Self(pieces))
    }
}

type Rest<'a> = std::str::Chars<'a>;

fn push_literal(pieces: &mut Vec<Piece>, character: char) {
    let mut buffer = [0; 4];
    let bytes = character.encode_utf8(&mut buffer).as_bytes();
    if let Some(Piece::Literal(literal)) = pieces.last_mut() {
        literal.extend_from_slice(bytes);
    } else {
        pieces.push(Piece::Literal(bytes.to_vec()));
    }
}

fn parse_escape(rest: &mut Rest<'_>) -> Result<char, FormatError> {
    Ok(match rest.next().ok_or(FormatError::Incomplete('\\'))? {
        '\\' => '\\',
        '0' => '\0',
        'a' => '\x07',
        'e' => '\x1b',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        other => return Err(FormatError::UnknownEscape(other)),
    })
}

fn parse_time(rest: &mut Rest<'_>) -> Result<Piece, FormatError> {
    match rest.next().ok_or(FormatError::Incomplete('@'))? {
        '@' => Ok(Piece::Literal(b"@".to_vec())),
        'N' => Ok(Piece::Nanoseconds),
        letter if letter.is_ascii_alphabetic() && is_conversion(letter) => {
            Ok(Piece::Strftime(letter))
        }
        letter => Err(FormatError::UnknownTime(letter)),
    }
}

fn is_conversion(letter: char) -> bool {
    strtime::format(format!("%{letter}"), &Zoned::default()).is_ok()
}

fn parse_field(rest: &mut Rest<'_>) -> Result<Piece, FormatError> {
    let incomplete = FormatError::Incomplete('%');
    let mut spec = Spec::default();
    let mut next = rest.next().ok_or(incomplete)?;
    if next == '%' {
        return Ok(Piece::Literal(b"%".to_vec()));
    }
    if next == '-' || next == '0' {
        spec.left = next == '-';
        spec.zero = next == '0';
        next = rest.next().ok_or(incomplete)?;
    }
    spec.width = parse_number(&mut next, rest)?.unwrap_or(0);
    if next == '.' {
        next = rest.next().ok_or(incomplete)?;
        spec.max = Some(parse_number(&mut next, rest)?.unwrap_or(0));
    }
    let field = field_of(next).ok_or(FormatError::UnknownField(next))?;
    Ok(Piece::Field(field, spec))
}

/// Reads digits from `next` on and leaves `next` at the character after them.
fn parse_number(next: &mut char, rest: &mut Rest<'_>) -> Result<Option<usize>, FormatError> {
    let mut number = None;
    while let Some(digit) = next.to_digit(10) {
        let value = number.unwrap_or(0) * 10 + digit as usize;
        if value > MAX_WIDTH {
            return Err(FormatError::TooWide);
        }
        number = Some(value);
        *next = rest.next().ok_or(FormatError::Incomplete('%'))?;
    }
    Ok(number)
}

const fn field_of(letter: char) -> Option<Field> {
    Some(match letter {
        'A' => Field::TopicAlias,
        'C' => Field::ContentType,
        'D' => Field::CorrelationData,
        'E' => Field::MessageExpiry,
        'F' => Field::PayloadFormat,
        'I' => Field::IsoTime,
        'j' => Field::Json,
        'J' => Field::JsonRawPayload,
        'l' => Field::Length,
        'm' => Field::PacketId,
        'P' => Field::UserProperties,
        'p' => Field::Payload,
        'q' => Field::QoS,
        'R' => Field::ResponseTopic,
        'r' => Field::Retain,
        'S' => Field::SubscriptionId,
        't' => Field::Topic,
        'U' => Field::UnixTime,
        'x' => Field::HexLower,
        'X' => Field::HexUpper,
        _ => return None,
    })
}
