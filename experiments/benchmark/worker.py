"""Worker process that runs one drop-in model on one task: `... worker TASK MODEL DIGEST`.

Each window's predictions are stored as they are made, so an interrupted run continues where it stopped.
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
    """Return the file for the stored answers, which changes with the task or the code (`code_digest`)."""
    question = [task.name, task.data, task.horizon, task.protocol, cutoff, code]
    digest = hashlib.sha256(json.dumps(question).encode()).hexdigest()[:12]
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
    """Run the model on every window of the task that has no stored answer."""
    module = importlib.import_module(f"experiments.benchmark.models.{model}")
    log = None
    for cutoff, window in zip(task.cutoffs, task.windows, strict=True):
        path = kept_at(task, cutoff, model, code)
        if path.is_file():
            continue
        log = load_log(task.data) if log is None else log
        cases = make_cases(log, window, task.protocol)
        with shared_fits():
            answers_of_cases = [module.predict(case) for case in cases]
        together = {
            name: join([answers[name] for answers in answers_of_cases]) for name in answers_of_cases[0]
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{model}.part")
        unfinished.write_text(json.dumps({name: _plain(combined) for name, combined in together.items()}))
        unfinished.replace(path)


def join(answers: list[Answer]) -> Answer:
    """Return the answers for parts of the customers as one; the first note if one of them has no values."""
    missing = next((answer for answer in answers if answer.values is None), None)
    if missing is not None or len(answers) == 1:
        return missing or answers[0]
    return Answer(
        pd.concat([answer.values for answer in answers]),
        answers[0].version,
        answers[0].parameters,
        sum(answer.seconds for answer in answers),
        max(answer.memory_mb for answer in answers),
        next((answer.note for answer in answers if answer.note), ""),
    )


def read_answers(path: Path) -> dict[str, Answer]:
    """Return the stored answers of one window by model."""
    return {
        name: Answer(
            **{**stored, "values": None if stored["values"] is None else pd.Series(stored["values"])}
        )
        for name, stored in json.loads(path.read_text()).items()
    }


def _plain(answer: Answer) -> dict:
    values = (
        None if answer.values is None else {str(key): float(value) for key, value in answer.values.items()}
    )
    return {
        **asdict(
            Answer(None, answer.version, answer.parameters, answer.seconds, answer.memory_mb, answer.note)
        ),
        "values": values,
    }


if __name__ == "__main__":
    answer(read_tasks([sys.argv[1]])[0], *sys.argv[2:])
