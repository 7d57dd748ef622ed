"""Records mosquitto and real clients in trouble, asks the doctor, and writes the page."""

import argparse
import pathlib
import sys
import traceback

import calm  # noqa: F401
import fights  # noqa: F401
import recording
import trouble  # noqa: F401
from judge import MARK, NO_ANSWER, ask
from page import write
from scenario import SCENARIOS


def options():
    parser = argparse.ArgumentParser()
    for name in ("doctor", "cache", "page"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--commit", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--judge", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=16)
    return parser.parse_args()


def record(scenario, folder, chosen):
    try:
        scenario.record(folder, chosen)
        return f"recorded {scenario.name}"
    except Exception:
        why = traceback.format_exc()
        (folder / scenario.name).mkdir(parents=True, exist_ok=True)
        (folder / scenario.name / MARK).write_text(why)
        return f"not recorded: {scenario.name}: {why}"


def ask_about(scenario, folder, doctor):
    """The answers of a scenario, by source."""
    answers = {}
    for source, right in scenario.answers.items():
        answer = ask(doctor, scenario, source, folder / scenario.name)
        answers[scenario.name, source] = answer
        print(f"{'right' if answer.right else 'wrong'} {scenario.name} {source}:"
              f" {NO_ANSWER.get(answer.rule, answer.rule)} (right: {right})", *answer.wrong, flush=True)
        for sentence in [] if answer.right else answer.sentences:
            print(f"    {sentence}")
    return answers


def main():
    chosen = options()
    only = set(filter(None, chosen.only.split(",")))
    if only - SCENARIOS.keys():
        sys.exit(f"unknown: {', '.join(sorted(only - SCENARIOS.keys()))}")
    scenarios = [one for name, one in SCENARIOS.items() if not only or name in only]
    folder = recording.folder(chosen, "evenkeel-doctor-mosquitto")
    if not chosen.judge:
        print(f"records are in {folder}", flush=True)
        recording.record_all(lambda one: record(one, folder, chosen), scenarios, chosen.jobs)
    answers = {}
    for scenario in scenarios:
        answers.update(ask_about(scenario, folder, chosen.doctor))
    wrong = sum(not answer.right for answer in answers.values())
    if not only:
        write(chosen, scenarios, answers)
    print(f"{len(answers)} answers, {wrong} wrong; recorded in {folder}")
    sys.exit(1 if wrong else 0)


main()
