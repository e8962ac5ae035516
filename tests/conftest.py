"""One thread per library: small fits are faster so, and tests may share the machine."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
