"""Records mosquitto and real clients in trouble, asks the doctor, and writes the page."""

import argparse
import concurrent.futures
import dataclasses
import json
import pathlib
import subprocess
import sys
import traceback

import calm  # noqa: F401
import fights  # noqa: F401
import trouble  # noqa: F401
from page import write
from scenario import SCENARIOS

# How a client comes back is told besides, if there is trouble.
COMES_BACK = ["RC01", "RC02", "RC03", "RC04", "RC06"]


def options():
    parser = argparse.ArgumentParser()
    for name in ("doctor", "cache", "page"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--commit", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", type=pathlib.Path, default=pathlib.Path("/tmp/evenkeel-doctor-mosquitto"))
    parser.add_argument("--judge", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=16)
    return parser.parse_args()


@dataclasses.dataclass
class Answer:
    rule: str
    # Causes and consequences that are not true.
    wrong: list
    sentences: list
    right: bool = False


def files(folder, source):
    """The logs are `.txt`, copied at the end of the record."""
    if source == "all":
        return sorted(folder.glob("*.pcap")) + sorted(folder.glob("*.txt"))
    capture = folder / f"{source}.pcap"
    return [capture if capture.exists() else folder / f"{source}.txt"]


def flat(findings):
    for finding in findings:
        yield finding
        yield from flat(finding["consequences"])


def ask(doctor, scenario, source, paths):
    """The first cause has to be one that is right, and all others have to be true."""
    command = [doctor, "doctor", "--format", "json", *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    causes = json.loads(done.stdout)["findings"] if done.stdout else []
    right = scenario.answers[source].split()
    known = {*right, *scenario.also}
    if scenario.benign:
        # What is only worth knowing is no alarm.
        causes = [one for one in causes if one["severity"] != "info" or one["rule"] in right]
    else:
        known.update(COMES_BACK)
    all_of_them = [one for one in flat(causes) if one["confidence"] != "suspect"]
    answer = Answer(
        rule=causes[0]["rule"] if causes else "-",
        wrong=[one["rule"] for one in all_of_them if one["rule"] not in known],
        sentences=[f"{one['rule']} {one['confidence']} {one['sentence']}" for one in flat(causes)],
    )
    answer.right = answer.rule in right and not answer.wrong
    return answer


def record(scenario, folder, chosen):
    try:
        scenario.record(folder, chosen)
        return f"recorded {scenario.name}"
    except Exception:
        return f"{scenario.name}: {traceback.format_exc()}"


def main():
    chosen = options()
    only = set(filter(None, chosen.only.split(",")))
    if only - SCENARIOS.keys():
        sys.exit(f"unknown: {', '.join(sorted(only - SCENARIOS.keys()))}")
    scenarios = [one for name, one in SCENARIOS.items() if not only or name in only]
    folder = chosen.judge or chosen.keep
    if not chosen.judge:
        with concurrent.futures.ThreadPoolExecutor(chosen.jobs) as pool:
            for how in pool.map(lambda one: record(one, folder, chosen), scenarios):
                print(how, flush=True)
    answers = {}
    for scenario in scenarios:
        for source in scenario.answers:
            answer = ask(chosen.doctor, scenario, source, files(folder / scenario.name, source))
            answers[scenario.name, source] = answer
            print(f"{'right' if answer.right else 'wrong'} {scenario.name} {source}: {answer.rule}"
                  f" (right: {scenario.answers[source]})", *answer.wrong, flush=True)
            for sentence in [] if answer.right else answer.sentences:
                print(f"    {sentence}")
    wrong = sum(not answer.right for answer in answers.values())
    if not only:
        write(chosen, scenarios, answers)
    print(f"{len(answers)} answers, {wrong} wrong; recorded in {folder}")
    sys.exit(1 if wrong else 0)


main()
