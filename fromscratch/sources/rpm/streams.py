"""Which packages can be installed where repositories have modules: of those, only the ones of enabled streams."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from fromscratch.errors import ImageError
from fromscratch.formats.rpm.modules import Modules, Stream
from fromscratch.nearest import nearest


class Hidden(Struct, frozen=True):
    """What cannot be installed: `packages` by their whole names, and `names` but for the `shown` packages."""

    packages: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()

    def hides(self, name: str, whole_name: str) -> bool:
        return whole_name in self.packages or (name in self.names and whole_name not in self.shown)


NOTHING_HIDDEN = Hidden()


def hidden(modules: Iterable[Modules], enabled: Sequence[str], place: str) -> Hidden:
    """Of each module the stream that is enabled counts, else its default one, else none; one that it needs comes along.

    A package outside modules is hidden by one of its name in a stream that counts. Raises ImageError for an unknown
    stream.
    """
    streams: list[Stream] = []
    defaults: dict[str, str] = {}
    for one in modules:
        streams += one.streams
        defaults |= one.defaults
    by_name: dict[str, list[Stream]] = {}
    for stream in streams:
        by_name.setdefault(stream.shown, []).append(stream)
    chosen: dict[str, str] = {}
    for text in enabled:
        if text not in by_name:
            raise _unknown(text, streams, place)
        module, _, name = text.partition(":")
        chosen[module] = name
    pending = list(chosen.items())
    while pending:
        for stream in by_name.get(":".join(pending.pop()), ()):
            for module, names in stream.needs.items():
                if module in chosen or not any(f"{module}:{name}" in by_name for name in names):
                    continue
                default = defaults.get(module)
                chosen[module] = default if default in names else names[0]
                pending.append((module, chosen[module]))
    active = {**defaults, **chosen}
    shown = frozenset(name for one in streams if active.get(one.module) == one.name for name in one.packages)
    every = frozenset(name for one in streams for name in one.packages)
    return Hidden(every - shown, frozenset(map(_name, shown)), shown)


def _name(whole_name: str) -> str:
    """The name in name-epoch:version-release.architecture."""
    return whole_name.rsplit("-", 2)[0]


def _unknown(text: str, streams: Sequence[Stream], place: str) -> ImageError:
    module = text.partition(":")[0]
    others = sorted({one.shown for one in streams if one.module == module})
    if others:
        hint = f"there is {', '.join(others)}"
    else:
        near = nearest(module, sorted({one.module for one in streams}))
        hint = f"did you mean the module {near[0]}?" if near else "see whether a repository is missing"
    return ImageError(f"no repository has the stream {text}, enabled in {place}", hint)
