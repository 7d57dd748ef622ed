"""Runs each program against each fault, judges what the doctor says, and writes the page."""

import argparse
import pathlib
import sys
import tomllib
import traceback

import recording
from cell import WAYS, Cell
from judge import Accepted, ask
from page import write

CLIENTS = ["mqttjs-5.3.4", "mqttjs-5.16", "mosquitto_sub", "paho", "rumqttc"]


def options():
    parser = argparse.ArgumentParser()
    for name in ("doctor", "broker", "adapters", "cache", "tls", "rumqttc", "page"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--commit", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--clients", default="")
    parser.add_argument("--ways", default="")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--judge", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=16)
    return parser.parse_args()


def fits(scenario, client):
    """mosquitto_sub subscribes and receives: it has nothing to publish."""
    return not (client == "mosquitto_sub" and scenario.get("publishes"))


def record(cell, chosen):
    try:
        cell.run(chosen)
        return f"recorded {cell.name}"
    except Exception:
        why = traceback.format_exc()
        cell.path("unrecorded").write_text(why)
        return f"not recorded: {cell.name}: {why}"


def main():
    chosen = options()
    here = pathlib.Path(__file__).resolve().parent.parent
    scenarios = tomllib.loads((here / "scenarios.toml").read_text())["scenario"]
    accepted = Accepted(tomllib.loads((here / "accepted.toml").read_text())["answer"])
    lists = (chosen.only, chosen.clients, chosen.ways)
    only, clients, ways = (set(filter(None, text.split(","))) for text in lists)
    unknown = only - {one["name"] for one in scenarios} | clients - set(CLIENTS) | ways - set(WAYS)
    if unknown:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}")

    folder = recording.folder(chosen, "evenkeel-doctor")
    cells = [
        Cell(scenario, client, way, folder)
        for scenario in scenarios
        for client in CLIENTS
        for way in WAYS
        if (not only or scenario["name"] in only)
        and (not clients or client in clients)
        and (not ways or way in ways)
        and fits(scenario, client)
    ]
    if not chosen.judge:
        print(f"records are in {folder}", flush=True)
        recording.record_all(lambda cell: record(cell, chosen), cells, chosen.jobs)

    answers = []
    for cell in cells:
        for source, path in cell.sources():
            answer = ask(chosen.doctor, cell, path)
            answer.verdict = accepted.verdict(cell, source, answer)
            print(f"{answer.verdict:8} {cell.name} {source}: {answer.text()}", flush=True)
            answers.append((cell, source, answer))
    if not (only or clients or ways):
        write(chosen, scenarios, CLIENTS, answers)
    wrong = sum(answer.verdict == "wrong" for _, _, answer in answers)
    print(f"{len(answers)} answers, {wrong} wrong; recorded in {folder}")
    sys.exit(1 if wrong else 0)


main()
