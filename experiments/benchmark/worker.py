"""One task answered by one drop-in model, in a process of its own: `... worker TASK MODEL DIGEST`.

Each window's predictions are kept as they come, so an interrupted run goes on where it was.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

import pandas as pd

import cltv_ml
from cltv_ml.models.fit_cache import shared_fits
from experiments.benchmark.cases import CACHE, HERE, Answer, Task, load_log, make_cases, read_tasks


def model_names() -> list[str]:
    """Return the drop-in models: the files of `models/`."""
    return sorted(path.stem for path in (HERE / "models").glob("*.py") if path.stem != "__init__")


def kept_at(task: Task, cutoff: str, model: str, code: str) -> Path:
    """Return where the answers are kept; another place once the task or the code (`code_digest`) has changed."""
    asked = [task.name, task.data, task.horizon, task.protocol, cutoff, code]
    digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:12]
    return CACHE / "answers" / f"{task.name}-{cutoff}-{model}-{digest}.json"


def code_digest(model: str) -> str:
    """Return a digest of the files that an answer depends on."""
    files = [HERE / "models" / f"{model}.py", HERE / "cases.py", HERE / "summary.py"]
    files += sorted((HERE / "peers").glob("*"))
    files += sorted(Path(cltv_ml.__file__).parent.glob("*.py"))
    for room in ("data", "features", "models", "evaluation"):
        files += sorted(Path(cltv_ml.__file__).parent.joinpath(room).glob("*.py"))
    ours = model == "cltv_ml"  # the others depend on our code only through the clean log
    digest = hashlib.sha256()
    for file in files:
        inside = Path(cltv_ml.__file__).parent in file.parents
        if file.is_file() and (ours or not inside or file.parent.name == "data"):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def answer(task: Task, model: str, code: str) -> None:
    """Ask the model about every window of the task that it has not answered yet."""
    module = importlib.import_module(f"experiments.benchmark.models.{model}")
    log = None
    for cutoff, window in zip(task.cutoffs, task.windows, strict=True):
        path = kept_at(task, cutoff, model, code)
        if path.is_file():
            continue
        log = load_log(task.data) if log is None else log
        cases = make_cases(log, window, task.protocol)
        with shared_fits():
            parts = [module.predict(case) for case in cases]
        together = {name: join([part[name] for part in parts]) for name in parts[0]}
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{model}.part")
        part.write_text(json.dumps({name: _plain(one) for name, one in together.items()}))
        part.replace(path)


def join(parts: list[Answer]) -> Answer:
    """Return the answers about parts of the customers as one; the first note where one of them has no values."""
    missing = next((part for part in parts if part.values is None), None)
    if missing is not None or len(parts) == 1:
        return missing or parts[0]
    return Answer(
        pd.concat([part.values for part in parts]),
        parts[0].version,
        parts[0].parameters,
        sum(part.seconds for part in parts),
        max(part.memory_mb for part in parts),
        next((part.note for part in parts if part.note), ""),
    )


def read_answers(path: Path) -> dict[str, Answer]:
    """Return the kept answers of one window by model."""
    return {
        name: Answer(**{**one, "values": None if one["values"] is None else pd.Series(one["values"])})
        for name, one in json.loads(path.read_text()).items()
    }


def _plain(one: Answer) -> dict:
    values = None if one.values is None else {str(key): float(value) for key, value in one.values.items()}
    return {
        **asdict(Answer(None, one.version, one.parameters, one.seconds, one.memory_mb, one.note)),
        "values": values,
    }


if __name__ == "__main__":
    answer(read_tasks([sys.argv[1]])[0], *sys.argv[2:])
