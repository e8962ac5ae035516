"""Features and labels of many cutoffs as Parquet files: one pass, bounded memory, restartable."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.dataset

from cltv_ml.errors import InputError
from cltv_ml.features.build import Cutoff, choose_features, each_shard, offering, sorted_cutoffs
from cltv_ml.features.catalogue import CATALOGUE
from cltv_ml.features.compile import Plan
from cltv_ml.features.engines import DuckDB, Engine
from cltv_ml.features.labels import check_windows, choose_labels, label_query
from cltv_ml.features.source import Base, Source, before, register_source
from cltv_ml.files import locked, read_earlier_json
from cltv_ml.log import AnyLog
from cltv_ml.remote import as_path, check_writable, is_remote, local, send, waiting_folder
from cltv_ml.windows import Window

#: Callback of a progress bar: parts done, parts in total, and a description of the next part.
TableProgress = Callable[[int, int, str], None]

_BUILD_FILE = "_build.json"
_LOCK_FILE = "_lock"

#: What that file contains, and what to do if it does not.
_BUILD, _WAY_OUT = "the description of a build", "choose another folder or remove this one"

_SCRATCH = "_shards"


@dataclass(frozen=True)
class _Build:
    """Identity of a build: everything that decides the content of its files; a folder belongs to one build."""

    version: str
    features: tuple[str, ...]
    labels: tuple[str, ...]
    cutoffs: tuple[str, ...]
    horizon: int | None
    shards: int
    log: str


def write_features(
    log: AnyLog | Source,
    cutoffs: Cutoff | Sequence[Cutoff],
    folder: str | Path,
    names: Sequence[str] | str | None = None,
    *,
    horizon: int | None = None,
    engine: Engine | None = None,
    progress: TableProgress | None = None,
) -> Path:
    """Write the rows of `build_features` to `folder/cutoff=YYYY-MM-DD/part-<shard>.parquet`; return `folder`.

    The log is read once, into one file per group of customers; each group is then processed by itself, so memory does
    not grow with the log. Every file appears complete or not at all, and the same call after an interruption
    continues with the files that are missing. Each DuckDB file carries the feature version and the meaning of its
    columns as Parquet metadata.

    Parameters
    ----------
    log, cutoffs, names
        As for `build_features`.
    folder
        A folder that does not exist yet, is empty, or holds an interrupted build of the same features. For one on an
        object store, such as s3://bucket/features, the files wait in a folder of this machine until all are complete.
    horizon
        If given, days after each cutoff over which labels are added, in columns `label_value`,
        `label_purchases` ... (see `cltv_ml.labels`).
    engine
        `DuckDB(...)` or `Spark(session)`; Spark must see `folder` under the same path, which is on no object store.
    progress
        Called before each part and at the end with parts done, parts in total and a description.

    Raises
    ------
    InputError
        As for `build_features`; the log ends before a holdout does; the folder holds another build, or another
        process is writing to it; the disk has too little room for the groups of customers.
    """
    place, running = as_path(folder), engine or DuckDB()
    if is_remote(place) and not isinstance(running, DuckDB):
        raise InputError(
            f"Spark writes features to a folder that all of its workers share, but {place} is on an object store; use "
            "such a folder, or leave Spark out."
        )
    with _sent(place) as target:
        _write_to(target, running, log, cutoffs, names, horizon, progress)
    return place


@contextmanager
def _sent(place: Path) -> Iterator[Path]:
    """Yield the folder to write to; on success its files are sent to an object store, the build's description last."""
    if not is_remote(place):
        yield place
        return
    check_writable(place)
    waiting, there = waiting_folder(place), place / _BUILD_FILE
    earlier = not waiting.exists() and there.is_file()
    if earlier:
        waiting.mkdir(mode=0o700)
        (waiting / _BUILD_FILE).write_text(there.read_text(encoding="utf-8"), encoding="utf-8")
    try:
        yield waiting
        files = [file for file in waiting.rglob("*") if file.is_file()]
        for file in sorted(files, key=lambda path: path.name == _BUILD_FILE):
            send(file, place / file.relative_to(waiting))
        earlier = True
    except InputError as error:
        raise InputError(str(error).replace(repr(str(waiting)), repr(str(place)))) from error
    finally:
        if earlier:
            shutil.rmtree(waiting)


def _write_to(
    target: Path,
    running: Engine,
    log: AnyLog | Source,
    cutoffs: Cutoff | Sequence[Cutoff],
    names: Sequence[str] | str | None,
    horizon: int | None,
    progress: TableProgress | None,
) -> None:
    """Write the features to a folder of this machine, or one that Spark shares; parameters as in `write_features`."""
    try:
        base = register_source(running, log if isinstance(log, Source) else Source(log))
        windows = [Window(cutoff, 1 if horizon is None else horizon) for cutoff in sorted_cutoffs(cutoffs)]
        base.check([window.cutoff for window in windows])
        if horizon is not None:
            check_windows(windows, base.first, base.last)
        labels = choose_labels(None, base.columns) if horizon is not None else []
        base = offering(names, base)
        plan = Plan(choose_features(names, base), CATALOGUE, tuple(labels))
        build = _describe(running, base, plan, windows, horizon)
        if _open_folder(target, build):
            lock = target / _LOCK_FILE
            with locked(
                lock, f"another build is writing to {str(target)!r}; wait until it ends, or stop it."
            ):
                if _open_folder(target, build):  # else another process has just finished it
                    _write_windows(
                        running, base, plan, windows, _Output(target, build, progress or _no_progress)
                    )
            lock.unlink(missing_ok=True)
    finally:
        running.clear()


def read_features(folder: str | Path) -> pa.Table:
    """Return the table that `write_features` wrote, sorted by its first columns, cutoff and customer_id.

    Raises
    ------
    InputError
        The folder holds no complete build.
    """
    place = as_path(folder)
    note = place / _BUILD_FILE
    if not note.is_file() or not read_earlier_json(note, _BUILD, _WAY_OUT).get("complete"):
        raise InputError(f"{str(place)!r} has no complete build; run write_features on it (again).")
    cutoff = pa.dataset.partitioning(pa.schema([("cutoff", pa.timestamp("us"))]), flavor="hive")
    with local(place) as found:
        files = (
            found.parents[1] if found.is_file() else found
        )  # of a single file fetched from an object store
        table = pa.dataset.dataset(files, partitioning=cutoff, format="parquet").to_table()
    names = ["cutoff", *(name for name in table.column_names if name != "cutoff")]
    return table.select(names).sort_by([("cutoff", "ascending"), ("customer_id", "ascending")])


@dataclass(frozen=True)
class _Output:
    target: Path
    build: _Build
    progress: TableProgress

    def part(self, cutoff: pd.Timestamp, shard: int) -> Path:
        """The file of one cutoff and shard."""
        return self.target / f"cutoff={cutoff:%Y-%m-%d}" / f"part-{shard:04d}.parquet"

    def missing(self, shard: int, windows: Sequence[Window]) -> list[Window]:
        """The windows whose file of this shard is still to be written."""
        return [window for window in windows if not self.part(window.cutoff, shard).exists()]


def _write_windows(engine: Engine, base: Base, plan: Plan, windows: Sequence[Window], out: _Output) -> None:
    total = out.build.shards * len(windows)
    ends = _query_ends(windows, out.build.horizon)
    done = 0

    def wanted(shard: int) -> bool:
        """Whether any file of a shard is missing."""
        nonlocal done
        done = shard * len(windows)
        out.progress(done, total, f"customers {shard + 1} of {out.build.shards}")
        return bool(out.missing(shard, windows))

    for shard in each_shard(engine, base, plan, ends, out.target / _SCRATCH, wanted):
        for window in out.missing(shard, windows):
            query = _rows(plan, window, base.dated)
            engine.write(query, out.part(window.cutoff, shard), _metadata(out.build))
            done += 1
            out.progress(done, total, f"{window.cutoff:%Y-%m-%d}")
    shutil.rmtree(out.target / _SCRATCH, ignore_errors=True)
    _note(out.target, out.build, complete=True)
    out.progress(total, total, "complete")


def _query_ends(windows: Sequence[Window], horizon: int | None) -> list[pd.Timestamp]:
    """Return, for each window, the first day that its query does not read."""
    return [window.cutoff if horizon is None else window.end for window in windows]


def _rows(plan: Plan, window: Window, dated: bool) -> str:
    features = plan.query(window.cutoff, dated)
    if not plan.labels:
        return features
    columns = ", ".join(f"labels.{label.name} as label_{label.name}" for label in plan.labels)
    labels = label_query(window, plan.labels)
    joined = "left join labels on labels.customer_id = features.customer_id"
    return f"with features as ({features}), labels as ({labels}) select features.*, {columns} from features {joined}"


def _describe(
    engine: Engine, base: Base, plan: Plan, windows: Sequence[Window], horizon: int | None
) -> _Build:
    seen = before(base.lines, max(_query_ends(windows, horizon)))  # what comes later changes nothing
    extent = engine.query(
        f"select count(*) as n, sum(amount) as total, max(day) as last from ({seen}) as seen"
    )
    return _Build(
        version=plan.version,
        features=plan.names,
        labels=tuple(label.name for label in plan.labels),
        cutoffs=tuple(f"{window.cutoff:%Y-%m-%d}" for window in windows),
        horizon=horizon,
        shards=engine.split(base.rows),
        log=", ".join(f"{name} {value}" for name, value in extent.to_pylist()[0].items()),
    )


def _open_folder(target: Path, build: _Build) -> bool:
    """Make the folder ready for this build; False if it is complete already."""
    note = target / _BUILD_FILE
    if note.exists():
        then = read_earlier_json(note, _BUILD, _WAY_OUT)
        complete = then.pop("complete", False)
        now = json.loads(json.dumps(asdict(build)))
        if then != now:
            other = [name for name in now if then.get(name) != now[name]]
            raise InputError(
                f"{str(target)!r} contains another build, with other {', '.join(other)}; choose another "
                "folder or remove this one."
            )
        return not complete
    # A note that was not finished is all that a kill at the very beginning leaves.
    if target.exists() and any(path.name != f"{_BUILD_FILE}.unfinished" for path in target.iterdir()):
        raise InputError(f"{str(target)!r} contains other files; choose a new or an empty folder.")
    _note(target, build, complete=False)
    return True


def _note(target: Path, build: _Build, *, complete: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.mkdir(mode=0o700, exist_ok=True)  # its files name customers
    unfinished = target / f"{_BUILD_FILE}.unfinished"
    unfinished.write_text(json.dumps({**asdict(build), "complete": complete}, indent=1))
    os.replace(unfinished, target / _BUILD_FILE)


def _metadata(build: _Build) -> dict[str, str]:
    meaning = {name: {"unit": CATALOGUE[name].unit, "doc": CATALOGUE[name].doc} for name in build.features}
    return {"cltv_feature_version": build.version, "cltv_features": json.dumps(meaning)}


def _no_progress(done: int, total: int, what: str) -> None:
    pass
