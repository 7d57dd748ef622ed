"""Writes docs/doctor-mosquitto.md."""

import datetime
import json
import pathlib
import platform
import subprocess

KINDS = {
    "a capture at the client": ("client", "client2"),
    "a capture at the broker": ("broker",),
    "mosquitto's log": ("mosquitto",),
    "a log of a client": (),
    "all together": ("all",),
}

HEAD = """# The doctor and a real broker

{broker}, with mosquitto_sub and mosquitto_pub, paho-mqtt and MQTT.js, in network
namespaces of their own: {scenarios} scenarios in which the path, the broker or a client is in trouble, and
some in which nothing is wrong. No fault is played by a program of ours, except those of the path: a box
in the middle of the cable that delays, loses, cuts and forgets. Each is recorded by tcpdump at the client
and at the broker, by mosquitto's log and by the clients' logs, and `evenkeel doctor` is asked about each
source alone and about all of them together. This page is written by a program; measured on {date}, on
{system}, the doctor at {commit}.

To repeat it (about eight minutes; as root, for namespaces and tcpdump):

```sh
sudo bench/doctor/mosquitto/run
```

## How often it is right

What is right was written down before the doctor was asked: the first cause has to be one of the rules that
are right, or nothing, and nothing that is told besides may be untrue; a false alarm is wrong, too, and so
is silence where the source shows it. **At the first asking, before any rule was changed for it,
{first_right} of {first_count} answers were right** ({first_percent} %): that is how good it was in a world that it
did not know. {first_corrected} more were accepted after looking at the records: the trouble had not come about, as this
mosquitto does not do what was asked of it or the scenario had a mistake, the source shows less than was
expected, or another answer is as true. The other {first_faults} were faults of the doctor. Rules and formats were changed for them, so the
figures of now show that they are fixed, and not how good it would be elsewhere.

| source | first asked | right | now asked | right |
|---|---|---|---|---|
{counts}

Where nothing is wrong, {first_alarms} of {first_calm} answers were false alarms at the first asking, and {alarms} of
{calm} are now. A finding that is only worth knowing (`info`) is no alarm there.

## What it says

By scenario and source: the first cause that is named, `–` if none. **Bold** is wrong now; after the arrow is what was
said at the first asking, if that was the doctor's fault; if it is the same, something untrue was told with it. `client` and `broker` are captures there, `mosquitto` is the
broker's log, the other names are logs of clients.

| scenario | what happens | answers |
|---|---|---|
{rows}

## What is still wrong

{wrong}
"""


def kind(source):
    return next((name for name, of in KINDS.items() if source in of), "a log of a client")


def shown(rule):
    return "–" if rule == "-" else rule


def cell(source, answer, first):
    text = shown(answer.rule) + "".join(f", {rule}" for rule in dict.fromkeys(answer.wrong) if rule != answer.rule)
    text = text if answer.right else f"**{text}**"
    before = first.get(source)
    return f"{source}: {text}" + (f" ← {shown(before[0])}" if before and before[1:] == ["wrong"] else "")


def counts(first, answers):
    before = [(kind(source), len(it) == 1) for of in first.values() for source, it in of.items()]
    now = [(kind(source), answer.right) for (_, source), answer in answers.items()]
    for name in KINDS:
        columns = []
        for all_of_them in (before, now):
            of = [right for one, right in all_of_them if one == name]
            columns += [str(len(of)), str(sum(of))]
        yield f"| {name} | {' | '.join(columns)} |"


def write(chosen, scenarios, answers):
    first = json.loads((pathlib.Path(__file__).parent / "first.json").read_text())
    by_name = {one.name: one for one in scenarios}
    every = [(name, source, it) for name, of in first.items() for source, it in of.items()]
    right = sum(len(it) == 1 for *_, it in every)
    expected = lambda name, source: by_name[name].answers.get(source, "").split()
    corrected = sum(it[1:] == ["corrected"] for *_, it in every)
    calm = {one.name for one in scenarios if one.benign}
    alarms = sum(name in calm and it[1:] == ["wrong"] for name, _, it in every)
    rows = [
        f"| {one.name} | {one.did} | "
        + " · ".join(cell(source, answers[one.name, source], first.get(one.name, {})) for source in one.answers)
        + " |"
        for one in scenarios
    ]
    wrong = [
        f"- {name}, {source}: right is {' or '.join(map(shown, expected(name, source)))}; it says "
        + ("; ".join(it.sentences[:3]) or "nothing") + "."
        for (name, source), it in answers.items() if not it.right
    ]
    version = subprocess.run(["mosquitto", "-h"], capture_output=True, text=True).stdout.splitlines()[0]
    chosen.page.write_text(HEAD.format(
        broker=version[0].upper() + version[1:], scenarios=len(scenarios), system=platform.system(),
        date=datetime.date.today().isoformat(), commit=chosen.commit, first_right=right,
        first_count=len(every), first_percent=right * 100 // len(every), first_corrected=corrected, first_faults=len(every) - right - corrected,
        counts="\n".join(counts(first, answers)), first_alarms=alarms,
        first_calm=sum(name in calm for name, *_ in every),
        alarms=sum(name in calm and not it.right for (name, _), it in answers.items()),
        calm=sum(name in calm for name, _ in answers), rows="\n".join(rows), wrong="\n".join(wrong) or "Nothing.",
    ))
