//! Replays the seed corpus of the fuzz targets without a fuzzer, and keeps it
//! equal to the golden vectors it was made from.
//!
//! `EVENKEEL_WRITE_CORPUS=1 cargo test -p evenkeel-codec --test corpus` writes
//! the seeds anew.

#[expect(unreachable_pub, reason = "it is the library of the fuzz crate")]
#[path = "../../../fuzz/src/lib.rs"]
mod targets;
#[path = "golden/vectors/mod.rs"]
mod vectors;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs};

use evenkeel_codec::{Packet, Version};

/// Files of one target by name.
type Seeds = BTreeMap<String, Vec<u8>>;

fn corpus(target: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../fuzz/corpus", target].iter().collect()
}

fn choice(version: Version, chunk: u8) -> u8 {
    chunk * 3 + version.level() - 3
}

/// Each packet alone, in chunks of five bytes.
fn client_seeds() -> Seeds {
    let mut seeds: Seeds = vectors::all()
        .into_iter()
        .filter(|vector| !matches!(vector.packet, Packet::Connect(_)))
        .map(|vector| {
            let mut seed = vec![choice(vector.version, 5)];
            seed.extend_from_slice(&vector.bytes);
            (vector.name.to_owned(), seed)
        })
        .collect();
    let answer = [&[choice(Version::V5, 1)], &vectors::wire("20 02 00 01")[..]].concat();
    seeds.insert("connack_v3_to_a_v5_client".to_owned(), answer);
    seeds
}

/// Each CONNECT, followed by all that a client of its version sends.
fn server_seeds() -> Seeds {
    let connects = vectors::all().into_iter().filter(|v| matches!(v.packet, Packet::Connect(_)));
    connects
        .map(|connect| {
            let mut seed = connect.bytes;
            for vector in vectors::all().into_iter().filter(|v| v.version == connect.version) {
                if !matches!(
                    vector.packet,
                    Packet::Connect(_)
                        | Packet::ConnAck(_)
                        | Packet::SubAck(_)
                        | Packet::UnsubAck(_)
                        | Packet::PingResp
                ) {
                    seed.extend_from_slice(&vector.bytes);
                }
            }
            (connect.name.to_owned(), seed)
        })
        .collect()
}

/// All packets of a version, one after the other, and those of MQTT 5 alone in
/// the form they are written.
fn roundtrip_seeds() -> Seeds {
    let mut seeds = Seeds::new();
    for vector in vectors::all() {
        let start = || vec![choice(vector.version, 0)];
        let all = seeds.entry(format!("all_{:?}", vector.version)).or_insert_with(start);
        all.extend_from_slice(&vector.bytes);
        if vector.version == Version::V5 && vector.canonical {
            let seed = [&start()[..], &vector.bytes].concat();
            seeds.insert(vector.name.to_owned(), seed);
        }
    }
    seeds
}

fn topic_seeds() -> Seeds {
    [
        ("equal", "sport/tennis", "sport/tennis"),
        ("hash", "#", "sport/tennis"),
        ("hash_parent", "sport/#", "sport"),
        ("hash_dollar", "#", "$SYS/broker"),
        ("plus", "sport/+/player1", "sport/tennis/player1"),
        ("plus_empty", "sport/+", "sport/"),
        ("plus_missing", "sport/+", "sport"),
        ("plus_dollar", "+/broker", "$SYS/broker"),
        ("plus_hash", "+/#", "a/b/c"),
        ("shared", "$share/group/a/+", "a/b"),
        ("slashes", "/+//#", "/a//b"),
        ("umlaut", "Grüße/+", "Grüße/Ω"),
    ]
    .into_iter()
    .map(|(name, filter, topic)| (name.to_owned(), format!("{filter}\n{topic}").into_bytes()))
    .collect()
}

fn write_seeds(target: &str, seeds: &Seeds) {
    fs::create_dir_all(corpus(target)).unwrap();
    for (name, seed) in seeds {
        fs::write(corpus(target).join(name), seed).unwrap();
    }
}

/// Holds the committed files against the seeds and runs them all, those a
/// fuzzer found and someone committed too.
fn replay(target: &str, seeds: &Seeds, run: fn(&[u8])) {
    if env::var_os("EVENKEEL_WRITE_CORPUS").is_some() {
        write_seeds(target, seeds);
    }
    for (name, seed) in seeds {
        let file = corpus(target).join(name);
        let committed = fs::read(&file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        assert_eq!(&committed, seed, "{file:?} differs from its vector");
    }
    let mut count = 0;
    for entry in fs::read_dir(corpus(target)).unwrap() {
        run(&fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count >= seeds.len() && count > 10, "{count} files for {target}");
}

#[test]
fn decode_client() {
    replay("decode_client", &client_seeds(), targets::decode_client);
}

#[test]
fn decode_server() {
    replay("decode_server", &server_seeds(), targets::decode_server);
}

#[test]
fn roundtrip() {
    replay("roundtrip", &roundtrip_seeds(), targets::roundtrip);
}

#[test]
fn topic_match() {
    replay("topic_match", &topic_seeds(), targets::topic_match);
}
