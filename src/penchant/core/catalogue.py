"""Things that are added in one line: a name and where its class or function lives, imported when first asked for."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from penchant.core.errors import ConfigError, did_you_mean


class Catalogue(Mapping[str, str]):
    """Names of one kind (`model`, `metric`, `source`, `store`) → `module:attribute`."""

    def __init__(self, kind: str, entries: Mapping[str, str]) -> None:
        self.kind = kind
        self._entries = dict(entries)

    def __getitem__(self, name: str) -> str:
        self.check(name)
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def check(self, name: str, where: str = "") -> None:
        """Raises ConfigError, naming the nearest known name, when `name` is not listed."""
        if name not in self._entries:
            prefix = f"{where}: " if where else ""
            raise ConfigError(f"{prefix}no {self.kind} {name!r}{did_you_mean(name, self._entries)}")

    def load(self, name: str) -> Any:
        """The class or function called `name`. `Any`: each catalogue's reader knows its own kind."""
        module, _, attribute = self[name].partition(":")
        return getattr(import_module(module), attribute)
