//! How soon a finding is told once its proof has passed.

use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::FINDING_MILLIS;
use crate::lanes::exchange;
use crate::process::Child;
use crate::server::{REFUSED, connect};

/// Clients that are refused. They are further and further apart, so that they come
/// at any moment between two looks of the doctor.
const CLIENTS: u64 = 60;
const APART: Duration = Duration::from_millis(100);

/// Longer than any goal.
const WAIT_LIMIT: Duration = Duration::from_secs(30);

/// Prints how late findings were; whether the goal is met.
pub(crate) fn measure(proxy: &mut Child) -> bool {
    let lines = proxy.out.take().expect("read by nobody else");
    let (told, heard) = mpsc::channel();
    thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let at = Instant::now();
            if told.send((at, line)).is_err() {
                return;
            }
        }
    });
    let mut late: Vec<f64> = (0..CLIENTS).map(|number| finding(proxy, number, &heard)).collect();
    late.sort_by(f64::total_cmp);
    let (median, worst) = (late[late.len() / 2], late[late.len() - 1]);
    println!("\nfinding after its proof: median {median:.0} ms, worst of {CLIENTS} {worst:.0} ms");
    worst <= FINDING_MILLIS
}

/// A client is refused; milliseconds until the doctor says so.
fn finding(proxy: &Child, number: u64, heard: &mpsc::Receiver<(Instant, String)>) -> f64 {
    thread::sleep(APART + Duration::from_millis(3 * number));
    let client = format!("{REFUSED}{number}:");
    let mut stream = TcpStream::connect(proxy.address).expect("it listens");
    exchange(&mut stream, &connect(&client));
    let proven = Instant::now();
    loop {
        let (at, line) = heard.recv_timeout(WAIT_LIMIT).expect("a finding");
        if line.contains(&client) && line.contains("AU03") {
            return at.saturating_duration_since(proven).as_secs_f64() * 1e3;
        }
    }
}
