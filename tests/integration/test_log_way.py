"""The way of the log through a training, against the numbers of docs/architecture.md."""

import re
import sys
import threading
from pathlib import Path

import cltv_ml
from cltv_ml.log import Log
from cltv_ml.pipelines import train

PACKAGE = str(Path(cltv_ml.__file__).parent)
ARCHITECTURE = Path(PACKAGE).parent / "docs" / "architecture.md"
OWN = (f"{PACKAGE}/log.py", f"{PACKAGE}/engine.py")


def test_a_training_hands_the_log_to_as_many_functions_as_the_page_says(store, tmp_path):
    stops = set()

    def note_stop(frame, event, _):
        code = frame.f_code
        path = code.co_filename
        if event != "call" or not path.startswith(PACKAGE) or path in OWN:
            return
        arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if any(isinstance(frame.f_locals.get(name), Log) for name in arguments):
            stops.add((path, code.co_qualname))

    threading.setprofile(note_stop)
    sys.setprofile(note_stop)
    try:
        train(data="synthetic:600", models=["same_rate", "bg_nbd_gamma_gamma", "tweedie"], out=tmp_path)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)

    said = re.search(r"the log to (\d+) functions in (\d+) files", ARCHITECTURE.read_text("utf-8"))
    assert [len(stops), len({path for path, _ in stops})] == [int(number) for number in said.groups()]
