"""A broker and its clients in network namespaces of their own, recorded.

Each client has a namespace and a cable to the broker's, which has the address 10.9.0.1 on it. With
`path=True` a program stands in the middle of the first client's cable (`path.py`).
"""

import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

from path import Path

BROKER = "10.9.0.1"
HERE = pathlib.Path(__file__).resolve().parent
LIBC = ctypes.CDLL(None, use_errno=True)
NEW_NETWORK = 0x40000000


def command(*words, **more):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, **more)


@contextlib.contextmanager
def inside(namespace):
    """This thread is in the namespace."""
    with contextlib.ExitStack() as files:
        outside, there = (files.enter_context(open(path, "rb")) for path in (
            "/proc/thread-self/ns/net", f"/run/netns/{namespace}"))
        enter(there)
        try:
            yield
        finally:
            enter(outside)


def enter(namespace):
    # What is meant for a device there is not to be done to one of the machine.
    if LIBC.setns(namespace.fileno(), NEW_NETWORK) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def plain_frames(device):
    """What is sent has whole checksums and no more than one segment, as on a real cable."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for setting in (0x17, 0x1F, 0x25, 0x2C):  # checksums, TSO, GSO, GRO
            value = ctypes.create_string_buffer(struct.pack("II", setting, 0))
            request = struct.pack("16sP", device.encode(), ctypes.addressof(value))
            with contextlib.suppress(OSError):
                fcntl.ioctl(any_socket, 0x8946, request)


class Closed(Exception):
    """The lab is at its end: nothing more is started in it."""


class Lab:
    def __init__(self, name, folder, tools):
        self.name, self.folder, self.tools = name, folder, tools
        self.names, self.running, self.dumps = [], [], []
        self.tag = f"ek{os.getpid()}{name}"[-40:]
        self.path = None
        self.closed, self.lock = False, threading.Lock()

    def build(self, path, clients):
        """Whatever of it fails, `close` takes away what there is."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.space("b")
        self.ip("b", "link", "set", "lo", "up")
        self.ip("b", "addr", "add", f"{BROKER}/32", "dev", "lo")
        for number in range(1, clients + 1):
            self.cable(number, path and number == 1)

    def space(self, short):
        name = f"{self.tag}{short}"
        self.names.append(name)
        command("ip", "netns", "add", name)

    def ip(self, short, *words):
        command("ip", "-n", f"{self.tag}{short}", *words)

    def cable(self, number, through):
        client, end = f"c{number}", f"10.0.{number}"
        self.space(client)
        self.ip(client, "link", "set", "lo", "up")
        if through:
            self.space("m")
            for there, device in ((client, "m0"), ("b", "m1")):
                self.link("m", device, there, "eth0" if there == client else f"v{number}")
            with inside(f"{self.tag}m"):
                for device in ("m0", "m1"):
                    plain_frames(device)
                    self.ip("m", "link", "set", device, "up")
                self.path = Path("m0", "m1")
        else:
            self.link("b", f"v{number}", client, "eth0")
        for there, device, host in ((client, "eth0", 2), ("b", f"v{number}", 1)):
            with inside(f"{self.tag}{there}"):
                plain_frames(device)
            self.ip(there, "addr", "add", f"{end}.{host}/24", "dev", device)
            self.ip(there, "link", "set", device, "up")
        self.ip(client, "route", "add", "default", "via", f"{end}.1")

    def link(self, short, device, other, peer):
        self.ip(short, "link", "add", device, "type", "veth", "peer", "name", peer,
                "netns", f"{self.tag}{other}")

    def run(self, short, words, log=None, stamped=False, env=None):
        """A process in a namespace; its words go to a file, with times if it gives none."""
        # `feed` may start one while the lab is closed, which would then stay.
        with self.lock:
            if self.closed:
                raise Closed
            process = subprocess.Popen(
                ["ip", "netns", "exec", f"{self.tag}{short}", *map(str, words)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})}, text=True, errors="replace",
            )
            self.running.append(process)
        threading.Thread(target=self.copy, args=(process, log, stamped), daemon=True).start()
        return process

    def copy(self, process, log, stamped):
        with open(self.folder / log if log else os.devnull, "a", buffering=1) as file:
            for line in process.stdout:
                file.write(f"{time.time():.3f}: {line}" if stamped else line)

    def record(self):
        """At the first client; at the second, and at the broker where it may see something else."""
        places = {"client": "c1", "client2": "c2", "broker": "b"}
        for source, short in places.items():
            if f"{self.tag}{short}" not in self.names or (source == "broker" and len(self.names) == 2):
                continue
            device = "any" if source == "broker" else "eth0"
            words = ["tcpdump", "-i", device, "-U", "-Z", "root", "-w", self.folder / f"{source}.pcap"]
            self.dumps.append(self.run(short, [*words, "tcp or udp port 53"]))
        time.sleep(1)

    def broker(self, *settings, log="all", name="mosquitto", at="b", persistence=False, listen=True):
        conf = self.folder / f"{name}.conf"
        lines = ["user root", *(["listener 1883"] if listen else []), *settings]
        if not any("allow_anonymous" in line for line in settings):
            lines.append("allow_anonymous true")
        lines += ["log_dest stdout", "connection_messages true", "log_timestamp true"]
        lines += [f"log_type {log}"] if log else []
        if persistence:
            lines += ["persistence true", f"persistence_location {self.folder}/"]
        conf.write_text("\n".join(lines) + "\n")
        process = self.run(at, ["stdbuf", "-oL", "mosquitto", "-c", conf], f"{name}.log")
        time.sleep(0.5)
        return process

    def sub(self, *options, id="device-1", at="c1", log=None, host=BROKER, port=1883):
        words = ["stdbuf", "-oL", "mosquitto_sub", "-d", "-h", host, "-p", port, "-i", id, "-t", "in/#"]
        return self.run(at, [*words, *options], log or f"{id}.log", stamped=True)

    def pub(self, *options, id="device-1", at="c1", log=None, port=1883):
        words = ["stdbuf", "-oL", "mosquitto_pub", "-d", "-h", BROKER, "-p", port, "-t", "out/1", "-m", "1"]
        words += ["-i", id] if id else []
        return self.run(at, [*words, *options], log, stamped=True)

    def paho(self, at="c1", log=None, **options):
        options = {"id": "device-1", "host": BROKER, "port": 1883, **options}
        words = [self.tools.cache / "venv/bin/python", HERE / "clients/device.py", json.dumps(options)]
        return self.run(at, words, log or f"{options['id']}.log")

    def mqttjs(self, at="c1", package="mqtt", log=None, env=None, **options):
        options = {"id": "device-1", "url": f"mqtt://{BROKER}:1883", **options}
        env = {"MQTT_PACKAGE": package, "MQTT_MODULES": str(self.tools.cache / "npm"),
               "DEBUG": "mqttjs*", **(env or {})}
        words = ["node", HERE / "clients/device.mjs", json.dumps(options)]
        return self.run(at, words, log or f"{options['id']}.log", env=env)

    def feed(self, seconds, payload="1", qos=1):
        """Messages to everybody, from the broker's own host."""
        def run():
            with contextlib.suppress(Closed):
                while True:
                    self.run("b", ["mosquitto_pub", "-h", BROKER, "-t", "in/1", "-m", payload,
                                   "-q", qos, "-i", "feeder"]).wait()
                    time.sleep(seconds)
        threading.Thread(target=run, daemon=True).start()

    def certificate(self, name="server", authority="ca", days=2, host=BROKER):
        """A certificate, and the authority that it is from."""
        file = lambda end: self.folder / f"{end}"
        new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        if not file(f"{authority}.pem").exists():
            command(*new, "-x509", "-days", 9, "-subj", f"/CN={authority}", "-keyout", file(f"{authority}.key"),
                    "-out", file(f"{authority}.pem"), "-addext", "basicConstraints=critical,CA:TRUE",
                    "-addext", "keyUsage=critical,keyCertSign")
        command(*new, "-subj", f"/CN={host}", "-keyout", file(f"{name}.key"), "-out", file(f"{name}.csr"))
        file("ext").write_text(f"subjectAltName={'IP' if host[0].isdigit() else 'DNS'}:{host}\n")
        command("openssl", "x509", "-req", "-in", file(f"{name}.csr"), "-CA", file(f"{authority}.pem"),
                "-CAkey", file(f"{authority}.key"), "-CAcreateserial", "-days", days,
                "-extfile", file("ext"), "-out", file(f"{name}.pem"))

    def tls(self, *more, name="server"):
        """The broker's settings for TLS."""
        return ["listener 8883", f"cafile {self.folder}/ca.pem", f"certfile {self.folder}/{name}.pem",
                f"keyfile {self.folder}/{name}.key", *more]

    def resolver(self):
        """A server of names that knows none."""
        folder = pathlib.Path("/etc/netns") / f"{self.tag}c1"
        folder.mkdir(parents=True)
        (folder / "resolv.conf").write_text(f"nameserver {BROKER}\n")
        with inside(f"{self.tag}b"):
            names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            names.bind((BROKER, 53))

        def serve():
            while True:
                query, sender = names.recvfrom(512)
                names.sendto(query[:2] + b"\x81\x83" + query[4:6] + bytes(6) + query[12:], sender)
        threading.Thread(target=serve, daemon=True).start()

    def ca(self, name="ca"):
        return str(self.folder / f"{name}.pem")

    def finish(self):
        """The record ends before the programs do, as their end is no fault."""
        self.check()
        for process in self.running:
            if process not in self.dumps and process.poll() is None and self.owned(process):
                process.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
        for log in self.folder.glob("*.log"):
            shutil.copy(log, log.with_suffix(".txt"))
        for dump in self.dumps:
            stop(dump)

    def check(self):
        """A record that broke off, or of a cable that was dead, shows nothing of the scenario."""
        if any(dump.poll() is not None for dump in self.dumps):
            raise RuntimeError("a tcpdump ended before the scenario did")
        if self.path and not self.path.is_alive():
            raise RuntimeError("the box in the middle of the cable broke down")

    def owned(self, process):
        return "mosquitto.conf" not in " ".join(map(str, process.args))

    def close(self):
        with self.lock:
            self.closed = True
        try:
            for process in self.running:
                stop(process, signal.SIGKILL)
            if self.path:
                self.path.close()
        finally:
            for name in self.names:
                subprocess.run(["ip", "netns", "del", name], capture_output=True)
                shutil.rmtree(pathlib.Path("/etc/netns") / name, ignore_errors=True)


def stop(process, how=signal.SIGTERM):
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.send_signal(how)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
