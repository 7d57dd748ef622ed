"""A scenario: what goes wrong, and what each record of it can show.

The answers are by source: the rules one of which is the right first cause, with `-` for nothing, and
`unread` where a log may be one whose format cannot be told: paho that never connects logs no line of
its own, and a mosquitto_sub that is never answered logs one.
`also` are what may be told besides, because it is true too. Sources: `client`, `client2` and
`broker` are captures there, `mosquitto` is the broker's log, `all` is everything together, and the
other names are logs of clients.
"""

import contextlib
import subprocess
import time

from lab import Lab

SCENARIOS = {}


def scenario(did, also="", path=False, clients=1, **answers):
    def add(function):
        name = function.__name__.replace("_", "-")
        SCENARIOS[name] = Scenario(name, did, function, also.split(), path, clients, answers)
        return function
    return add


class Scenario:
    def __init__(self, name, did, play, also, path, clients, answers):
        self.name, self.did, self.play, self.also = name, did, play, also
        self.path, self.clients, self.answers = path, clients, answers
        self.benign = did.startswith("nothing")

    def record(self, folder, tools):
        lab = Lab(self.name, folder / self.name, tools)
        try:
            lab.build(self.path, self.clients)
            self.play(lab)
            lab.finish()
        finally:
            lab.close()


def again(lab, seconds, start, pause=0.0):
    """A program that is started again whenever it ends."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        with contextlib.suppress(subprocess.TimeoutExpired):
            start().wait(left)
        time.sleep(pause)
