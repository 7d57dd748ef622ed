//! The stores of this crate keep the contract, on real disks and simulated
//! ones, with segments of all sizes.

use evenkeel_store::disk::SimulatedDisk;
use evenkeel_store::record::{Read, Record, Recovered, Serial, StoredMessage, Window};
use evenkeel_store::{FileStore, Fsync, MemoryStore, Store, StoreError, Usage};

mod support;

mod memory {
    use super::*;

    evenkeel_store::store_contract!(|| {
        let store = MemoryStore::new();
        move || store.clone()
    });
}

mod file {
    use super::*;

    evenkeel_store::store_contract!(|| {
        let folder = support::Folder::new();
        move || FileStore::open(folder.path()).unwrap()
    });
}

mod file_of_small_segments {
    use super::*;

    evenkeel_store::store_contract!(|| {
        let disk = SimulatedDisk::new();
        move || FileStore::options().segment_bytes(0).open_in(disk.folder()).unwrap()
    });
}

mod file_synced_in_the_background {
    use std::time::Duration;

    use super::*;

    evenkeel_store::store_contract!(|| {
        let disk = SimulatedDisk::new();
        let fsync = Fsync::Every(Duration::from_millis(1));
        move || FileStore::options().fsync(fsync).segment_bytes(0).open_in(disk.folder()).unwrap()
    });
}

mod file_never_synced {
    use super::*;

    evenkeel_store::store_contract!(|| {
        let disk = SimulatedDisk::new();
        let options = FileStore::options().fsync(Fsync::Never).segment_bytes(0);
        move || options.open_in(disk.folder()).unwrap()
    });
}

mod file_written_in_place {
    use super::*;

    evenkeel_store::store_contract!(|| {
        let disk = SimulatedDisk::new();
        let options = FileStore::options().fsync(Fsync::Never).in_place(true).segment_bytes(0);
        move || InPlace(options.open_in(disk.folder()).unwrap())
    });
}

mod memory_in_place {
    use super::*;

    evenkeel_store::store_contract!(|| {
        let store = MemoryStore::new();
        move || InPlace(store.clone())
    });
}

/// Commits in place what the store takes so, as the client does.
struct InPlace<S>(S);

impl<S: Store> Store for InPlace<S> {
    fn recover(&mut self) -> Result<Recovered, StoreError> {
        self.0.recover()
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        self.0.commit_in_place(records).unwrap_or_else(|| self.0.commit(records))
    }

    fn read(&mut self, read: &Read) -> Result<Vec<StoredMessage>, StoreError> {
        self.0.read(read)
    }

    fn list(
        &mut self,
        after: Option<Serial>,
        limit: Window,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        self.0.list(after, limit)
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.0.flush()
    }

    fn usage(&self) -> Usage {
        self.0.usage()
    }
}
