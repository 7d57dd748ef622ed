//! How far apart two names are, for a hint to who has mistyped one.

/// Letters to add, remove or replace, case aside, to make one of the other.
pub(super) fn distance(one: &str, other: &str) -> usize {
    let lower = |text: &str| -> Vec<char> { text.to_lowercase().chars().collect() };
    let (one, other) = (lower(one), lower(other));
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.iter().enumerate() {
        let mut left = index + 1;
        let mut next = vec![left];
        for (known, pair) in other.iter().zip(row.windows(2)) {
            let (diagonal, above) = match pair {
                [diagonal, above] => (*diagonal, *above),
                _ => break,
            };
            left = (diagonal + usize::from(letter != known)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn each_letter_counts_once() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("MQTT_Connect", "mqtt_connect", 0),
            ("MQTT_Conect", "MQTT_Connect", 1),
            ("abc", "cab", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
            assert_eq!(distance(other, one), expected, "{other} {one}");
        }
    }
}
