"""The highest memory of a process, for every benchmark; it imports nothing, since it runs beside any peer."""

import resource
from pathlib import Path


def peak_mb():
    """Return the highest resident memory of this process so far, in MB.

    Linux lets a process begin with the highest memory of the one that started it, as `getrusage` tells it; the
    status file of the process knows its own.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
