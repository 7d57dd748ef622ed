//! The stores of this crate keep the contract, on real disks and simulated
//! ones, with segments of all sizes.

use evenkeel_store::disk::SimulatedDisk;
use evenkeel_store::{FileStore, Fsync, MemoryStore};

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
