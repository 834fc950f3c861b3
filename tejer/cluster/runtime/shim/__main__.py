"""`python -I -S <this file> <descriptor> <room>`: the nursery, from which shims are forked. See `nursery`."""

from __future__ import annotations

import os
import sys

# -I -S leaves the package's own place out of sys.path; five levels up from this file is what holds `tejer`.
_HERE = os.path.abspath(__file__)
for _ in range(5):
    _HERE = os.path.dirname(_HERE)
sys.path.insert(0, _HERE)

from tejer.cluster.runtime.shim.nursery import run  # noqa: E402

run(int(sys.argv[1]))
