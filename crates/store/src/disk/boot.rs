//! Which boot of the machine this is.

use std::sync::OnceLock;

use evenkeel_proto::record::BootId;

/// The file in which Linux tells it: drawn anew at each boot, the same in all containers.
const PLACE: &str = "/proc/sys/kernel/random/boot_id";

/// Names the time since this machine was started, if the system tells it,
/// as Linux does. Two processes that are told the same run without a power cut
/// in between.
pub fn boot_id() -> Option<BootId> {
    static FOUND: OnceLock<Option<BootId>> = OnceLock::new();
    *FOUND.get_or_init(|| parse(&std::fs::read_to_string(PLACE).ok()?))
}

/// 32 hexadecimal digits with hyphens between them.
fn parse(text: &str) -> Option<BootId> {
    let digits = text.trim().chars().filter(|digit| *digit != '-');
    let digits: Vec<u8> =
        digits.map(|digit| digit.to_digit(16).map(|it| it as u8)).collect::<Option<_>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    // A system without randomness says zeros, always the same.
    let bytes: [u8; 16] = bytes.try_into().ok()?;
    (bytes != [0; 16]).then_some(BootId(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_read_and_nothing_else_is() {
        let text = "0c1f3a52-9b7e-4d08-8a11-00ff10203040\n";
        let expected = [
            0x0c, 0x1f, 0x3a, 0x52, 0x9b, 0x7e, 0x4d, 0x08, 0x8a, 0x11, 0, 0xff, 0x10, 0x20, 0x30,
            0x40,
        ];
        assert_eq!(parse(text), Some(BootId(expected)));
        let zeros = "00000000-0000-0000-0000-000000000000";
        for other in ["", "0c1f", "x", &text[..35], &format!("{}7", text.trim()), zeros] {
            assert_eq!(parse(other), None, "{other:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_tells_it_and_always_the_same() {
        assert!(boot_id().is_some());
        assert_eq!(boot_id(), boot_id());
    }
}
