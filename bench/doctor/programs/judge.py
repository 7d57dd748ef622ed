"""Asks the doctor, and holds its first cause against the answers that are accepted."""

import dataclasses
import json
import subprocess

UNREAD = 25


@dataclasses.dataclass
class Answer:
    read: bool = True
    rule: str = "nothing"
    confidence: str = ""
    sentence: str = ""
    verdict: str = ""

    def text(self):
        if not self.read:
            return "not read"
        return f"{self.rule} {self.confidence} {self.sentence}".strip()


def ask(doctor, cell, path):
    """The first cause: of a record that is asked about, or of the proxy's own report."""
    if path.suffix == ".json":
        return first(json.loads(path.read_text()))
    command = [doctor, "doctor", "--format", "json", "--port", cell.port(), *cell.profile(), path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode == UNREAD:
        return Answer(read=False)
    if not done.stdout:
        raise RuntimeError(f"{path}: {done.stderr}")
    return first(json.loads(done.stdout))


def first(report):
    # What is only suspected is told apart by the doctor, and is no finding.
    if not report["findings"]:
        return Answer()
    cause = report["findings"][0]
    return Answer(rule=cause["rule"], confidence=cause["confidence"], sentence=cause["sentence"])


class Accepted:
    """The first entry that fits a cell and source counts."""

    def __init__(self, entries):
        self.entries = entries

    def entry(self, cell, source):
        for entry in self.entries:
            if (
                cell.scenario["name"] in entry["scenarios"]
                and cell.client in entry.get("clients", [cell.client])
                and source in entry.get("sources", [source])
            ):
                return entry
        raise KeyError(f"accepted.toml has nothing for {cell.name}, {source}")

    def verdict(self, cell, source, answer):
        if not answer.read:
            return "unread"
        return "right" if answer.rule in self.entry(cell, source)["rules"] else "wrong"
