"""Asks the doctor, and holds what it says against what is right."""

import dataclasses
import json
import subprocess

# The doctor's exit codes: nothing bad, something bad, and nothing that it could read.
DONE, FINDINGS, UNREADABLE = 0, 24, 25

# These stand in the place of a rule. An expectation may have the first one, and no other.
NOT_READ, NOT_RECORDED, FAILED = "unread", "unrecorded", "failed"
NO_ANSWER = {NOT_READ: "not read", NOT_RECORDED: "not recorded", FAILED: "failed"}

# Is in a scenario's folder if it could not be played to its end; no `.txt`, as those are logs.
MARK = "unrecorded"

# How a client comes back is told besides, if there is trouble.
COMES_BACK = ["RC01", "RC02", "RC03", "RC04", "RC06"]

# The length of a capture without a packet.
EMPTY_CAPTURE = 24


@dataclasses.dataclass
class Answer:
    rule: str
    # Causes and consequences that are not true.
    wrong: list = dataclasses.field(default_factory=list)
    sentences: list = dataclasses.field(default_factory=list)
    right: bool = False

    def alarm(self):
        """Where nothing is wrong: a wrong answer that names something."""
        return not self.right and self.rule not in NO_ANSWER


def files(folder, source):
    """The logs are `.txt`, copied at the end of the record."""
    if source == "all":
        return sorted(folder.glob("*.pcap")) + sorted(folder.glob("*.txt"))
    capture = folder / f"{source}.pcap"
    return [capture if capture.exists() else folder / f"{source}.txt"]


def recorded(folder, paths):
    """Silence about what is not there would be no answer, and silence about no packet none either."""
    def has(path):
        return path.exists() and (path.suffix != ".pcap" or path.stat().st_size > EMPTY_CAPTURE)
    return not (folder / MARK).exists() and bool(paths) and all(map(has, paths))


def flat(findings):
    for finding in findings:
        yield finding
        yield from flat(finding["consequences"])


def ask(doctor, scenario, source, folder):
    """The first cause has to be one that is right, and all others have to be true."""
    right = scenario.answers[source].split()
    paths = files(folder, source)
    answer = answered(doctor, scenario, right, paths) if recorded(folder, paths) else Answer(NOT_RECORDED)
    answer.right = answer.rule in right and not answer.wrong
    return answer


def answered(doctor, scenario, right, paths):
    command = [doctor, "doctor", "--format", "json", *paths]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300)
    except subprocess.TimeoutExpired:
        return Answer(FAILED, sentences=["nothing within 300 s"])
    words = " ".join(done.stderr.split())[:300]
    if done.returncode == UNREADABLE:
        return Answer(NOT_READ, sentences=[words])
    # A doctor that broke down has not said that nothing is wrong.
    if done.returncode not in (DONE, FINDINGS) or not done.stdout:
        return Answer(FAILED, sentences=[f"exit code {done.returncode}: {words}"])
    return judged(scenario, right, json.loads(done.stdout)["findings"])


def judged(scenario, right, findings):
    known = {*right, *scenario.also, *([] if scenario.benign else COMES_BACK)}
    told = list(flat(findings))
    if scenario.benign:
        # What is only worth knowing is no alarm; what follows from it may be one.
        told = [one for one in told if one["severity"] != "info" or one["rule"] in right]
    return Answer(
        rule=told[0]["rule"] if told else "-",
        wrong=[one["rule"] for one in told if one["confidence"] != "suspect" and one["rule"] not in known],
        sentences=[f"{one['rule']} {one['confidence']} {one['sentence']}" for one in told],
    )
