"""Writes docs/doctor-programs.md."""

import datetime
import pathlib
import platform
import subprocess
import tomllib

SOURCES = ("capture", "TLS capture", "proxy", "client log", "broker events")

TITLES = {
    "capture": "A capture in the clear",
    "TLS capture": "A capture of TLS 1.3, without keys",
    "proxy": "The proxy, `evenkeel doctor proxy`",
    "client log": "The client's log",
    "broker events": "The broker's events",
}

HEAD = """# The doctor and the programs of others

Programs that know nothing of Evenkeel against the faults of the development broker
(`evenkeel broker --faults`), recorded with tcpdump, and what `evenkeel doctor` says of each record:
does it name what was wrong? The scenarios are those of [torture.md](torture.md), and some more. Each
program ran three times: recorded in the clear, recorded under TLS, and through `evenkeel doctor proxy`.
This page is written by a program; measured on {date}, on {system}, over loopback, the doctor at {commit}.

To repeat it (about half an hour; as root, for tcpdump):

```sh
bench/doctor/run
```

Programs: {versions}.
All ask for a keep-alive of 5 s, and have their defaults otherwise. rumqttc is polled on after errors, as
its README says, and so tries again at once: where that makes a storm, a record ends at 4 MB.

## How to read it

A cell is the first cause that the doctor names, with its confidence; `nothing` if it is silent. A
cell in **bold** is not among the answers of `bench/doctor/accepted.toml`, which has for each
scenario the causes that are right and why; `nothing` is right there where a program bears the fault
well, or one event alone proves nothing. `–` means that the program cannot play the scenario or has no
such log. `not read` means that the doctor knows no format in the record, `failed` that it ended without a
verdict, `not recorded` that a program of the bench broke down or there is nothing of this source: none of
these is silence, and each is wrong. Under TLS the doctor sees sizes and times: no reason codes, topics or
identifiers. In *publish-rate* and *connect-floor* it is told of the
broker's limit by `--profile`. Logs of clients say less than the wire:
those of mosquitto_sub and paho have no line for the end of a connection. Of the broker's events the
doctor does not read the line in which this broker names its own fault, as no other broker has one.

The accepted answers and several rules were written with the first runs in view, and then held for
the run shown, which is one sample: it says what the doctor makes of these faults, not how often it
is right elsewhere. Of the broker's events and of logs the accepted answers are often only how the
client comes back (RC01, RC03), as there is no more to see.

*Rightly silent* are those where nothing is wrong, or no more than one event that proves nothing, or
nothing that this source shows.

| source | answers | right | of these a cause | of these rightly silent |
|---|---|---|---|---|
{counts}
"""


def version(command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip().splitlines()[0]


def versions(chosen):
    python = chosen.cache / "venv/bin/python"
    paho = version([python, "-c", "import paho.mqtt; print(paho.mqtt.__version__)"])
    mosquitto = subprocess.run(["mosquitto_sub", "--help"], capture_output=True, text=True).stdout
    mosquitto = next(line for line in mosquitto.splitlines() if "version" in line)
    node = version(["node", "--version"])
    lock = tomllib.loads((pathlib.Path(__file__).parent.parent / "rumqttc/Cargo.lock").read_text())
    rumqttc = next(one["version"] for one in lock["package"] if one["name"] == "rumqttc")
    return (
        f"MQTT.js 5.3.4 and 5.16.0 on Node {node}, paho-mqtt {paho} on Python "
        f"{platform.python_version()}, {mosquitto.split(' running')[0]}, rumqttc {rumqttc}"
    )


def shown(answer):
    if answer is None:
        return "–"
    text = f"{answer.rule} {answer.confidence}".strip()
    return f"**{text}**" if answer.verdict == "wrong" else text


def count(source, found):
    every = [one for (_, _, of), one in found.items() if of == source]
    right = [one.rule for one in every if one.verdict == "right"]
    silent = right.count("nothing")
    return f"| {source} | {len(every)} | {len(right)} | {len(right) - silent} | {silent} |"


def table(source, scenarios, clients, found):
    lines = [f"\n## {TITLES[source]}\n"]
    lines.append("| scenario | the broker | " + " | ".join(clients) + " |")
    lines.append("|---" * (len(clients) + 2) + "|")
    for scenario in scenarios:
        cells = [shown(found.get((scenario["name"], client, source))) for client in clients]
        lines.append(f"| {scenario['name']} | {scenario['did']} | " + " | ".join(cells) + " |")
    return lines


def write(chosen, scenarios, clients, answers):
    found = {(cell.scenario["name"], cell.client, source): one for cell, source, one in answers}
    text = HEAD.format(
        date=datetime.date.today().isoformat(),
        system=platform.system(),
        commit=chosen.commit,
        versions=versions(chosen),
        counts="\n".join(count(source, found) for source in SOURCES),
    )
    lines = []
    for source in SOURCES:
        if any(of == source for _, _, of in found):
            lines += table(source, scenarios, clients, found)
    lines.append("\n## What it says\n\nOf the captures in the clear, the first sentence:\n")
    for cell, source, answer in answers:
        if source == "capture" and answer.sentence:
            lines.append(f"- {cell.scenario['name']}, {cell.client}: {answer.sentence} ({answer.rule})")
    chosen.page.write_text(text + "\n".join(lines) + "\n")
