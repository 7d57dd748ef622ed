//! What the fuzz target `abi` holds the functions of `evenkeel-wasm` to: no order of
//! calls, no argument and no byte from the server makes them panic, and what they give
//! is as `crates/wasm/ABI.md` says. The test of that crate runs the same function.

use std::collections::BTreeSet;

use evenkeel_wasm::*;

/// No value.
const NONE: u32 = u32::MAX;
/// Drains in a row that end with `MORE`.
const MOST_DRAINS: usize = 1000;

/// Input: calls, each a byte that chooses the function, and bytes for its arguments.
pub fn abi(input: &[u8]) {
    let mut calls = Calls {
        rest: input,
        client: 0,
        now: 0.0,
        conn: 0,
        waiting: BTreeSet::new(),
        held: BTreeSet::new(),
        token: 0,
    };
    calls.create();
    while !calls.rest.is_empty() {
        calls.step();
    }
    calls.drain(NONE, 1);
    ek_destroy(calls.client);
    // What the client had is released, which the next one tells.
    calls.create();
    calls.drain(NONE, 1);
    assert!(calls.held.is_empty());
    ek_destroy(calls.client);
}

struct Calls<'a> {
    rest: &'a [u8],
    client: u32,
    now: f64,
    conn: u32,
    /// Tokens without an outcome.
    waiting: BTreeSet<u32>,
    /// Payloads that the module has not released.
    held: BTreeSet<u32>,
    token: u32,
}

impl Calls<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    /// A number of interest.
    fn number(&mut self) -> u32 {
        match self.byte() {
            small @ 0..=199 => small.into(),
            200 => NONE,
            201 => NONE - 1,
            202 => 1 << 31,
            203 => 65_535,
            204 => 65_536,
            205 => 16_384,
            wide => u32::from(wide) << 8 | u32::from(self.byte()),
        }
    }

    /// The present connection mostly.
    fn conn(&mut self) -> u32 {
        match self.byte() {
            other @ 250.. => other.into(),
            _ => self.conn,
        }
    }

    fn float(&mut self) -> f64 {
        match self.byte() {
            250 => f64::NAN,
            251 => f64::INFINITY,
            252 => -1.0,
            253 => 0.5,
            254 => 1e300,
            255 => 65_536.0,
            small => small.into(),
        }
    }

    /// Puts so many of the next bytes into the input area: how many there were.
    fn input(&mut self) -> u32 {
        let len = usize::from(self.byte()).min(self.rest.len());
        let (bytes, rest) = self.rest.split_at(len);
        self.rest = rest;
        let area = ek_input(len as u32);
        // SAFETY: the area is at least as long as was asked for.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), area, len) };
        len as u32
    }

    /// A length that is right or not.
    fn len(&mut self, of: u32) -> u32 {
        match self.byte() {
            wrong @ 240.. => u32::from(wrong) << 24 | 0xff_ffff,
            part => of.min(part.into()),
        }
    }

    fn create(&mut self) {
        ek_config();
        let settings = self.byte() % 16;
        for _ in 0..settings {
            let key = u32::from(self.byte() % 104);
            if self.byte().is_multiple_of(4) {
                let len = self.input();
                let len = self.len(len);
                ek_set_bytes(key, len);
            } else {
                let value = self.float();
                ek_set_number(key, value);
            }
        }
        let client = ek_create(self.now, 1, 2);
        if client > 0 {
            self.client = client as u32;
        } else {
            ek_config();
            self.client = ek_create(self.now, 1, 2) as u32;
        }
        ek_start(self.client, self.now);
        self.drain(NONE, 1);
    }

    fn step(&mut self) {
        let (client, now) = (self.client, self.now);
        match self.byte() % 32 {
            0..=5 => self.receive(),
            6..=8 => self.publish(),
            9 => self.publish_held(),
            10 | 11 => self.subscribe(),
            12 => {
                let (len, conn) = (self.input(), self.conn());
                let (replace, username, password) = (self.byte() % 2, self.len(len), self.len(len));
                ek_opened(client, now, conn, replace.into(), username, password);
            }
            13 => {
                let (conn, failure) = (self.conn(), 318 + u32::from(self.byte() % 24));
                let (detail, after) = (self.float(), self.float());
                ek_closed(client, now, conn, failure, detail, after);
            }
            14 => {
                let (conn, bytes) = (self.conn(), self.number());
                ek_written(client, now, conn, bytes);
            }
            15 => {
                let (conn, phase) = (self.conn(), 418 + u32::from(self.byte() % 12));
                ek_phase(client, now, conn, phase);
                ek_alternatives(client, now, conn, phase);
                ek_fresh_credentials(client, now, conn);
                ek_heard(client, now, conn);
            }
            16 | 17 => self.acknowledge(),
            18 => {
                let id = self.number();
                ek_abandon(client, now, id);
                ek_packet_id(client, id);
            }
            19 => {
                ek_probe(client, now);
                ek_reconnect(client, now);
            }
            20 => self.authenticate(),
            21 => {
                let on = self.byte() % 2;
                ek_trace(client, on.into());
            }
            22 => {
                let (len, limit, reason) = (self.input(), self.float(), self.number());
                let properties = self.len(len);
                ek_shutdown(client, now, limit, reason, properties);
            }
            23 => {
                ek_config_of(client);
                let (key, len) = (self.number(), self.input());
                ek_set_bytes(key, len);
                ek_reconfigure(client);
            }
            24 => self.now += f64::from(self.byte()) * 1000.0,
            25 => {
                ek_start(client, now);
                let (conn, len) = (self.conn(), self.number());
                ek_skipped(client, now, conn, len);
            }
            26 => self.query(),
            _ => {
                let (most, flags) = (self.number(), self.byte() % 2);
                self.drain(most, flags.into());
            }
        }
    }

    fn receive(&mut self) {
        let len = usize::from(self.byte()).min(self.rest.len());
        let (bytes, rest) = self.rest.split_at(len);
        self.rest = rest;
        let room = ek_reserve(self.client, len as u32);
        assert!(!room.is_null());
        // SAFETY: there is room for as many bytes as were asked for.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), room, len) };
        let conn = self.conn();
        let ahead = ek_received(self.client, self.now, conn, len as u32);
        if ahead > 0 && self.byte().is_multiple_of(2) {
            let part = self.number();
            ek_skipped(self.client, self.now, self.conn, part);
        }
    }

    fn next_token(&mut self) -> u32 {
        self.token += 1;
        self.token
    }

    fn publish(&mut self) {
        let (token, flags, len) = (self.next_token(), u32::from(self.byte() % 16), self.input());
        let (topic, properties, payload) = (self.len(len), self.len(len), self.len(len));
        let now = self.now;
        if ek_publish(self.client, now, token, flags, topic, properties, payload) >= 0 {
            self.waiting.insert(token);
        }
    }

    fn publish_held(&mut self) {
        let payload = ek_payload(16_000 + u32::from(self.byte()) * 16);
        if payload > 0 {
            self.held.insert(payload as u32);
        }
        let (token, flags, len) = (self.next_token(), u32::from(self.byte() % 16), self.input());
        let now = self.now;
        if ek_publish(self.client, now, token, 16 + flags, len, 0, payload as u32) >= 0 {
            self.waiting.insert(token);
        }
    }

    fn subscribe(&mut self) {
        let (token, len) = (self.next_token(), self.input());
        let (count, filters, properties) =
            (u32::from(self.byte() % 4), self.len(len), self.len(len));
        let call = if self.byte().is_multiple_of(2) { ek_subscribe } else { ek_unsubscribe };
        if call(self.client, self.now, token, count, filters, properties) == 0 {
            self.waiting.insert(token);
        }
    }

    fn acknowledge(&mut self) {
        let (ack, reason, strict) = (self.number(), self.number(), self.byte() % 2);
        let len = self.input();
        match self.byte() % 3 {
            0 => ek_acknowledge(self.client, self.now, ack, reason, strict.into(), len),
            1 => ek_acknowledge_all(self.client, self.now, ack),
            _ => ek_give_back(self.client, ack),
        };
    }

    fn authenticate(&mut self) {
        let (len, conn) = (self.input(), self.conn());
        let given = if self.byte().is_multiple_of(4) { NONE } else { len };
        ek_begin_authentication(self.client, self.now, conn, len);
        ek_authenticate(self.client, self.now, conn, given);
        ek_reauthenticate(self.client, self.now, len);
    }

    fn query(&mut self) {
        let which = self.number();
        ek_number(self.client, which);
        assert!((200..=205).contains(&ek_state(self.client)));
        let len = ek_error();
        assert!(str::from_utf8(&output(len)).is_ok());
    }

    fn drain(&mut self, most: u32, flags: u32) {
        for _ in 0..MOST_DRAINS {
            let len = ek_drain(self.client, self.now, most, flags);
            assert!(len > 0);
            let records = output(len as u32);
            if !self.read(&records) {
                return;
            }
        }
        panic!("the drains do not end");
    }

    /// True if the last record is `MORE`.
    fn read(&mut self, mut records: &[u8]) -> bool {
        let mut last = 0;
        while !records.is_empty() {
            let size = word(records, 4) as usize;
            assert!(size >= 8 && size.is_multiple_of(4) && size <= records.len());
            let (record, rest) = records.split_at(size);
            last = word(record, 0);
            self.check(last, record);
            records = rest;
        }
        assert!(last == 1 || last == 16, "the last record is {last}");
        last == 16
    }

    fn check(&mut self, kind: u32, record: &[u8]) {
        match kind {
            2 => self.conn = word(record, 8),
            3 | 10 => self.check_pieces(record),
            5..=7 => {
                let token = word(record, 8);
                assert!(self.waiting.remove(&token), "{token} has another outcome");
            }
            11 => {
                for index in 0..word(record, 8) as usize {
                    assert!(self.held.remove(&word(record, 12 + 4 * index)));
                }
            }
            1 | 4 | 8 | 9 | 12..=16 => {}
            other => panic!("a record of kind {other}"),
        }
    }

    fn check_pieces(&self, record: &[u8]) {
        let (total, pieces) = (word(record, 12), word(record, 16) as usize);
        let (mut sum, mut here) = (0, 0);
        for index in 0..pieces {
            let (number, len) = (word(record, 24 + 8 * index), word(record, 28 + 8 * index));
            sum += len;
            if number == 0 {
                here += len as usize;
            } else {
                assert!(self.held.contains(&number), "{number} is not held");
            }
        }
        assert_eq!(sum, total);
        assert_eq!((24 + 8 * pieces + here).next_multiple_of(4), record.len());
    }
}

fn word(record: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(record[at..at + 4].try_into().unwrap())
}

fn output(len: u32) -> Vec<u8> {
    if len == 0 {
        return Vec::new();
    }
    // SAFETY: the output area holds what the last call put there.
    unsafe { std::slice::from_raw_parts(ek_output(), len as usize) }.to_vec()
}
