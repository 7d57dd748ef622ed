"""Writes docs/doctor-mosquitto.md."""

import datetime
import json
import pathlib
import platform
import subprocess

from judge import NO_ANSWER, NOT_READ

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
some in which nothing is wrong. The broker, the tools and the libraries are those that people run. Of ours are
the small applications on the two libraries, which may be slow or never acknowledge; a box in the middle of the
cable, which delays, loses, cuts and forgets; a few lines on a bare socket, which send what no library sends
(*malformed*), close without a goodbye (*no-goodbye*) or look whether the port is open (*health-check*); and a
server of names that knows none (*no-such-name*). The web server is Python's. tcpdump records at each client's
host, and at the broker where it may see something else there: with two hosts, or with the box between.
Mosquitto's log and the clients' logs are kept. `evenkeel doctor` is asked about each of the sources that are
listed with a scenario below, alone, and about all the scenario's captures and logs together, some of which it
is not asked about alone. This page is written by a program; measured on {date}, on {system}, the doctor at {commit}.

To repeat it (about eight minutes; as root, for namespaces and tcpdump):

```sh
sudo bench/doctor/mosquitto/run
```

## How often it is right

What is right was written down before the doctor was asked: the first cause has to be one of the rules that
are right, or nothing, and nothing that is told besides may be untrue; a false alarm is wrong, too, and so
is silence where the source shows it. One kind of thing that is told besides is not looked at: where there is
trouble, how a client comes back (RC01 to RC04 and RC06) always counts as true. **At the first asking, before any rule was changed for it,
{first_right} of {first_count} answers were right** ({first_percent} %): that is how good it was in a world that it
did not know. {first_corrected} more were accepted after looking at the records: the trouble had not come about, as this
mosquitto does not do what was asked of it or the scenario had a mistake, the source shows less than was
expected, or another answer is as true. The other {first_faults} were faults of the doctor. Rules and formats were changed for them, so the
figures of now show that they are fixed, and not how good it would be elsewhere.

| source | first asked | right | now asked | right | of these `not read` |
|---|---|---|---|---|---|
{counts}

Where nothing is wrong, {first_alarms} of {first_calm} answers were false alarms at the first asking, and {alarms} of
{calm} are now. A finding that is only worth knowing (`info`) is no alarm there; what follows from it may be one.

`not read` is no silence: the doctor ends with code 25, as it knows no format in the record. That is right only
where a log may have no line, or no more than one, that a format can be told by:
{unread}.
This was written down after looking at the logs, and at the first asking it was counted as silence. Everywhere
else it is wrong. Always wrong are `failed`, a doctor that ends without a verdict, and `not recorded`, a scenario
that could not be played to its end or a source of which there is nothing.

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
    return "–" if rule == "-" else NO_ANSWER.get(rule, rule)


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
        unread = [it for (_, source), it in answers.items() if kind(source) == name and it.rule == NOT_READ]
        columns.append(str(sum(it.right for it in unread)))
        yield f"| {name} | {' | '.join(columns)} |"


def said(answer):
    words = "; ".join(answer.sentences[:3])
    if answer.rule in NO_ANSWER:
        return NO_ANSWER[answer.rule] + (f" ({words})" if words else "")
    return f"it says {words or 'nothing'}"


def may_be_unread(scenarios):
    """The logs that are expected to be none that can be read."""
    return ", ".join(
        f"{one.name} {source}"
        for one in scenarios for source, right in one.answers.items() if NOT_READ in right.split()
    )


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
        f"- {name}, {source}: right is {' or '.join(map(shown, expected(name, source)))}; {said(it)}."
        for (name, source), it in answers.items() if not it.right
    ]
    version = subprocess.run(["mosquitto", "-h"], capture_output=True, text=True).stdout.splitlines()[0]
    chosen.page.write_text(HEAD.format(
        broker=version[0].upper() + version[1:], scenarios=len(scenarios), system=platform.system(),
        date=datetime.date.today().isoformat(), commit=chosen.commit, first_right=right,
        first_count=len(every), first_percent=right * 100 // len(every), first_corrected=corrected, first_faults=len(every) - right - corrected,
        counts="\n".join(counts(first, answers)), first_alarms=alarms,
        first_calm=sum(name in calm for name, *_ in every),
        alarms=sum(name in calm and it.alarm() for (name, _), it in answers.items()), unread=may_be_unread(scenarios),
        calm=sum(name in calm for name, _ in answers), rows="\n".join(rows), wrong="\n".join(wrong) or "Nothing.",
    ))
