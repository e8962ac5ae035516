"""User's own models: a class or a scikit-learn regressor in a file, in a package, or behind an entry point."""

from __future__ import annotations

import hashlib
import importlib
import pickle
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points, packages_distributions, version
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any

from sklearn.base import BaseEstimator, clone, is_regressor

from cltv_ml.errors import InputError
from cltv_ml.models.base import ValueModel
from cltv_ml.models.regression import Regression
from cltv_ml.models.trees import TreeModel

#: Entry-point group under which installed packages offer models: `my_model = "my_package.models:MyModel"`.
GROUP = "cltv_ml.models"

#: Folder of a stored model with the files of the user's classes.
FOLDER = "own"

_PYTHONS = sys.stdlib_module_names | {"", "builtins"}


def offered() -> dict[str, EntryPoint]:
    """Return the models that installed packages offer, by name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def is_own(name: str) -> bool:
    """Return whether a name refers to a user's own model: in a file, in a module, or an entry point."""
    return ":" in name or name in offered()


def load_own(name: str, horizon: int, features: Sequence[str], text: Sequence[str] = ()) -> ValueModel:
    """Return the model of a name, for a horizon in days; InputError if there is none.

    Its name in results is its attribute `name`, or else the name of its class.
    """
    if name in offered():
        return as_value_model(offered()[name].load(), name, horizon, features, text)
    where, _, attribute = name.rpartition(":")
    module = load_file(Path(where)) if where.endswith(".py") else _import(where)
    if not hasattr(module, attribute):
        raise InputError(
            f"{where} has no {attribute!r}; give a class that it defines, such as {where}:MyModel."
        )
    member = getattr(module, attribute)
    own_name = getattr(member, "name", None)
    named = own_name if isinstance(own_name, str) else attribute
    return as_value_model(member, named, horizon, features, text)


def as_value_model(
    given: Any, name: str, horizon: int, features: Sequence[str], text: Sequence[str] = ()
) -> ValueModel:
    """Return a class or an object as an unfitted model of value; a regressor of scikit-learn is wrapped in one.

    Its horizon is set, and so are the columns that it learns from, if it takes `features` and names none: numbers, and
    for models on this package's trees `text` too.

    Raises
    ------
    InputError
        It is neither, its class needs arguments, or it could be fitted and not be loaded later.
    """
    model = _object(given, name)
    if isinstance(model, BaseEstimator) and is_regressor(model) and not isinstance(model, ValueModel):
        pickled(model)
        model = Regression(regressor=model)
    if not isinstance(model, ValueModel):
        raise InputError(
            f"{name} is a {type(model).__name__}, not a model; give a subclass of cltv_ml.models.ValueModel or a "
            "regressor of scikit-learn."
        )
    named_model = model.named(name)
    params = named_model.get_params(deep=False)
    if "horizon" in params:
        named_model.set_params(horizon=horizon)
    if "features" in params and params["features"] is None:
        named_model.set_params(features=[*features, *(text if isinstance(named_model, TreeModel) else ())])
    for place in addresses(named_model):
        module = place.partition(":")[0]
        if not _distribution(module):
            _source_code(module)
    return named_model


def load_file(path: Path) -> ModuleType:
    """Return the module of a Python file, run once for each content, so that two versions of a file stay apart.

    Raises
    ------
    InputError
        There is no such file, it is not Python, or it imports what is not installed.
    """
    if not path.is_file():
        raise InputError(
            f"no file {str(path)!r}; give the Python file of your model, such as mine.py:MyModel."
        )
    source = path.read_bytes()
    digest = hashlib.blake2b(source, digest_size=6).hexdigest()
    stem = re.sub(r"\W", "_", path.stem)
    name = stem if stem.endswith(digest) else f"{stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    vars(module).update(__file__=str(path), __source__=source)
    sys.modules[name] = module
    try:
        exec(compile(source, str(path), "exec"), vars(module))
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, (ImportError, SyntaxError)):
            raise InputError(
                f"{path.name} cannot be run: {error}; correct it, keep your model in this one file, and install what "
                "it imports."
            ) from error
        raise
    return module


def class_address(kind: type) -> str:
    """Return the address of a class in stored models: its name, after its module and a colon if it is not of this
    package.

    >>> class_address(ValueModel)
    'ValueModel'
    """
    if kind.__module__.partition(".")[0] == "cltv_ml":
        return kind.__name__
    return f"{kind.__module__}:{kind.__qualname__}"


def addresses(model: BaseEstimator) -> list[str]:
    """Return the addresses of an estimator's parts that come from neither this package nor Python."""
    parts = [model, *model.get_params(deep=True).values()]
    kinds = [part if hasattr(part, "__qualname__") else type(part) for part in parts]
    named = {
        class_address(kind) for kind in kinds if (kind.__module__ or "").partition(".")[0] not in _PYTHONS
    }
    return sorted(name for name in named if ":" in name)


def pickled(model: BaseEstimator) -> bytes:
    """Return an estimator of scikit-learn as bytes; InputError where a part of it cannot be stored."""
    try:
        return pickle.dumps(model)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(
            f"{type(model).__name__} cannot be stored: {error}; use named functions and classes defined in a "
            "file."
        ) from error


def pack(state: Any, folder: Path) -> None:
    """Write the files of the user's classes in a model's state to `folder`; classes of installed packages have none."""
    for module in sorted(_modules(state)):
        if not _distribution(module):
            (folder / FOLDER).mkdir(exist_ok=True)
            (folder / FOLDER / f"{module}.py").write_bytes(_source_code(module))


def unpack_classes(state: Any, folder: Path) -> dict[str, Any]:
    """Return the own classes in a model's state by address, from the files in `folder` or installed packages."""
    classes = {}
    for name in sorted(_addresses(state)):
        module, _, attribute = name.partition(":")
        path = folder / FOLDER / f"{module}.py"
        classes[name] = attrgetter(attribute)(load_file(path) if path.exists() else _import(module))
    return classes


def requirements_of(state: Any) -> list[str]:
    """Return the installed packages of the own classes in a model's state, as pip reads them."""
    distributions = {_distribution(module) for module in _modules(state)} - {""}
    return [f"{name}=={version(name)}" for name in sorted(distributions)]


def _object(named: Any, name: str) -> Any:
    if not isinstance(named, type):
        return clone(named) if isinstance(named, BaseEstimator) else named
    try:
        return named()
    except TypeError as error:
        raise InputError(
            f"{name}: its class needs arguments ({error}); give each of them a default."
        ) from error


def _import(module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"the module {module!r} cannot be imported: {error}; install its package, or give a file, such "
            "as mine.py:MyModel."
        ) from error


def _distribution(module: str) -> str:
    """Return the installed package that holds a module, empty if there is none."""
    return next(iter(_distributions().get(module.partition(".")[0], [])), "")


@cache
def _distributions() -> Mapping[str, list[str]]:
    return packages_distributions()


def _source_code(module: str) -> bytes:
    loaded = sys.modules[module]
    source: bytes | None = vars(loaded).get("__source__")
    file = getattr(loaded, "__file__", None)
    if source is not None:
        return source
    if module == "__main__" or "." in module or not file or Path(file).name == "__init__.py":
        raise InputError(
            f"the class of your model is defined in {module!r}, which cannot be stored with it; put the "
            "class into one file of its own (in a notebook with %%writefile mine.py) and import it from "
            "there, or install its package."
        )
    return Path(file).read_bytes()


def _modules(state: Any) -> set[str]:
    return {name.partition(":")[0] for name in _addresses(state)}


def _addresses(value: Any) -> Iterator[str]:
    """Yield the addresses in a state that are not of this package."""
    if isinstance(value, Mapping):
        if ":" in str(value.get("class", "")):
            yield value["class"]
        yield from value.get("made_of", ())
        for entry in value.values():
            yield from _addresses(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _addresses(entry)
