//! What an idle connection takes from the allocator.
//!
//! In a binary of its own, for its allocator. The broker runs on the thread of
//! the test, which alone is counted; its clients have a thread of their own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use evenkeel_broker::Broker;

/// Counts what this thread asks of the system's allocator.
struct Counting;

thread_local! {
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // Threads that end allocate too, when their counters are gone.
    let _ = BYTES.try_with(|counter| counter.set(counter.get() + bytes));
}

// SAFETY: every call is passed on as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that this thread holds.
fn held() -> isize {
    BYTES.get()
}

/// A client that has connected, and has had an answer to a ping.
fn client(address: SocketAddr, number: u16) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    // MQTT 3.1.1, clean session, keep-alive 600 s, a client identifier of four digits.
    stream.write_all(b"\x10\x10\0\x04MQTT\x04\x02\x02\x58\0\x04").unwrap();
    stream.write_all(format!("{number:04}").as_bytes()).unwrap();
    stream.read_exact(&mut [0; 4]).unwrap();
    stream.write_all(b"\xc0\0").unwrap();
    stream.read_exact(&mut [0; 2]).unwrap();
    stream
}

/// Connects as many clients as it is asked to, and says when they are idle.
fn crowd(address: SocketAddr) -> (mpsc::Sender<u16>, mpsc::Receiver<()>) {
    let (ask, asked) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut clients = Vec::new();
        while let Ok(more) = asked.recv() {
            for _ in 0..more {
                clients.push(client(address, clients.len() as u16));
            }
            let _ = tell.send(());
        }
    });
    (ask, told)
}

/// Bytes of one connection more, without the events that the broker records: these
/// have a bound of their own.
#[test]
fn an_idle_connection_is_small() {
    const SMALL: isize = 2_900;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let broker = Broker::builder().bind_tcp("127.0.0.1:0").configure(|config| {
            config.limits.recorded_events = 1;
        });
        let broker = broker.start().await.unwrap();
        let (ask, told) = crowd(broker.tcp_addr().unwrap());
        let mut before = 0;
        // What grows by doubling has grown with the first ones.
        for (clients, is_counted) in [(100, false), (300, true)] {
            ask.send(clients).unwrap();
            while told.try_recv().is_err() {
                // Sockets take real time.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            let each = (held() - before) / isize::try_from(clients).unwrap();
            before = held();
            println!("a connection holds {each} bytes");
            assert!(!is_counted || each < SMALL, "{each} bytes");
        }
        assert_eq!(broker.stats().connections_now, 400);
    });
}
