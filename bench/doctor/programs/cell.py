"""One program against one fault, recorded."""

import json
import os
import re
import select
import signal
import subprocess
import threading
import time

KEEP_ALIVE = 5

# How the client reaches the broker.
DIRECT, TLS, PROXY = "direct", "TLS", "proxy"
WAYS = (DIRECT, TLS, PROXY)

# A program that connects without a pause fills a record within seconds: this much shows it.
LARGEST = 4 << 20

# The length of a capture without a packet.
EMPTY_CAPTURE = 24

# The doctor's exit codes with a verdict.
VERDICTS = (0, 24)


class Cell:
    def __init__(self, scenario, client, way, folder):
        self.scenario, self.client, self.way, self.folder = scenario, client, way, folder
        self.name = f"{scenario['name']}.{client}" + ("" if way == DIRECT else f".{way}")

    def path(self, end):
        return self.folder / f"{self.name}.{end}"

    def sources(self):
        """What the doctor is asked about, by the name of the source."""
        if self.way == TLS:
            return [("TLS capture", self.path("pcap"))]
        if self.way == PROXY:
            return [("proxy", self.path("json"))]
        known = [("capture", "pcap"), ("client log", "log"), ("broker events", "jsonl")]
        # rumqttc has no log that its documentation tells how to get.
        return [(source, self.path(end)) for source, end in known if self.has(source)]

    def has(self, source):
        return not (self.client == "rumqttc" and source == "client log")

    def recorded(self, path):
        """Silence about what is not there would be no answer, and silence about no packet none either."""
        empty = EMPTY_CAPTURE if path.suffix == ".pcap" else -1
        return not self.path("unrecorded").exists() and path.exists() and path.stat().st_size > empty

    def forget(self):
        """What an earlier run in the same folder left is not to be taken for this one's."""
        for what in ("unrecorded", "pcap", "json", "jsonl", "log", "port"):
            self.path(what).unlink(missing_ok=True)

    def port(self):
        """The port that the client connects to."""
        return self.path("port").read_text()

    def profile(self):
        """The limits that the broker enforces and the doctor is told of."""
        return ["--profile", self.path("profile.toml")] if "profile" in self.scenario else []

    def run(self, chosen):
        self.forget()
        self.path("toml").write_text(self.scenario["faults"].replace("256 KiB", "1 " + "x" * (256 << 10)))
        if self.profile():
            self.path("profile.toml").write_text(self.scenario["profile"])
        started = []
        try:
            port = self.start_broker(chosen, started)
            proxy = self.way == PROXY and self.start_proxy(chosen, port, started)
            port = proxy.port if proxy else port
            self.path("port").write_text(port)
            dump = subprocess.Popen(
                ["tcpdump", "-i", "lo", "-U", "-Z", "root", "-w", self.path("pcap"), f"tcp port {port}"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )
            started.append(dump)
            said(dump, rb"listening on")
            clients = self.start_clients(chosen, port, started)
            self.wait()
            check_alive(started[0], dump, *([proxy] if proxy else []))
            for client in clients:
                client.send_signal(signal.SIGSTOP)
            # The record ends before the programs do, as their end is no fault.
            time.sleep(0.3)
            end(dump)
            if proxy:
                end(proxy, signal.SIGINT, within=60)
                if proxy.returncode not in VERDICTS:
                    raise RuntimeError(f"the proxy ended with {proxy.returncode}")
        finally:
            for process in reversed(started):
                end(process)

    def wait(self):
        until = time.monotonic() + self.scenario["seconds"]
        while time.monotonic() < until and self.path("pcap").stat().st_size < LARGEST:
            time.sleep(0.2)

    def start_broker(self, chosen, started):
        command = [chosen.broker, "broker", "-p", "0", "--faults", self.path("toml"), *self.profile()]
        scheme = "mqtt"
        if self.way == TLS:
            command += ["--tls-port", "0", "--cert", chosen.tls / "server.pem", "--key", chosen.tls / "server.key"]
            scheme = "mqtts"
        broker = subprocess.Popen(
            [*command, "--events", self.path("jsonl")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        started.append(broker)
        return said(broker, rf"{scheme}://127\.0\.0\.1:(\d+)".encode())[1].decode()

    def start_proxy(self, chosen, port, started):
        command = [chosen.doctor, "doctor", "proxy", "--listen", "127.0.0.1:0", *self.profile()]
        command += ["--to", f"mqtt://127.0.0.1:{port}", "--format", "json", "-o", self.path("json")]
        proxy = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        started.append(proxy)
        proxy.port = said(proxy, rb"listening on 127\.0\.0\.1:(\d+)")[1].decode()
        return proxy

    def start_clients(self, chosen, port, started):
        clients = []
        with open(self.path("log"), "w") as log:
            for number in range(self.scenario.get("instances", 1)):
                command, environment = self.command(chosen, port)
                client = subprocess.Popen(
                    command, env={**os.environ, **environment}, text=True,
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                    errors="replace",
                )
                started.append(client)
                clients.append(client)
                # The log of the first instance alone: each program has its own.
                target = self.path("log") if number == 0 else os.devnull
                threading.Thread(target=self.copy, args=(client, target), daemon=True).start()
        return clients

    def copy(self, client, target):
        """mosquitto_sub leaves the times to whoever writes its log down."""
        dated = self.client == "mosquitto_sub"
        with open(target, "w", buffering=1) as log:
            for line in client.stdout:
                log.write(f"{time.time():.3f}: {line}" if dated else line)

    def command(self, chosen, port):
        hints, authority = self.scenario.get("hints", {}), chosen.tls / "ca.pem"
        if self.client == "mosquitto_sub":
            return self.mosquitto(port, hints, authority), {}
        scheme = "mqtts" if self.way == TLS else "mqtt"
        args = [f"{scheme}://127.0.0.1:{port}", "device-1", str(KEEP_ALIVE)]
        args += [f"{name}={value}" for name, value in hints.items()]
        args.append(f"run_s={self.scenario['seconds'] + 30}")
        if self.way == TLS:
            args.append(f"ca={authority}")
        if self.client == "rumqttc":
            return [chosen.rumqttc / ("rumqttc-v5" if hints.get("v") == 5 else "rumqttc"), *args], {}
        if self.client == "paho":
            python = chosen.cache / "venv/bin/python"
            return [python, chosen.adapters / "python/adapter.py", *args, "log=1"], {}
        environment = {
            "MQTT_PACKAGE": "mqtt-5-3-4" if self.client == "mqttjs-5.3.4" else "mqtt",
            "MQTT_MODULES": str(chosen.cache / "npm"),
            "NODE_EXTRA_CA_CERTS": str(authority),
            "DEBUG": "mqttjs*",
        }
        return ["node", chosen.adapters / "js/adapter.mjs", *args], environment

    def mosquitto(self, port, hints, authority):
        topics = ["torture/in/#"]
        if hints.get("filters", 1) > 1:
            topics = [f"torture/in/{n}" for n in range(1, hints["filters"] + 1)]
        options = ["-V", "5"] if hints.get("v") == 5 else []
        options += ["--cafile", authority] if self.way == TLS else []
        for topic in topics:
            options += ["-t", topic]
        command = ["mosquitto_sub", "-d", "-h", "127.0.0.1", "-p", port, "-i", "device-1"]
        return ["stdbuf", "-oL", *command, "-q", "1", "-k", str(KEEP_ALIVE), *options]


def said(process, pattern, within=30):
    """Waits for words on stderr, and reads on in a thread so that it never blocks."""
    text, until = b"", time.monotonic() + within
    while time.monotonic() < until:
        if select.select([process.stderr], [], [], 0.5)[0]:
            text += os.read(process.stderr.fileno(), 4096)
            if found := re.search(pattern, text):
                threading.Thread(target=process.stderr.read, daemon=True).start()
                return found
        if process.poll() is not None:
            break
    raise RuntimeError(f"{process.args[0]} did not start: {text.decode(errors='replace')}")


def check_alive(*processes):
    """A record that broke off shows nothing of the scenario."""
    for process in processes:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} ended before the scenario did: {process.returncode}")


def end(process, how=signal.SIGTERM, within=10):
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.send_signal(how)
        try:
            process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
