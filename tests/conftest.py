"""One thread per library: small fits are faster so, and tests may share the machine.

Property tests draw the same examples on every machine.
"""

import os

import hypothesis

os.environ.setdefault("OMP_NUM_THREADS", "1")

hypothesis.settings.register_profile("repeatable", derandomize=True)
hypothesis.settings.load_profile("repeatable")
