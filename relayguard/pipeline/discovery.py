"""Where filters come from: entry points of installed packages, and files in the drop-in folder."""

import inspect
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from relayguard.hookspecs import PROJECT
from relayguard.snapshot import DropIn

ENTRY_POINTS = "relayguard.filters"

# A filter that calls sys.exit() when it is loaded must not take the daemon's word from it.
_ANYTHING = (Exception, SystemExit)


class FilterError(Exception):
    """A filter cannot be found, loaded or run; the message says which, why, and what to do."""


def known_names(folder: Path | None) -> set[str]:
    """Return the names of all filters that could be loaded. Loads none of them."""
    names = {point.name for point in entry_points(group=ENTRY_POINTS)}
    if folder is not None and folder.is_dir():
        names |= {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}
    return names


def find_class(name: str, drop_in: DropIn | None = None) -> type:
    """Return the class of the filter called `name`; raise FilterError if there is none.

    A file in the drop-in folder wins over an installed filter, so that one can be tried out.
    """
    if drop_in is not None:
        return _from_source(name, drop_in)
    for point in entry_points(group=ENTRY_POINTS):
        if point.name == name:
            try:
                loaded = point.load()
            except _ANYTHING as error:
                raise FilterError(f"{point.value} does not load: {type(error).__name__}: {error}") from error
            if not isinstance(loaded, type):
                raise FilterError(f"{point.value} is not a class")
            return loaded
    raise FilterError("no installed package provides it")


def _from_source(name: str, drop_in: DropIn) -> type:
    module_name = f"relayguard_drop_in_{name}"
    module = ModuleType(module_name)
    module.__file__ = drop_in.path
    # Dataclasses look their module up by name.
    sys.modules[module_name] = module
    try:
        # The operator's own code, as it was read when the generation began: the file may have changed since.
        exec(compile(drop_in.source, drop_in.path, "exec"), module.__dict__)  # noqa: S102  # that is what it is for
    except _ANYTHING as error:
        del sys.modules[module_name]
        raise FilterError(f"{drop_in.path} does not load: {type(error).__name__}: {error}") from error
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module_name and _has_hooks(value)
    ]
    if len(classes) != 1:
        raise FilterError(f"{drop_in.path} must define exactly one class with @hookimpl methods, not {len(classes)}")
    return classes[0]


def _has_hooks(cls: type) -> bool:
    marker = f"{PROJECT}_impl"
    return any(hasattr(member, marker) for _, member in inspect.getmembers(cls, inspect.isfunction))
