"""Holds the doctor's reports about recorded evidence, and events, against their schemas."""

import pathlib
import subprocess
import sys
import tempfile

import breaks
import events
from forms import Json, Jsonl, Junit, Sarif

RECORDED = pathlib.Path("crates/evidence/tests")
CAPTURE = RECORDED / "captures/orphan-timer-plain.pcap"
LOG = RECORDED / "logs/orphan-timer-plain.mqttjs.log"
EVENTS = ("docs/events.schema.json", "docs/broker-events.schema.json")
BREAKS = {"json": breaks.of_json, "sarif": breaks.of_sarif, "junit": breaks.of_junit}


def report(program, form, inputs):
    command = [program, "doctor", "--format", form, *inputs]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    # Findings, or none; another code has no report.
    if done.returncode not in (0, 24):
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def evidence():
    """Files alone and together, with and without a key log, and with names hidden."""
    logs = sorted((RECORDED / "logs").glob("*.log"))
    captures = sorted((RECORDED / "captures").glob("*.pcap"))
    for path in captures + logs:
        yield [path]
    for capture in captures:
        if together := [log for log in logs if log.name.startswith(f"{capture.name[:12]}")]:
            yield [capture, *together]
    for keys in sorted((RECORDED / "captures").glob("*.keys")):
        yield ["--keylog", keys, keys.with_suffix(".pcap")]
    yield ["--redact", CAPTURE, LOG]


def contrary(folder):
    """The log with another keep-alive than the capture has, so that the report has all parts."""
    log = folder / "contrary.log"
    log.write_text(LOG.read_text().replace("keepalive: 2,", "keepalive: 20,"))
    return log


def check_breaks(program, forms, inputs):
    """The check itself: whatever is broken has to be refused. How many were."""
    refused = 0
    for form, broken in BREAKS.items():
        good = forms[form].parse(report(program, form, inputs))
        if wrong := forms[form].wrong(good):
            sys.exit(f"{form}: {wrong[0]}")
        for name, bad in broken(good):
            refused += 1
            if not forms[form].wrong(bad):
                sys.exit(f"{form}: a broken report was accepted: {name}")
    return refused


def check_events(program):
    """Events of this moment; a line without one of its fields has to be refused."""
    for path, lines in zip(EVENTS, events.played(program)):
        schema = events.Lines(path)
        if wrong := schema.wrong(lines):
            sys.exit(f"{path}: {wrong[0]}")
        names = sorted({line["event"] for line in lines})
        if "connected" not in names:
            sys.exit(f"{path}: nothing was connected, only {names}")
        for name, bad in events.breaks(lines):
            if not schema.wrong([bad]):
                sys.exit(f"{path}: a broken line was accepted: {name}")
        print(f"{len(lines)} lines by {path}: {' '.join(names)}")


def main():
    program, junit = sys.argv[1:]
    check_events(program)
    own = pathlib.Path("docs/doctor.schema.json")
    forms = {"json": Json(own), "jsonl": Jsonl(own), "sarif": Sarif(), "junit": Junit(junit)}
    with tempfile.TemporaryDirectory() as folder:
        refused = check_breaks(program, forms, [CAPTURE, contrary(pathlib.Path(folder))])
    checked, failed, findings = 0, 0, 0
    for inputs in evidence():
        for form, schema in forms.items():
            parsed = schema.parse(report(program, form, inputs))
            wrong = schema.wrong(parsed)
            checked, failed = checked + 1, failed + bool(wrong)
            findings += len(parsed) if form == "jsonl" else 0
            for error in wrong[:5]:
                print(f"{form} of {' '.join(map(str, inputs))}: {error}")
    print(f"{checked} reports with {findings} findings, {failed} wrong; {refused} broken ones refused")
    sys.exit(1 if failed or not findings else 0)


main()
