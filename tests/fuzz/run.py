"""Fuzz one target: `python -m tests.fuzz.run TARGET [--inputs N] [--seed N]`, or with atheris until it is stopped.

    python -m tests.fuzz.run yaml --atheris [libFuzzer's flags]

Without atheris, inputs are mutations by a seeded generator. Memory is limited, each input's time is looked at, and the
input that fails is printed as Python bytes: put it into `REGRESSIONS` of test_doors.py.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
import traceback
from random import Random

from tests.fuzz.mutate import mutated

NAMES = ("yaml", "protobuf", "admission")
MEMORY = 2 << 30
LONGEST_SECONDS = 5.0
"""Of one input's processor time, which an input of 4 kB never needs."""


def budget(target: str, inputs: int, seed: int) -> int:
    """Exit code 1 at the first input that is not answered."""
    from tests.fuzz.corpus import seeds
    from tests.fuzz.targets import TARGETS

    run, random = TARGETS[target], Random(seed)
    known = seeds(target)
    for number in range(inputs):
        data = known[number] if number < len(known) else mutated(random.choice(known), random, known)
        began = time.process_time()
        try:
            run(data)
        except BaseException:
            traceback.print_exc()
            print(f"{target}, input {number} of seed {seed}: {data!r}", file=sys.stderr)
            return 1
        if (took := time.process_time() - began) > LONGEST_SECONDS:
            print(f"{target}: {took:.1f} s for {data!r}", file=sys.stderr)
            return 1
    print(f"{target}: {inputs} inputs, largest memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB")
    return 0


def with_atheris(target: str, flags: list[str]) -> None:
    import tempfile
    from pathlib import Path

    import atheris

    with atheris.instrument_imports(include=["tejer", "ruamel"]):  # all modules would take minutes
        from tests.fuzz.corpus import seeds
        from tests.fuzz.targets import TARGETS

    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds(target)):
            (Path(corpus) / str(number)).write_bytes(seed)
        atheris.Setup([sys.argv[0], "-timeout=10", "-rss_limit_mb=2048", *flags, corpus], TARGETS[target])
        atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=NAMES)
    parser.add_argument("--inputs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--atheris", action="store_true")
    options, flags = parser.parse_known_args()
    if options.atheris:
        with_atheris(options.target, flags)
        return 0
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    return budget(options.target, options.inputs, options.seed)


if __name__ == "__main__":
    sys.exit(main())
