//! Values of JSON as the input area has them: `ABI.md` says how.

use alloc::vec::Vec;

use evenkeel_profile::Written;

use crate::arguments::Arguments;
use crate::failure::Failure;

/// A profile is not as deep.
const DEEPEST: u32 = 8;

pub(crate) fn written(bytes: &[u8]) -> Result<Written<'_>, Failure> {
    value(&mut Arguments::new(bytes), DEEPEST)
}

fn value<'a>(from: &mut Arguments<'a>, depth: u32) -> Result<Written<'a>, Failure> {
    let below = depth.checked_sub(1).ok_or(Failure::Argument("these values are too deep"))?;
    Ok(match from.number()? {
        0 => Written::Bool(false),
        1 => Written::Bool(true),
        2 => {
            let (low, high) = (from.number()?, from.number()?);
            Written::Number(f64::from_bits(u64::from(high) << 32 | u64::from(low)))
        }
        3 => Written::Text(text(from)?),
        4 => {
            let mut values = Vec::new();
            for _ in 0..from.number()? {
                values.push(value(from, below)?);
            }
            Written::List(values)
        }
        5 => {
            let mut parts = Vec::new();
            for _ in 0..from.number()? {
                parts.push((text(from)?, value(from, below)?));
            }
            Written::Table(parts)
        }
        _ => return Err(Failure::Argument("a value begins with its kind, 0 to 5")),
    })
}

fn text<'a>(from: &mut Arguments<'a>) -> Result<&'a str, Failure> {
    let len = from.number()?;
    let bytes = from.padded(len)?;
    core::str::from_utf8(bytes).map_err(|_| Failure::Argument("a text is not UTF-8"))
}
