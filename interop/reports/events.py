"""Events of a client and of a broker whose connections end, and what is wrong with them."""

import json
import pathlib
import re
import subprocess
import tempfile

import jsonschema

from forms import errors

# The first connections end as soon as they are accepted, the next ping has no answer.
TROUBLE = """
[[rule]]
name = "flapping"
sent = "CONNACK"
nth = 1
action = "close_after"

[[rule]]
name = "one lost ping response"
sent = "PINGRESP"
nth = 1
action = "drop"
"""


class Lines:
    """A schema for lines, refusing fields that it does not describe."""

    def __init__(self, path):
        schema = json.loads(pathlib.Path(path).read_text())
        kind = jsonschema.Draft202012Validator
        kind.check_schema(schema)
        self.validator = kind({**schema, "unevaluatedProperties": False})

    def wrong(self, lines):
        return [error for line in lines for error in errors(self.validator, line)]


def port_of(broker):
    """What the broker says it listens on, or where it failed."""
    said = []
    for line in broker.stderr:
        said.append(line)
        if found := re.search(r"mqtt://127\.0\.0\.1:(\d+)", line):
            return found.group(1)
    raise RuntimeError(f"the broker does not listen: {said}")


def played(program):
    """The lines of a client and of a broker that have gone through some trouble."""
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        (home / "trouble.toml").write_text(TROUBLE)
        client, broker = home / "client.jsonl", home / "broker.jsonl"
        serving = [program, "broker", "-p", "0", "--faults", home / "trouble.toml", "--events", broker]
        server = subprocess.Popen(serving, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        try:
            port = port_of(server)
            # Long enough for a ping without an answer; how much comes to pass decides nothing.
            subscribing = [program, "sub", "-h", "localhost", "-p", port, "-t", "#", "-i", "boat"]
            subscribing += ["-k", "1", "-W", "6", "--quiet", "--events", client]
            subprocess.run(subscribing, timeout=60, capture_output=True)
        finally:
            server.terminate()
            server.wait(timeout=30)
        return [[json.loads(line) for line in path.read_text().splitlines()] for path in (client, broker)]


def breaks(lines):
    """Each line with a field away, and with one of another name."""
    for line in lines:
        for name in line:
            yield f"{line['event']} without {name}", {key: line[key] for key in line if key != name}
            yield f"{name} of {line['event']} renamed", {f"{key}s" if key == name else key: line[key] for key in line}
