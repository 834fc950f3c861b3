"""`python -I -S <this directory's __main__.py> <pod directory> <hostname> <0|1 own network>`: see `main`."""

from __future__ import annotations

import os
import sys

# -I -S leaves the package's own place out of sys.path; five levels up from this file is what holds `tejer`.
_HERE = os.path.abspath(__file__)
for _ in range(5):
    _HERE = os.path.dirname(_HERE)
sys.path.insert(0, _HERE)

from tejer.cluster.runtime.shim.main import main  # noqa: E402

main(sys.argv[1:])
