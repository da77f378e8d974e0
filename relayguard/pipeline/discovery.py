"""Where filters come from: entry points of installed packages, and files in the drop-in folder."""

import importlib.util
import inspect
import sys
from importlib.metadata import entry_points
from pathlib import Path

from relayguard.hookspecs import PROJECT

ENTRY_POINTS = "relayguard.filters"


class FilterError(Exception):
    """A filter cannot be found, loaded or run; the message says which, why, and what to do."""


def known_names(folder: Path | None) -> set[str]:
    """Return the names of all filters that could be loaded. Loads none of them."""
    names = {point.name for point in entry_points(group=ENTRY_POINTS)}
    if folder is not None and folder.is_dir():
        names |= {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}
    return names


def find_class(name: str, folder: Path | None) -> type:
    """Return the class of the filter called `name`; raise FilterError if there is none.

    A file in the drop-in folder wins over an installed filter, so that one can be tried out.
    """
    dropped_in = folder / f"{name}.py" if folder is not None else None
    if dropped_in is not None and dropped_in.is_file():
        return _from_file(name, dropped_in)
    for point in entry_points(group=ENTRY_POINTS):
        if point.name == name:
            try:
                loaded = point.load()
            except Exception as error:
                raise FilterError(f"{point.value} does not load: {type(error).__name__}: {error}") from error
            if not isinstance(loaded, type):
                raise FilterError(f"{point.value} is not a class")
            return loaded
    where = f", and no file {dropped_in}" if dropped_in is not None else ""
    raise FilterError(f"no installed package provides it{where}")


def _from_file(name: str, path: Path) -> type:
    module_name = f"relayguard_drop_in_{name}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise FilterError(f"{path} cannot be loaded as a Python module")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name.
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[module_name]
        raise FilterError(f"{path} does not load: {type(error).__name__}: {error}") from error
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module_name and _has_hooks(value)
    ]
    if len(classes) != 1:
        raise FilterError(f"{path} must define exactly one class with @hookimpl methods, not {len(classes)}")
    return classes[0]


def _has_hooks(cls: type) -> bool:
    marker = f"{PROJECT}_impl"
    return any(hasattr(member, marker) for _, member in inspect.getmembers(cls, inspect.isfunction))
