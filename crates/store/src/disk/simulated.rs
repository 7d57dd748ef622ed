//! A disk in memory that does its worst: it loses power at a chosen
//! operation, keeps any part of what was not synced, and fails as told.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evenkeel_proto::record::BootId;

use super::{Directory, File, LockError};

/// Bytes that a disk writes as a whole, or not; torn writes break in between
/// and, as [`Crash::Random`], also inside.
const SECTOR: usize = 512;
/// What stands for a boot that is not told.
const NO_BOOT: u8 = u8::MAX;

/// A disk with one directory. Clones are the same disk.
///
/// Every call that changes something, and every sync, is one operation;
/// operations are numbered from 0 on.
///
/// ```
/// use evenkeel_store::disk::{Crash, SimulatedDisk};
/// use evenkeel_store::{FileStore, Store};
///
/// let disk = SimulatedDisk::new();
/// let mut store = FileStore::options().open_in(disk.folder())?;
/// store.recover()?;
/// disk.cut_power_at(disk.operations());
/// // ... commits fail from here on, until:
/// disk.restart(Crash::Random(42));
/// let mut store = FileStore::options().open_in(disk.folder())?;
/// store.recover()?;
/// # Ok::<(), evenkeel_store::StoreError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct SimulatedDisk {
    inner: Arc<Mutex<Inner>>,
}

/// The directory of a [`SimulatedDisk`], as one process has it open. Does
/// nothing any more once the disk was restarted.
#[derive(Debug)]
pub struct SimulatedFolder {
    disk: SimulatedDisk,
    life: u64,
    locked: bool,
    reads: bool,
}

/// What a power cut leaves of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Nothing.
    KeepNothing,
    /// All of it.
    KeepAll,
    /// Any part, drawn from a seed: sectors of a file independently of each
    /// other, one of them torn; names independently of each other.
    Random(u64),
}

/// An open file of a [`SimulatedDisk`].
#[derive(Debug)]
pub struct SimulatedFile {
    disk: SimulatedDisk,
    life: u64,
    number: usize,
}

#[derive(Debug, Default)]
struct Inner {
    names: BTreeMap<String, Name>,
    files: Vec<Contents>,
    operations: u64,
    syncs: u64,
    writes: u64,
    cut_at: Option<u64>,
    off: bool,
    failures: BTreeMap<u64, io::ErrorKind>,
    capacity: Option<usize>,
    locked: bool,
    readers: u32,
    life: u64,
    /// How often the machine was started; 255 if it does not tell.
    boot: u8,
}

/// What a name stands for: now, and each state since the last sync.
#[derive(Clone, Debug, Default)]
struct Name {
    durable: Option<usize>,
    pending: Vec<Option<usize>>,
}

#[derive(Clone, Debug, Default)]
struct Contents {
    durable: Vec<u8>,
    now: Vec<u8>,
    /// Each length it had since the last sync.
    lengths: Vec<usize>,
}

impl SimulatedDisk {
    /// An empty disk that is on.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many operations there were; the number of the next one.
    pub fn operations(&self) -> u64 {
        self.inner().operations
    }

    /// How many writes to files there were.
    pub fn writes(&self) -> u64 {
        self.inner().writes
    }

    /// How many syncs of files and directories there were.
    pub fn syncs(&self) -> u64 {
        self.inner().syncs
    }

    /// Cuts the power in the middle of this operation.
    pub fn cut_power_at(&self, operation: u64) {
        self.inner().cut_at = Some(operation);
    }

    /// Has this operation fail; a write that fails is done by half.
    pub fn fail_at(&self, operation: u64, kind: io::ErrorKind) {
        self.inner().failures.insert(operation, kind);
    }

    /// Has writes fail that would make the files larger than this together.
    pub fn set_capacity(&self, bytes: Option<usize>) {
        self.inner().capacity = bytes;
    }

    /// Whether the power is cut.
    pub fn is_off(&self) -> bool {
        self.inner().off
    }

    /// Cuts the power if it is on, and starts the machine again with what is
    /// left. Open files and the lock are gone.
    pub fn restart(&self, crash: Crash) {
        let mut inner = self.inner();
        inner.lose_power(crash);
        if inner.boot < NO_BOOT {
            inner.boot = (inner.boot + 1) % NO_BOOT;
        }
        inner.begin_life();
    }

    /// Ends the process alone: what it wrote is there, whether it was synced
    /// or not, and can still be lost with the power. Open files and the lock
    /// are gone.
    pub fn kill(&self) {
        self.inner().begin_life();
    }

    /// The machine does not tell one boot from the next, as some systems.
    pub fn hide_boots(&self) {
        self.inner().boot = NO_BOOT;
    }

    /// The directory, for a process that starts now.
    pub fn folder(&self) -> SimulatedFolder {
        let life = self.inner().life;
        SimulatedFolder { disk: self.clone(), life, locked: false, reads: false }
    }

    /// The names of the files, in order.
    pub fn names(&self) -> Vec<String> {
        self.inner().current().map(|(name, _)| name.to_owned()).collect()
    }

    /// Changes the bytes of a file behind everyone's back; false if there
    /// is none.
    pub fn edit(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut inner = self.inner();
        let Some(number) = inner.lookup(name) else { return false };
        let Some(file) = inner.files.get_mut(number) else { return false };
        change(&mut file.now);
        file.settle();
        true
    }

    /// All files with their bytes as a reader sees them now.
    pub fn image(&self) -> BTreeMap<String, Vec<u8>> {
        let inner = self.inner();
        let bytes = |number: usize| inner.files.get(number).map(|file| file.now.clone());
        inner
            .current()
            .map(|(name, number)| (name.to_owned(), bytes(number).unwrap_or_default()))
            .collect()
    }

    /// A disk that is on and holds these files.
    #[must_use]
    pub fn with_image(image: BTreeMap<String, Vec<u8>>) -> Self {
        let mut inner = Inner::default();
        for (name, bytes) in image {
            let number = inner.files.len();
            inner.files.push(Contents { durable: bytes.clone(), now: bytes, lengths: Vec::new() });
            inner.names.insert(name, Name { durable: Some(number), pending: Vec::new() });
        }
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The disk for a call that changes nothing.
    fn reading(&self, life: u64) -> io::Result<MutexGuard<'_, Inner>> {
        let inner = self.inner();
        if inner.off || inner.life != life { Err(no_power()) } else { Ok(inner) }
    }

    /// One operation: done by `act`, unless the power goes or it shall fail.
    fn operation<T>(
        &self,
        life: u64,
        act: impl FnOnce(&mut Inner, Outcome) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut inner = self.reading(life)?;
        let operation = inner.operations;
        inner.operations += 1;
        if inner.cut_at.is_some_and(|cut| operation >= cut) {
            // What the operation changes may reach the disk or not: it is
            // pending like all else that was not synced.
            let _ = act(&mut inner, Outcome::PowerCut);
            inner.off = true;
            return Err(no_power());
        }
        match inner.failures.remove(&operation) {
            Some(kind) => act(&mut inner, Outcome::Fails(kind)),
            None => act(&mut inner, Outcome::Done),
        }
    }
}

/// How an operation shall end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    Fails(io::ErrorKind),
    PowerCut,
}

impl Outcome {
    fn check(self) -> io::Result<()> {
        match self {
            Self::Fails(kind) => Err(kind.into()),
            Self::Done | Self::PowerCut => Ok(()),
        }
    }
}

fn no_power() -> io::Error {
    io::Error::other("the power is off")
}

impl Name {
    fn now(&self) -> Option<usize> {
        *self.pending.last().unwrap_or(&self.durable)
    }

    fn settle(&mut self) {
        self.durable = self.now();
        self.pending.clear();
    }
}

impl Contents {
    fn settle(&mut self) {
        self.durable.clone_from(&self.now);
        self.lengths.clear();
    }

    /// Becomes what a power cut leaves of it.
    fn lose_power(&mut self, crash: Crash, random: &mut Random) {
        match crash {
            Crash::KeepNothing => {}
            Crash::KeepAll => self.durable.clone_from(&self.now),
            Crash::Random(_) => self.tear(random),
        }
        self.now.clone_from(&self.durable);
        self.lengths.clear();
    }

    fn tear(&mut self, random: &mut Random) {
        let mut lengths = vec![self.durable.len()];
        lengths.append(&mut self.lengths);
        let length = lengths[random.below(lengths.len())];
        let torn = random.below(length / SECTOR + 1);
        let mut left = self.durable.clone();
        left.resize(length, 0);
        // Often all of it, often none, else any part of it.
        let mood = random.below(4);
        for (at, sector) in left.chunks_mut(SECTOR).enumerate() {
            let new = self.now.get(at * SECTOR..).unwrap_or_default();
            let keep = match mood {
                0 => true,
                1 => false,
                _ => random.below(2) == 0,
            };
            let whole = sector.len().min(new.len());
            let kept = if !keep {
                0
            } else if at == torn {
                random.below(whole + 1)
            } else {
                whole
            };
            sector[..kept].copy_from_slice(&new[..kept]);
        }
        self.durable = left;
    }
}

impl Inner {
    fn current(&self) -> impl Iterator<Item = (&str, usize)> {
        self.names.iter().filter_map(|(text, name)| Some((text.as_str(), name.now()?)))
    }

    fn lookup(&self, name: &str) -> Option<usize> {
        self.names.get(name)?.now()
    }

    fn set_name(&mut self, name: &str, number: Option<usize>) {
        self.names.entry(name.to_owned()).or_default().pending.push(number);
    }

    fn used(&self) -> usize {
        self.current().filter_map(|(_, number)| self.files.get(number)).map(|f| f.now.len()).sum()
    }

    fn file(&mut self, number: usize) -> io::Result<&mut Contents> {
        self.files.get_mut(number).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn begin_life(&mut self) {
        self.life += 1;
        (self.off, self.locked, self.readers, self.cut_at) = (false, false, 0, None);
        self.failures.clear();
    }

    fn lose_power(&mut self, crash: Crash) {
        let seed = if let Crash::Random(seed) = crash { seed } else { 0 };
        let mut random = Random(seed);
        for name in self.names.values_mut() {
            let states = name.pending.len() + 1;
            let chosen = match crash {
                Crash::KeepNothing => 0,
                Crash::KeepAll => states - 1,
                Crash::Random(_) => random.below(states),
            };
            name.pending.truncate(chosen);
            name.settle();
        }
        for file in &mut self.files {
            file.lose_power(crash, &mut random);
        }
    }

    fn write(&mut self, number: usize, bytes: &[u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let (used, capacity) = (self.used(), self.capacity);
        let file = self.file(number)?;
        let grows = (start + bytes.len()).saturating_sub(file.now.len());
        let room = capacity.map_or(grows, |capacity| capacity.saturating_sub(used));
        let taken = bytes.len() - grows.saturating_sub(room).min(bytes.len());
        file.now.resize(file.now.len().max(start + taken), 0);
        file.now[start..start + taken].copy_from_slice(&bytes[..taken]);
        file.lengths.push(file.now.len());
        if taken < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Directory for SimulatedFolder {
    type File = SimulatedFile;

    fn path(&self) -> &Path {
        Path::new("simulated")
    }

    fn boot(&self) -> Option<BootId> {
        let boot = self.disk.inner().boot;
        (boot < NO_BOOT).then_some(BootId([boot; 16]))
    }

    fn lock(&mut self) -> Result<(), LockError> {
        let mut inner = self.disk.reading(self.life).map_err(LockError::Io)?;
        if inner.locked || inner.readers > 0 {
            return Err(LockError::Held { process: inner.locked.then_some(1) });
        }
        inner.locked = true;
        self.locked = true;
        Ok(())
    }

    fn lock_to_read(&mut self) -> Result<(), LockError> {
        let mut inner = self.disk.reading(self.life).map_err(LockError::Io)?;
        if inner.locked {
            return Err(LockError::Held { process: Some(1) });
        }
        inner.readers += 1;
        self.reads = true;
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.disk.reading(self.life)?.current().map(|(name, _)| name.to_owned()).collect())
    }

    fn create(&self, name: &str) -> io::Result<SimulatedFile> {
        let number = self.disk.operation(self.life, |inner, outcome| {
            outcome.check()?;
            if inner.lookup(name).is_some() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            inner.files.push(Contents::default());
            let number = inner.files.len() - 1;
            inner.set_name(name, Some(number));
            Ok(number)
        })?;
        Ok(SimulatedFile { disk: self.disk.clone(), life: self.life, number })
    }

    fn open(&self, name: &str) -> io::Result<SimulatedFile> {
        let number = self.disk.reading(self.life)?.lookup(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(SimulatedFile { disk: self.disk.clone(), life: self.life, number })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.operation(self.life, |inner, outcome| {
            outcome.check()?;
            let number = inner.lookup(from).ok_or(io::ErrorKind::NotFound)?;
            inner.set_name(from, None);
            inner.set_name(to, Some(number));
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.operation(self.life, |inner, outcome| {
            outcome.check()?;
            inner.lookup(name).ok_or(io::ErrorKind::NotFound)?;
            inner.set_name(name, None);
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.operation(self.life, |inner, outcome| {
            inner.syncs += 1;
            outcome.check()?;
            if outcome == Outcome::Done {
                inner.names.values_mut().for_each(Name::settle);
            }
            Ok(())
        })
    }
}

impl Drop for SimulatedFolder {
    fn drop(&mut self) {
        let mut inner = self.disk.inner();
        if inner.life == self.life {
            inner.locked &= !self.locked;
            inner.readers -= u32::from(self.reads);
        }
    }
}

impl File for SimulatedFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.reading(self.life)?.file(self.number)?.now.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut inner = self.disk.reading(self.life)?;
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let bytes = inner.file(self.number)?.now.get(start..).unwrap_or_default();
        let read = bytes.len().min(buffer.len());
        buffer[..read].copy_from_slice(&bytes[..read]);
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.operation(self.life, |inner, outcome| {
            inner.writes += 1;
            let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
            match outcome {
                Outcome::Fails(_) => inner.write(self.number, half, offset)?,
                _ => inner.write(self.number, bytes, offset)?,
            }
            outcome.check()
        })
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.disk.operation(self.life, |inner, outcome| {
            outcome.check()?;
            let length = usize::try_from(length).map_err(io::Error::other)?;
            let file = inner.file(self.number)?;
            file.now.resize(length, 0);
            file.lengths.push(length);
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.operation(self.life, |inner, outcome| {
            inner.syncs += 1;
            outcome.check()?;
            if outcome == Outcome::Done {
                inner.file(self.number)?.settle();
            }
            Ok(())
        })
    }
}

/// A small generator of numbers (splitmix64): a seed says everything.
struct Random(u64);

impl Random {
    /// A number below `bound`, which must not be 0.
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}
