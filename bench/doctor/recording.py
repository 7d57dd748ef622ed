"""Where records are, and how many are made at a time; for `programs` and `mosquitto`."""

import concurrent.futures
import os
import pathlib
import signal
import sys
import tempfile


def folder(chosen, name):
    """Where records are. A name that others can guess is nothing that root writes to."""
    if chosen.judge:
        return chosen.judge
    if not chosen.keep:
        return pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-"))
    chosen.keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    return chosen.keep.resolve()


def ended(*_):
    sys.exit("ended by a signal")


def record_all(record, what, jobs):
    """When told to end, lets those that are played come to their end: nothing of them is to stay."""
    signal.signal(signal.SIGTERM, ended)
    # There are keys among the records.
    mask = os.umask(0o077)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        try:
            for how in pool.map(record, what):
                print(how, flush=True)
        except BaseException:
            print("ends when what is played now has ended, within about three minutes", file=sys.stderr)
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    os.umask(mask)
