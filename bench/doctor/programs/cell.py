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


class Cell:
    def __init__(self, scenario, client, folder):
        self.scenario, self.client, self.folder = scenario, client, folder
        self.name = f"{scenario['name']}.{client}"

    def path(self, end):
        return self.folder / f"{self.name}.{end}"

    def sources(self):
        """What the doctor is asked about, by the name of the source."""
        known = (("capture", "pcap"), ("client log", "log"), ("broker events", "jsonl"))
        return [(source, self.path(end)) for source, end in known]

    def port(self):
        """The broker's port; its first event tells it."""
        with open(self.path("jsonl")) as events:
            return json.loads(events.readline())["url"].rpartition(":")[2]

    def run(self, chosen):
        self.path("toml").write_text(self.scenario["faults"])
        self.path("jsonl").unlink(missing_ok=True)
        started = []
        try:
            command = [chosen.broker, "broker", "-p", "0", "--faults", self.path("toml")]
            broker = subprocess.Popen(
                [*command, "--events", self.path("jsonl")],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )
            started.append(broker)
            port = said(broker, rb"mqtt://127\.0\.0\.1:(\d+)")[1].decode()
            dump = subprocess.Popen(
                ["tcpdump", "-i", "lo", "-U", "-Z", "root", "-w", self.path("pcap"), f"tcp port {port}"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )
            started.append(dump)
            said(dump, rb"listening on")
            clients = self.start_clients(chosen, port, started)
            time.sleep(self.scenario["seconds"])
            for client in clients:
                client.send_signal(signal.SIGSTOP)
            # The record ends before the programs do, as their end is no fault.
            time.sleep(0.3)
            end(dump)
        finally:
            for process in reversed(started):
                end(process)
        return self

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
        hints = self.scenario.get("hints", {})
        if self.client == "mosquitto_sub":
            topics = ["torture/in/#"]
            if hints.get("filters", 1) > 1:
                topics = [f"torture/in/{n}" for n in range(1, hints["filters"] + 1)]
            options = ["-V", "5"] if hints.get("v") == 5 else []
            for topic in topics:
                options += ["-t", topic]
            command = ["mosquitto_sub", "-d", "-h", "127.0.0.1", "-p", port, "-i", "device-1"]
            return ["stdbuf", "-oL", *command, "-q", "1", "-k", str(KEEP_ALIVE), *options], {}
        args = [f"mqtt://127.0.0.1:{port}", "device-1", str(KEEP_ALIVE)]
        args += [f"{name}={value}" for name, value in hints.items()]
        args.append(f"run_s={self.scenario['seconds'] + 30}")
        if self.client == "paho":
            python = chosen.cache / "venv/bin/python"
            return [python, chosen.adapters / "python/adapter.py", *args, "log=1"], {}
        package = "mqtt-5-3-4" if self.client == "mqttjs-5.3.4" else "mqtt"
        environment = {
            "MQTT_PACKAGE": package,
            "MQTT_MODULES": str(chosen.cache / "npm"),
            "DEBUG": "mqttjs*",
        }
        return ["node", chosen.adapters / "js/adapter.mjs", *args], environment


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


def end(process):
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
