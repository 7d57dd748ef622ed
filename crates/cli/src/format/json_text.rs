//! JSON text made smaller or prettier without changing a number, a string or
//! the order of keys (a value tree would do all three).

use serde::de::IgnoredAny;

/// Only JSON passes: one value, at most 128 levels deep.
pub(super) fn check(bytes: &[u8]) -> Option<&str> {
    serde_json::from_slice::<IgnoredAny>(bytes).ok()?;
    std::str::from_utf8(bytes).ok()
}

/// Takes white space outside strings away. `json` must have passed [`check`].
pub(super) fn minify(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    each_token(json, |token| out.push_str(token));
    out
}

/// One item per line, indented by tabs. `json` must have passed [`check`].
pub(super) fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut fresh = false;
    each_token(json, |token| match token {
        "{" | "[" => {
            if fresh {
                new_line(&mut out, depth);
            }
            out.push_str(token);
            depth += 1;
            fresh = true;
        }
        "}" | "]" => {
            depth = depth.saturating_sub(1);
            if !fresh {
                new_line(&mut out, depth);
            }
            out.push_str(token);
            fresh = false;
        }
        "," => {
            out.push(',');
            new_line(&mut out, depth);
        }
        ":" => out.push_str(":\t"),
        scalar => {
            if fresh {
                new_line(&mut out, depth);
            }
            out.push_str(scalar);
            fresh = false;
        }
    });
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n('\t', depth));
}

/// Calls `take` with each punctuation mark, string, number and word in turn.
fn each_token<'a>(json: &'a str, mut take: impl FnMut(&'a str)) {
    let mut rest = json.trim_start();
    while !rest.is_empty() {
        let (token, after) = rest.split_at(token_length(rest));
        take(token);
        rest = after.trim_start();
    }
}

fn token_length(rest: &str) -> usize {
    let mut bytes = rest.bytes().enumerate();
    match bytes.next() {
        Some((_, b'"')) => {
            let mut escaped = false;
            for (at, byte) in bytes {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => return at + 1,
                    _ => {}
                }
            }
            rest.len()
        }
        Some((_, b'{' | b'}' | b'[' | b']' | b',' | b':')) => 1,
        _ => rest
            .find([',', ':', '{', '}', '[', ']', '"', ' ', '\t', '\r', '\n'])
            .unwrap_or(rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOSE: &str =
        r#" { "b" : [1, 2.50 , {"x":null}], "e": [ ], "o":{}, "s":"a \"q\" , \\" } "#;

    #[test]
    fn minify_keeps_numbers_and_strings_as_they_are() {
        assert_eq!(minify(LOOSE), r#"{"b":[1,2.50,{"x":null}],"e":[],"o":{},"s":"a \"q\" , \\"}"#);
        assert_eq!(minify(" 1.000 "), "1.000");
        assert_eq!(minify("\"  \""), "\"  \"");
    }

    #[test]
    fn pretty_puts_one_item_on_a_line() {
        let expected = "{\n\t\"b\":\t[\n\t\t1,\n\t\t2.50,\n\t\t{\n\t\t\t\"x\":\tnull\n\t\t}\n\t],\n\t\
                        \"e\":\t[],\n\t\"o\":\t{},\n\t\"s\":\t\"a \\\"q\\\" , \\\\\"\n}";
        assert_eq!(pretty(LOOSE), expected);
        assert_eq!(minify(&pretty(LOOSE)), minify(LOOSE));
    }

    #[test]
    fn only_json_passes() {
        assert!(check(b"{\"a\":[true]}").is_some());
        assert!(check(b"12").is_some());
        for bad in [&b""[..], b"{", b"{} {}", b"nul", b"\"\xff\"", b"{a:1}"] {
            assert!(check(bad).is_none(), "{bad:?}");
        }
        assert!(check("[".repeat(1000).as_bytes()).is_none());
    }
}
