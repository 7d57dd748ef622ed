"""A box in the middle of a cable: it delays, loses, forgets, and cuts."""

import heapq
import os
import random
import select
import socket
import struct
import threading
import time

ETH, TCP = 14, 6


class Path(threading.Thread):
    """Hands frames from one device to the other. 0 is the client's direction, 1 the broker's."""

    def __init__(self, up, down):
        super().__init__(daemon=True)
        self.ends = [self.open(up), self.open(down)]
        self.delay, self.loss = 0.0, 0.0
        self.cut = set()  # the directions that are cut
        self.largest = 9000  # bytes of an IP packet
        self.forget_after = None  # seconds without a packet; `answer_rst` tells the client
        self.answer_rst = False
        self.flows, self.dead = {}, set()
        self.waiting, self.count = [], 0
        self.random = random.Random(7)
        self.wake, self.woken = os.pipe()
        self.start()

    @staticmethod
    def open(device):
        end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        end.bind((device, 3))
        return end

    def close(self):
        os.write(self.woken, b"x")
        self.join()
        for end in self.ends:
            end.close()
        os.close(self.wake)
        os.close(self.woken)

    def run(self):
        while True:
            until = max(0, self.waiting[0][0] - time.monotonic()) if self.waiting else None
            ready, _, _ = select.select([*self.ends, self.wake], [], [], until)
            if self.wake in ready:
                return
            for direction, end in enumerate(self.ends):
                if end in ready:
                    frame, where = end.recvfrom(65536)
                    # 4: what this side sent itself.
                    if where[2] != 4 and self.passes(direction, frame):
                        self.later(direction, frame)
            while self.waiting and self.waiting[0][0] <= time.monotonic():
                _, _, direction, frame = heapq.heappop(self.waiting)
                try:
                    self.ends[1 - direction].send(frame)
                except OSError:
                    pass  # the other end is down

    def later(self, direction, frame):
        self.count += 1
        heapq.heappush(self.waiting, (time.monotonic() + self.delay, self.count, direction, frame))

    def passes(self, direction, frame):
        # Both sides know each other's hardware address all the time.
        if direction in self.cut and frame[12:14] != b"\x08\x06":
            return False
        if len(frame) < ETH + 40 or frame[12:14] != b"\x08\x00" or frame[ETH + 9] != TCP:
            return True
        if len(frame) - ETH > self.largest or self.random.random() < self.loss:
            return False
        return self.forget_after is None or self.known(direction, frame)

    def known(self, direction, frame):
        """As a router that translates addresses: what it has forgotten does not pass."""
        ports = struct.unpack("!HH", frame[ETH + 20 : ETH + 24])
        flow, now = ports if direction == 0 else ports[::-1], time.monotonic()
        syn = frame[ETH + 33] & 0x12 == 2
        if not syn and now - self.flows.get(flow, 0) > self.forget_after:
            self.dead.add(flow)
        if syn:
            self.dead.discard(flow)
        if flow in self.dead:
            if self.answer_rst and direction == 0:
                self.ends[0].send(rst(frame))
            return False
        self.flows[flow] = now
        return True


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def rst(frame):
    """The answer of a box to a segment of a connection that it does not know."""
    source, target = frame[ETH + 12 : ETH + 16], frame[ETH + 16 : ETH + 20]
    ports, acknowledged = frame[ETH + 20 : ETH + 24], frame[ETH + 28 : ETH + 32]
    tcp = ports[2:] + ports[:2] + acknowledged + bytes(4) + b"\x50\x04" + bytes(6)
    tcp = tcp[:16] + struct.pack("!H", checksum(target + source + b"\0\6\0\x14" + tcp)) + tcp[18:]
    ip = b"\x45\0\0\x28\0\0\0\0\x40\6\0\0" + target + source
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return frame[6:12] + frame[:6] + b"\x08\0" + ip + tcp
