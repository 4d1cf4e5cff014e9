"""The check of the keys of image documents, which engines written in Go read regardless of case.

Go's encoding/json finds the field of a key without regard to case, and of several takes the last: `Layers` behind
`layers` is the list that docker and podman unpack. A reader that knows the exact key only would see another image
under the same digest. So a document is refused that has two such keys, or a known key in another case, and one that
can be taken for a manifest as well as for an index (CVE-2021-41190).
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from fromscratch.errors import FormatError

_HINT = "make the image again with a tool that writes each key once, as the specification spells it"
# The letters beyond ASCII that have one within it among their cases: long s and the sign of kelvin
_FOLDED = str.maketrans({"\u017f": "s", "\u212a": "k"})


def _folded(key: str) -> str:
    """One form for all keys that Go holds to be the same: encoding/json, `foldFunc`."""
    return key.translate(_FOLDED).lower()


class Keys(Struct, frozen=True):
    """The keys that readers know in an object, each with those of the objects in it or in the items of its list.

    `None` for a key whose value has no fixed keys: a map such as labels, or what is not an object.
    `foreign` are those that would make it a document of another kind.
    """

    known: Mapping[str, "Keys | None"]
    foreign: frozenset[str] = frozenset()
    _exact: dict[str, str] = {}

    def __post_init__(self) -> None:
        self._exact.update({_folded(key): key for key in (*self.known, *self.foreign)})

    def spelled(self, key: str) -> str | None:
        """How the specification spells this key, whatever its case; None for an unknown one."""
        return self._exact.get(_folded(key))


def _plain(names: str, objects: Mapping[str, Keys] | None = None) -> dict[str, "Keys | None"]:
    return {**dict.fromkeys(names.split()), **(objects or {})}


_PLATFORM = Keys(_plain("architecture os os.version os.features variant features"))
_DESCRIPTOR = Keys(_plain("mediaType digest size urls annotations data artifactType", {"platform": _PLATFORM}))
_COMMON = _plain("schemaVersion mediaType artifactType annotations", {"subject": _DESCRIPTOR})

MANIFEST = Keys(
    {**_COMMON, "config": _DESCRIPTOR, "layers": _DESCRIPTOR}, frozenset({"manifests", "fsLayers", "history"})
)
INDEX = Keys({**_COMMON, "manifests": _DESCRIPTOR}, frozenset({"config", "layers", "fsLayers", "history"}))
LAYOUT = Keys(_plain("imageLayoutVersion"))
DOCKER_ARCHIVE = Keys(_plain("Config RepoTags Layers Parent LayerSources"))

_HEALTH = Keys(_plain("Test Interval Timeout StartPeriod StartInterval Retries"))
_RUN = Keys(
    _plain(
        "Hostname Domainname User AttachStdin AttachStdout AttachStderr ExposedPorts Tty OpenStdin StdinOnce Env Cmd"
        " ArgsEscaped Image Volumes WorkingDir Entrypoint NetworkDisabled MacAddress OnBuild Labels StopSignal"
        " StopTimeout Shell Memory MemorySwap CpuShares Cpuset PortSpecs VolumesFrom",
        {"Healthcheck": _HEALTH},
    )
)
CONFIG = Keys(
    _plain(
        "id parent comment created container docker_version author architecture variant os os.version os.features Size",
        {
            "config": _RUN,
            "container_config": _RUN,
            "rootfs": Keys(_plain("type diff_ids base_layer")),
            "history": Keys(_plain("created author created_by comment empty_layer")),
        },
    )
)


def check_keys(data: bytes, keys: Keys, what: str) -> None:
    """Look at every key of a JSON document that has been read once. Raises FormatError, naming document and key."""
    try:
        document = json.loads(data.decode(), object_pairs_hook=_Pairs, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{what} does not follow its format: {error}", "make or fetch the image again") from error
    pending: list[tuple[Any, Keys | None, str]] = [(document, keys, "")]
    while pending:
        value, shape, place = pending.pop()
        if isinstance(value, _Pairs):
            _check_object(value, shape, what, place)
            pending.extend((each, shape and shape.known.get(key), f"{place}.{key}") for key, each in value)
        elif isinstance(value, list):
            pending.extend((each, shape, place) for each in value)


class _Pairs(tuple[tuple[str, Any], ...]):
    """An object as it is written, with every key."""


def _check_object(pairs: Iterable[tuple[str, Any]], shape: Keys | None, what: str, place: str) -> None:
    seen: dict[str, str] = {}
    for key, _ in pairs:
        name = key if shape is None else _folded(key)
        if name in seen:
            twice = "twice" if seen[name] == key else f"beside {seen[name]!r}, which some readers take for the same"
            raise FormatError(f"{what} has the key {_shown(place, key)} {twice}", _HINT)
        seen[name] = key
        spelled = shape and shape.spelled(key)
        if spelled and spelled != key:
            raise FormatError(
                f"{what} has the key {_shown(place, key)}, which some readers take for {spelled!r}", _HINT
            )
        if shape and key in shape.foreign:
            raise FormatError(
                f"{what} has the key {_shown(place, key)}, and so can be read as a document of another kind", _HINT
            )


def _shown(place: str, key: str) -> str:
    return repr(f"{place}.{key}".lstrip("."))
