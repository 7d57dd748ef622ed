"""Asks the doctor, and holds its first cause against the answers that are accepted."""

import dataclasses
import json
import subprocess

# The doctor's exit codes: nothing bad, something bad, and nothing that it could read.
DONE, FINDINGS, UNREADABLE = 0, 24, 25

# These stand in the place of a rule, and are wrong unless accepted.toml has them.
NOT_READ, NOT_RECORDED, FAILED = "not read", "not recorded", "failed"


@dataclasses.dataclass
class Answer:
    rule: str = "nothing"
    confidence: str = ""
    sentence: str = ""
    verdict: str = ""

    def text(self):
        return f"{self.rule} {self.confidence} {self.sentence}".strip()


def ask(doctor, cell, path):
    """The first cause: of a record that is asked about, or of the proxy's own report."""
    if not cell.recorded(path):
        return Answer(NOT_RECORDED)
    if path.suffix == ".json":
        return first(json.loads(path.read_text()))
    command = [doctor, "doctor", "--format", "json", "--port", cell.port(), *cell.profile(), path]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300)
    except subprocess.TimeoutExpired:
        return Answer(FAILED, sentence="nothing within 300 s")
    words = " ".join(done.stderr.split())[:300]
    if done.returncode == UNREADABLE:
        return Answer(NOT_READ, sentence=words)
    # A doctor that broke down has not said that nothing is wrong.
    if done.returncode not in (DONE, FINDINGS) or not done.stdout:
        return Answer(FAILED, sentence=f"exit code {done.returncode}: {words}")
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
        return "right" if answer.rule in self.entry(cell, source)["rules"] else "wrong"
