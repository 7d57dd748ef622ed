//! The picture of the demo shows what was printed, and all of it fits.

use xtask::picture::svg::{COLUMNS, draw};
use xtask::picture::terminal::{Color, Line, lines};
use xtask::picture::{PATH, excerpt};

/// The number behind `name="` in an element.
fn number(element: &str, name: &str) -> f64 {
    let (_, rest) = element.split_once(&format!("{name}=\"")).unwrap();
    rest.split('"').next().unwrap().parse().unwrap()
}

fn texts(svg: &str) -> Vec<&str> {
    svg.lines().filter(|line| line.trim_start().starts_with("<text")).collect()
}

#[test]
fn colors_become_spans_and_other_control_characters_go() {
    let [line, next] = &lines("a \x1b[31;1mb\x1b[0m\x1b[Kc\x07\n\x1b[32md")[..] else { panic!() };
    let spans: Vec<_> = line.spans.iter().map(|span| (span.text.as_str(), span.color)).collect();
    assert_eq!(spans, [("a ", None), ("b", Some(Color::Red)), ("c", None)]);
    assert_eq!(next.spans[0].color, Some(Color::Green));
}

#[test]
fn markup_in_the_output_is_shown_and_not_obeyed() {
    let svg = draw("a <b>", &[Line::plain("<script>\"x\" & 'y'</script>")]);
    assert!(svg.contains("&lt;script&gt;&quot;x&quot; &amp; 'y'&lt;/script&gt;"), "{svg}");
    assert!(svg.contains("<title>a &lt;b&gt;</title>"), "{svg}");
    assert_eq!(svg.matches("<script").count(), 0);
}

#[test]
fn every_text_lies_in_the_box() {
    for columns in [1, COLUMNS, COLUMNS + 50] {
        let shown = vec![Line::plain(&"x".repeat(columns)); 40];
        let svg = draw("t", &shown);
        let (width, height) = (number(&svg, " width"), number(&svg, " height"));
        assert_eq!(texts(&svg).len(), 40);
        for text in texts(&svg) {
            assert!(number(text, " x") + number(text, "textLength") <= width - 8.0, "{text}");
            assert!(number(text, " y") <= height - 8.0, "{text}");
        }
    }
}

#[test]
fn an_excerpt_says_how_much_it_leaves_out_and_keeps_the_end_whole() {
    let scene: String = (1..=9)
        .map(|n| format!("\x1b[33mevent {n}\n{}more\x1b[0m\nping {n}\n", " ".repeat(22)))
        .collect();
    let output = format!("introduction\n\nscene\n{scene}\nclosing\none\ntwo\n");
    let shown = excerpt::of(&lines(&output));
    let shown: Vec<String> =
        shown.iter().map(|line| line.spans.iter().map(|span| span.text.trim()).collect()).collect();
    assert_eq!(
        shown,
        [
            "introduction",
            "",
            "scene",
            "event 1",
            "more",
            "event 2",
            "more",
            "(21 more lines)",
            "event 9",
            "more",
            "",
            "closing",
            "one",
            "two",
        ]
    );
}

#[test]
fn the_picture_in_the_repository_ends_well() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let svg = std::fs::read_to_string(root.join(PATH)).unwrap();
    assert!(svg.contains("verdict: good."), "hint: cargo run -p xtask -- demo-picture");
}
