//! Three ways to keep a queue.

use std::ops::Range;
use std::path::{Path, PathBuf};

use evenkeel_store::codec::{Properties, Publish, QoS, Text};
use evenkeel_store::record::{
    Accepted, Outcome, Priority, Read, Record, Serial, UnixMillis, Window,
};
use evenkeel_store::{FileStore, Fsync, Store};
use redb::{
    Database, Durability, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition,
};

pub const ENGINES: [&str; 3] = ["evenkeel", "redb", "fjall"];

/// What the databases may cache, which the file store does not do at all:
/// their defaults are 1 GiB and 32 MiB.
const CACHE: usize = 8 << 20;

/// A queue that can be committed to.
pub trait Engine {
    /// Accepts messages and ends others, in one atomic batch.
    fn commit(&mut self, accepted: Range<u64>, done: Range<u64>, durable: bool);

    /// How many messages are queued, and how many of the first so many could
    /// be read.
    fn start(&mut self, window: usize) -> (u64, u64);
}

pub fn open(name: &str, path: &Path) -> Box<dyn Engine> {
    match name {
        "evenkeel" => Box::new(Ours::open(path)),
        "redb" => {
            let mut builder = Database::builder();
            let database = builder.set_cache_size(CACHE).create(path.join("queue.redb"));
            Box::new(Redb(database.expect("redb opens")))
        }
        "fjall" => Box::new(Fjall::open(path)),
        other => panic!("no engine {other}; there are {ENGINES:?}"),
    }
}

/// The file store as an application may choose it.
pub fn with_policy(path: &Path, fsync: Fsync) -> Box<dyn Engine> {
    let store = FileStore::options().fsync(fsync).open(path).expect("the store opens");
    Box::new(Ours { store: Some(store), path: path.to_owned(), never_syncs: false })
}

fn message(serial: u64) -> Accepted {
    let publish = Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: Text::from_static("site/7/level").expect("a topic"),
        packet_id: None,
        payload: noise(serial, 200).into(),
        properties: Properties::new(),
    };
    let (serial, accepted) = (Serial(serial), UnixMillis(1_800_000_000_000 + serial));
    Accepted { serial, publish, accepted, expires: None, age: None, priority: Priority::Normal }
}

/// What the databases keep of a message: as many bytes as the file store.
fn value(serial: u64) -> Vec<u8> {
    noise(serial, 200 + 12 + 21)
}

/// Bytes that do not compress.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Opened anew if a filling without syncs is wanted.
struct Ours {
    store: Option<FileStore>,
    path: PathBuf,
    never_syncs: bool,
}

impl Ours {
    fn open(path: &Path) -> Self {
        let store = FileStore::open(path).expect("the store opens");
        Self { store: Some(store), path: path.to_owned(), never_syncs: false }
    }
}

impl Engine for Ours {
    fn commit(&mut self, accepted: Range<u64>, done: Range<u64>, durable: bool) {
        if !durable && !self.never_syncs {
            // The lock goes before the store is opened again.
            self.store = None;
            let options = FileStore::options().fsync(Fsync::Never);
            self.store = Some(options.open(&self.path).expect("the store opens"));
            self.never_syncs = true;
        }
        let mut records: Vec<Record> = accepted.map(message).map(Record::Accepted).collect();
        let outcome = Outcome::Delivered;
        records.extend(done.map(|serial| Record::Done { serial: Serial(serial), outcome }));
        let store = self.store.as_mut().expect("open");
        store.commit(&records).expect("a commit");
        if durable && self.never_syncs {
            store.flush().expect("a sync");
        }
    }

    fn start(&mut self, window: usize) -> (u64, u64) {
        let store = self.store.as_mut().expect("open");
        let recovered = store.recover().expect("a recovery");
        let limit = Window { messages: window, bytes: usize::MAX };
        let read = Read::Queue { priority: Priority::Normal, after: None, limit };
        let messages = store.read(&read).expect("the queue can be read");
        (recovered.queued[Priority::Normal as usize].messages, messages.len() as u64)
    }
}

struct Redb(Database);

const QUEUE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("queue");

impl Engine for Redb {
    fn commit(&mut self, accepted: Range<u64>, done: Range<u64>, durable: bool) {
        let mut write = self.0.begin_write().expect("a transaction");
        let durability = if durable { Durability::Immediate } else { Durability::None };
        write.set_durability(durability).expect("a durability");
        {
            let mut queue = write.open_table(QUEUE).expect("the table");
            for serial in accepted {
                queue.insert(serial, value(serial).as_slice()).expect("an insertion");
            }
            for serial in done {
                queue.remove(serial).expect("a removal");
            }
        }
        write.commit().expect("a commit");
    }

    fn start(&mut self, window: usize) -> (u64, u64) {
        let read = self.0.begin_read().expect("a transaction");
        let queue = read.open_table(QUEUE).expect("the table");
        let count = queue.len().expect("a count");
        let bytes: usize = queue
            .iter()
            .expect("the table can be read")
            .take(window)
            .map(|entry| entry.expect("an entry").1.value().len())
            .sum();
        (count, (bytes / value(0).len()) as u64)
    }
}

impl Drop for Redb {
    /// Makes durable what was committed without, as the others do at the end.
    fn drop(&mut self) {
        let write = self.0.begin_write().expect("a transaction");
        write.commit().expect("a commit");
    }
}

struct Fjall {
    database: fjall::Database,
    queue: fjall::Keyspace,
}

impl Fjall {
    fn open(path: &Path) -> Self {
        let database =
            fjall::Database::builder(path).cache_size(CACHE as u64).open().expect("fjall opens");
        let queue =
            database.keyspace("queue", fjall::KeyspaceCreateOptions::default).expect("a keyspace");
        Self { database, queue }
    }
}

impl Engine for Fjall {
    fn commit(&mut self, accepted: Range<u64>, done: Range<u64>, durable: bool) {
        let mode = if durable { fjall::PersistMode::SyncData } else { fjall::PersistMode::Buffer };
        let mut batch = self.database.batch().durability(Some(mode));
        for serial in accepted {
            batch.insert(&self.queue, serial.to_be_bytes(), value(serial));
        }
        for serial in done {
            batch.remove(&self.queue, serial.to_be_bytes());
        }
        batch.commit().expect("a commit");
    }

    fn start(&mut self, window: usize) -> (u64, u64) {
        // It keeps no count.
        let count = self.queue.iter().count() as u64;
        let first = self.queue.iter().take(window);
        let bytes: usize = first.map(|entry| entry.into_inner().expect("an entry").1.len()).sum();
        (count, (bytes / value(0).len()) as u64)
    }
}

impl Drop for Fjall {
    fn drop(&mut self) {
        self.database.persist(fjall::PersistMode::SyncAll).expect("a sync");
    }
}
