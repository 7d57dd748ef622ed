//! Each tidiness check finds what breaks its rule and passes what just keeps it.

use xtask::tidy::layers::{Dependency, Package};
use xtask::tidy::{habits, layers, links, sizes, vocabulary, words};
use xtask::{Fault, Repository, Source};

const CORE: &str = "crates/proto/src/ping.rs";
const DRIVER: &str = "crates/client/src/driver.rs";

fn shown(faults: Vec<Fault>) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

fn sizes_of(path: &str, text: &str) -> Vec<String> {
    shown(sizes::check(&Source::new(path, text)))
}

fn words_of(path: &str, text: &str) -> Vec<String> {
    shown(words::check(&Source::new(path, text)))
}

#[test]
fn files_end_at_800_lines_tests_aside() {
    let lines = |count: usize| "// x\n".repeat(count);
    assert_eq!(sizes_of(CORE, &lines(800)), [""; 0]);
    assert_eq!(sizes_of(CORE, &lines(801)), [format!("{CORE}: file of 801 lines; at most 800")]);
    let tested = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", lines(800), lines(500));
    assert_eq!(sizes_of(CORE, &tested), [""; 0]);
    assert_eq!(sizes_of("crates/proto/tests/ping.rs", &lines(900)), [""; 0]);
}

#[test]
fn functions_end_at_70_lines() {
    let function = |head: &str, indent: &str, lines: usize| {
        let body = format!("{indent}    work();\n").repeat(lines - 2);
        format!("{indent}{head} {{\n{body}{indent}}}\n\nfn next() {{\n    work();\n}}\n")
    };
    for head in ["fn f()", "pub fn f()", "pub(crate) async fn f()", "const fn f()"] {
        for indent in ["", "    "] {
            assert_eq!(sizes_of(CORE, &function(head, indent, 70)), [""; 0], "{head}");
            assert_eq!(
                sizes_of(CORE, &function(head, indent, 71)),
                [format!("{CORE}:1: Function of 71 lines; at most 70")],
                "{head}"
            );
        }
    }
    let long_signature =
        format!("fn f(\n    a: u8,\n) -> u8 {{\n{}}}\n", "    if a {\n    }\n".repeat(34));
    assert_eq!(sizes_of(CORE, &long_signature).len(), 1, "72 lines in all");
    let declarations = format!("trait T {{\n{}}}\n", "    fn f();\n".repeat(100));
    assert_eq!(sizes_of(CORE, &declarations), [""; 0]);
}

#[test]
fn a_match_over_all_cases_may_be_as_long_as_there_are_cases() {
    let arms = |indent: &str| format!("{indent}A => {{\n{indent}    f();\n{indent}}}\n").repeat(40);
    let function = |first: &str, last: &str, signature: &str| {
        let body = format!("        {first}match a {{\n{}{last}        }}\n", arms("            "));
        format!("impl S {{\n    fn f{signature} {{\n{body}    }}\n}}\n")
    };
    for signature in ["(a: u8)", "(\n        a: u8,\n    ) -> u8"] {
        assert_eq!(sizes_of(CORE, &function("// Why.\n        ", "", signature)), [""; 0]);
    }
    for (first, last) in [
        ("", "            _ => {}\n"),
        ("", "            _ if a => {}\n"),
        ("let b = a;\n        ", ""),
        ("let b = ", ""),
    ] {
        assert_eq!(sizes_of(CORE, &function(first, last, "(a: u8)")).len(), 1, "{first}{last}");
    }
}

#[test]
fn structs_end_at_15_fields() {
    let of = |count: usize| {
        let fields: String =
            (0..count).map(|n| format!("    /// Why: it is.\n    pub field_{n}: u8,\n")).collect();
        format!("pub struct S {{\n{fields}}}\n")
    };
    assert_eq!(sizes_of(CORE, &of(15)), [""; 0]);
    assert_eq!(sizes_of(CORE, &of(16)), [format!("{CORE}:1: Struct of 16 fields; at most 15")]);
    assert_eq!(sizes_of(CORE, "struct S(u8);\nstruct T;\n"), [""; 0]);
}

#[test]
fn a_struct_of_counters_may_have_as_many_as_there_are_things_to_count() {
    let of = |last: &str| {
        let counters: String = (0..20).map(|n| format!("    pub c{n}: u64,\n")).collect();
        format!("pub struct S {{\n{counters}    {last},\n}}\n")
    };
    assert_eq!(sizes_of(CORE, &of("pub more: u64")), [""; 0]);
    let mixed = [format!("{CORE}:1: Struct of 21 fields; at most 15")];
    assert_eq!(sizes_of(CORE, &of("pub name: String")), mixed);
}

#[test]
fn allow_attributes_are_banned_everywhere() {
    for line in ["#[allow(dead_code)]", "    #![allow(unused)]", "#[cfg_attr(x, allow(unused))]"] {
        for path in [CORE, DRIVER, "tests/interop.rs"] {
            let found = words_of(path, line);
            assert_eq!(found.len(), 1, "{line}");
            assert!(found[0].starts_with(&format!("{path}:1: allow attribute")), "{found:?}");
        }
    }
    for line in ["#[expect(dead_code, reason = \"x\")]", "// #[allow(x)]", "set.allow(x);"] {
        assert_eq!(words_of(CORE, line), [""; 0], "{line}");
    }
}

#[test]
fn the_core_knows_no_outside_world_and_no_panic() {
    for line in [
        "use std::time::Instant;",
        "let s = std::net::TcpStream::connect(a);",
        "std::thread::sleep(d);",
        "let now = Instant::now();",
        "use tokio::net::TcpStream;",
        "let r = rand::random();",
        "let x = y.unwrap();",
        "let x = y.expect(\"set\");",
        "panic!(\"no\");",
        "_ => unreachable!(),",
        "    clippy::unwrap_used,",
    ] {
        for path in [
            CORE,
            "crates/codec/src/a/b.rs",
            "crates/profile/src/a.rs",
            "crates/broker/src/core/a.rs",
        ] {
            assert_eq!(words_of(path, line).len(), 1, "{path}: {line}");
        }
        for path in [DRIVER, "crates/broker/src/listen.rs", "crates/proto/tests/a.rs"] {
            assert_eq!(words_of(path, line), [""; 0], "{path}: {line}");
        }
        let in_test = format!("#[cfg(test)]\nmod tests {{\n{line}\n}}\n");
        assert_eq!(words_of(CORE, &in_test), [""; 0], "{line}");
    }
    for line in [
        "use core::time::Duration;",
        "use std::time::Duration;",
        "let x = y.unwrap_or_default();",
        "// The tokio driver calls this.",
        "/// Never `.unwrap()`s.",
        "debug_assert!(sorted);",
    ] {
        assert_eq!(words_of(CORE, line), [""; 0], "{line}");
    }
}

#[test]
fn crates_without_std_say_so_and_keep_the_lints() {
    let head = "#![no_std]\n#![forbid(unsafe_code)]\n#![warn(clippy::unwrap_used, \
                clippy::expect_used, clippy::indexing_slicing, clippy::panic)]\n";
    let repository = |text: &str| Repository {
        sources: ["codec", "profile", "proto", "dispatch", "doctor"]
            .map(|name| Source::new(&format!("crates/{name}/src/lib.rs"), text))
            .to_vec(),
    };
    assert_eq!(words::check_core_attributes(&repository(head)), []);
    for word in ["#![no_std]", "#![forbid(unsafe_code)]", "clippy::panic", "clippy::unwrap_used"] {
        let found = words::check_core_attributes(&repository(&head.replace(word, "")));
        assert_eq!(found.len(), 5, "{word}");
        assert_eq!(found[0].to_string(), format!("crates/codec/src/lib.rs: {word} is missing"));
    }
    assert!(!words::check_core_attributes(&Repository::default()).is_empty());
}

/// A dependency on a package of ours, and its kind.
fn ours(name: &str, kind: Option<&str>) -> Dependency {
    Dependency {
        name: name.to_owned(),
        kind: kind.map(str::to_owned),
        path: Some("/somewhere".to_owned()),
    }
}

fn package(name: &str, dependencies: &[Dependency]) -> Package {
    Package {
        name: name.to_owned(),
        manifest_path: format!("crates/{name}/Cargo.toml"),
        dependencies: dependencies.to_vec(),
        features: Default::default(),
    }
}

/// A page with these arrows, and a row for each package.
fn page(arrows: &str, packages: &[Package]) -> Source {
    let rows = packages.iter().map(|package| package.name.as_str());
    let rows: String = rows.map(|name| format!("| `{name}` | `crates/{name}` | |\n")).collect();
    Source::new("ARCHITECTURE.md", &format!("{rows}```mermaid\n{arrows}\n```\n"))
}

fn layers_of(arrows: &str, packages: &[Package], files: &[(&str, &str)]) -> Vec<String> {
    let files = files.iter().map(|(path, text)| Source::new(path, text));
    let sources = files.chain([page(arrows, packages)]).collect();
    shown(layers::check(packages, &Repository { sources }))
}

#[test]
fn an_arrow_that_is_drawn_listed_and_used_passes() {
    for line in ["use b_c::X;", "    b_c::run();", "use b_c;", "pub use b_c as c;"] {
        for path in ["crates/a/src/lib.rs", "crates/a/src/x/y.rs", "crates/a/build.rs"] {
            let packages = [package("a", &[ours("b-c", None)]), package("b-c", &[])];
            assert_eq!(layers_of("a --> b-c", &packages, &[(path, line)]), [""; 0], "{line}");
        }
    }
    let foreign = Dependency { path: None, ..ours("bytes", None) };
    assert_eq!(layers_of("", &[package("a", &[foreign])], &[]), [""; 0]);
}

#[test]
fn an_arrow_that_no_line_uses_is_a_fault() {
    let unused = "crates/a/Cargo.toml: depends on b, which no line of its code uses";
    for (path, text) in [
        ("crates/a/src/lib.rs", "// use b::X;\nlet b = bb::x();\nuse a_b::X;"),
        ("crates/a/src/lib.rs", "#[cfg(test)]\nmod tests {\n    use b::X;\n}"),
        ("crates/a/tests/all.rs", "use b::X;"),
        ("crates/other/src/lib.rs", "use b::X;"),
    ] {
        for kind in [None, Some("build")] {
            let packages = [package("a", &[ours("b", kind)]), package("b", &[])];
            assert_eq!(layers_of("a --> b", &packages, &[(path, text)]), [unused], "{text}");
        }
    }
}

#[test]
fn an_arrow_that_is_not_drawn_is_a_fault() {
    let packages = [package("a", &[ours("b", None)]), package("b", &[])];
    let undrawn = "crates/a/Cargo.toml: must not depend on b, which ARCHITECTURE.md does not draw";
    for arrows in ["", "b --> a-b", "```\na --> b"] {
        let found = layers_of(arrows, &packages, &[("crates/a/src/lib.rs", "use b::X;")]);
        assert!(found.contains(&undrawn.to_owned()), "{arrows}: {found:?}");
    }
}

#[test]
fn an_arrow_that_is_drawn_alone_is_a_fault() {
    let packages = [package("a", &[]), package("b", &[])];
    let files = [("crates/a/src/lib.rs", "use b::X;")];
    assert_eq!(
        layers_of("a --> b & c", &packages, &files),
        [
            "ARCHITECTURE.md:4: draws a --> b, which does not exist",
            "ARCHITECTURE.md:4: draws a --> c, which does not exist",
        ]
    );
}

#[test]
fn what_only_tests_use_is_not_drawn() {
    let packages = [package("a", &[ours("b", Some("dev")), ours("a", Some("dev"))])];
    let uses = [("crates/a/tests/all.rs", "use b::X;")];
    assert_eq!(layers_of("", &packages, &uses), [""; 0]);
    let unused = "crates/a/Cargo.toml: depends on b, which no line of its code uses";
    assert_eq!(layers_of("", &packages, &[]), [unused]);
}

#[test]
fn judges_never_reach_what_they_judge() {
    let packages = [
        package("evenkeel-broker", &[ours("middle", None)]),
        package("middle", &[ours("evenkeel-proto", None)]),
        package("evenkeel-proto", &[]),
    ];
    let files = [
        ("crates/evenkeel-broker/src/lib.rs", "use middle::X;"),
        ("crates/middle/src/lib.rs", "use evenkeel_proto::X;"),
    ];
    assert_eq!(
        layers_of("evenkeel-broker --> middle\nmiddle --> evenkeel-proto", &packages, &files),
        ["ARCHITECTURE.md: evenkeel-broker reaches evenkeel-proto, and must never use what it \
          judges"]
    );
}

#[test]
fn a_new_package_needs_a_row_in_the_table() {
    let sources = vec![page("", &[])];
    let found = shown(layers::check(&[package("new", &[])], &Repository { sources }));
    assert_eq!(
        found,
        ["crates/new/Cargo.toml: has no row in ARCHITECTURE.md; hint: | `new` | `crates/new` | \
          what it is |"]
    );
}

#[test]
fn the_workspace_is_read_from_cargo() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let packages = layers::packages(root).unwrap();
    let proto = packages.iter().find(|package| package.name == "evenkeel-proto").unwrap();
    let codec = proto.dependencies.iter().find(|d| d.name == "evenkeel-codec").unwrap();
    assert!(codec.path.is_some(), "a dependency on a package of ours has a path");
    assert_eq!(proto.manifest_path, "crates/proto/Cargo.toml");
}

#[test]
fn links_lead_to_files() {
    let exists =
        |path: &str| ["README.md", "docs/cli.md", "docs/decisions/README.md"].contains(&path);
    let links = |path: &str, text: &str| shown(links::check(&Source::new(path, text), exists));
    for (path, text) in [
        ("README.md", "[cli](docs/cli.md) and [cli](./docs/cli.md#flags)"),
        ("docs/cli.md", "[top](../README.md), [top](/README.md), [why](decisions/README.md)"),
        ("README.md", "[site](https://example.org/x.md) [mail](mailto:a@b.c) [here](#part)"),
        ("README.md", "```\n[no](link.md)\n```"),
    ] {
        assert_eq!(links(path, text), [""; 0], "{text}");
    }
    assert_eq!(
        links("docs/cli.md", "text\n[a](docs/cli.md) [b](../README.md) [c](gone.md#x)"),
        [
            "docs/cli.md:2: link to docs/cli.md, which does not exist",
            "docs/cli.md:2: link to gone.md, which does not exist",
        ]
    );
}

#[test]
fn paths_in_backticks_lead_to_files() {
    let exists = |path: &str| ["crates/a", "crates/a/src/lib.rs"].contains(&path);
    let page = "`crates/a`, `crates/a/src/lib.rs`, `a::b`, `a / b`, https://a/b\n`a` b/c `d`\n\
                | `crates/b` | `x/y.rs` |";
    assert_eq!(
        shown(links::check_paths(&Source::new("A.md", page), exists)),
        [
            "A.md:3: names crates/b, which does not exist",
            "A.md:3: names x/y.rs, which does not exist",
        ]
    );
}

#[test]
fn the_repository_is_read_without_build_output() {
    let root = std::env::temp_dir().join(format!("xtask-tidy-{}", std::process::id()));
    for path in ["target", ".git", "crates/a/src"] {
        std::fs::create_dir_all(root.join(path)).unwrap();
    }
    for path in ["target/x.rs", ".git/x.md", "crates/a/src/lib.rs", "b.md", "image.png"] {
        std::fs::write(root.join(path), "text").unwrap();
    }
    let repository = Repository::read(&root);
    std::fs::remove_dir_all(&root).unwrap();
    let paths: Vec<String> =
        repository.unwrap().sources.into_iter().map(|source| source.path).collect();
    assert_eq!(paths, ["b.md", "crates/a/src/lib.rs"]);
}

#[test]
fn words_of_the_dictionarys_last_table_are_refused() {
    let of = |text: &str| shown(vocabulary::check(&Source::new("a.rs", text)));
    for line in [
        "// lest it ends",
        "let mended = 1;",
        "fn has_mended_it() {}",
        "const FAREWELL: u8 = 1;",
        "enum E { ForEver }",
        "/// Waits for ever.",
        "let for_ever = 1;",
        "# Of use",
    ] {
        assert_eq!(of(&format!("fn f() {{}}\n{line}")).len(), 1, "{line}");
    }
    for line in [
        "// forever, recommended, a bearer of tokens, latest",
        "// all of, use",
        "use super::for_each;",
        "let x = list.of(use_it);",
    ] {
        assert_eq!(of(line), [""; 0], "{line}");
    }
    assert_eq!(of("// lest"), ["a.rs:1: the word \"lest\"; hint: so that ... not"]);
    for path in ["CHANGELOG.md", "docs/decisions/0005-words.md", "specs/mqtt5.toml"] {
        assert!(!vocabulary::is_checked(path), "{path}");
    }
    for path in ["README.md", "crates/codec/src/lib.rs", "crates/new/src/lib.rs"] {
        assert!(vocabulary::is_checked(path), "{path}");
    }
}

#[test]
fn refused_words_stand_in_the_dictionary() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("docs/decisions/0005-words.md")).unwrap();
    let (_, table) = page.split_once("## Words we do not use").unwrap();
    let words: Vec<&str> = table
        .lines()
        .filter_map(|row| row.split('|').nth(1))
        .flat_map(|cell| cell.split(','))
        .map(str::trim)
        .collect();
    for (refused, _) in vocabulary::REFUSED {
        assert!(words.contains(&refused), "{refused}");
    }
}

#[test]
fn where_is_rare_in_comments() {
    let of = |where_lines: usize, others: usize| {
        let text =
            "// 0 where there is none\n".repeat(where_lines) + &"    /// other\n".repeat(others);
        let code = "fn f<T>() where T: Copy {}\n".repeat(100);
        let file = Source::new("crates/a/src/b.rs", &(text + &code));
        shown(vocabulary::check_where(&[&file, &Source::new("sim/a.rs", "")]))
    };
    assert_eq!(of(1, 99), [""; 0]);
    assert_eq!(
        of(2, 98),
        ["crates/a: 2 of 100 comment lines say \"where\", at most 1; hint: if, when"]
    );
    let of = |line: &str| {
        let text = format!("{line}\n").repeat(100);
        !vocabulary::check_where(&[&Source::new("sim/a.rs", &text)]).is_empty()
    };
    for line in ["/// False where nothing came.", "// where there is none."] {
        assert!(of(line), "{line}");
    }
    for line in ["/// Where it listens.", "// Stays where it is.", "x where there is"] {
        assert!(!of(line), "{line}");
    }
}

#[test]
fn files_say_what_they_are() {
    let of = |text: &str| shown(habits::check(&Source::new("a.rs", text)));
    for text in ["//! What.\nuse x;", "#![no_main]\n//! What.\n", "#!/bin/x\n\n//! What.\n"] {
        assert_eq!(of(text), [""; 0], "{text}");
    }
    for text in ["", "use x;\n//! What.", "/// A struct.\nstruct S;", "// What."] {
        assert_eq!(of(text), ["a.rs: does not say what it is; hint: //! in its first line"]);
    }
}

#[test]
fn a_condition_is_no_filter() {
    let of = |line: &str| habits::check(&Source::new("a.rs", &format!("//! A.\n{line}"))).len();
    assert_eq!(of("let x = y.filter(|_| z);"), 1);
    assert_eq!(of("let x = y.filter(|y| y.z);"), 0);
    assert_eq!(of("let x = y.filter(|(_, z)| *z);"), 0);
    assert_eq!(of("// not .filter(|_| z)"), 0);
    assert_eq!(of("match x {\n    true => 1,\n    false => 0,\n}"), 2);
    assert_eq!(of("match x {\n    false if y => 1,\n    (true, false) => 0,\n}"), 1);
}

#[test]
fn modules_with_a_folder_stand_in_it() {
    let of = |paths: &[&str]| {
        let sources: Vec<Source> = paths.iter().map(|path| Source::new(path, "")).collect();
        shown(habits::check_modules(&sources.iter().collect::<Vec<_>>()))
    };
    assert_eq!(of(&["crates/a/src/x/mod.rs", "crates/a/src/x/y.rs", "crates/a/src/z.rs"]), [""; 0]);
    assert_eq!(of(&["crates/a/tests/x.rs", "crates/a/tests/x/main.rs"]), [""; 0]);
    assert_eq!(
        of(&["crates/a/src/x.rs", "crates/a/src/x/y.rs"]),
        ["crates/a/src/x.rs: a module beside its folder; hint: mod.rs in the folder"]
    );
}
