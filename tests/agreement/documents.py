"""Image documents as strangers could write them: honest ones, changed at random where readers may differ."""

import json
import random
from collections.abc import Callable
from typing import Any, Literal

Kind = Literal["manifest", "index", "config", "list"]
KINDS: tuple[Kind, ...] = ("manifest", "index", "config", "list")

SHA = "sha256:" + "0123456789abcdef" * 4
OTHER = "sha256:" + "a" * 64
_OCI = "application/vnd.oci.image."


class Pairs(list[tuple[str, Any]]):
    """An object whose keys may stand twice."""


def _of(value: Any) -> Any:
    if isinstance(value, dict):
        return Pairs((key, _of(each)) for key, each in value.items())
    return [_of(each) for each in value] if isinstance(value, list) else value


def written(value: Any) -> str:
    """The JSON of a value with `Pairs` in it."""
    if isinstance(value, Pairs):
        return "{" + ", ".join(f"{json.dumps(key)}: {written(each)}" for key, each in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return value.text if isinstance(value, Raw) else json.dumps(value)


class Raw:
    """JSON that Python would not write."""

    def __init__(self, text: str) -> None:
        self.text = text


def _descriptor(kind: str, **more: Any) -> dict[str, Any]:
    return {"mediaType": f"{_OCI}{kind}", "digest": SHA, "size": 7, **more}


def honest(kind: Kind) -> Any:
    """A document that says something in every field."""
    match kind:
        case "manifest":
            return {
                "schemaVersion": 2,
                "mediaType": f"{_OCI}manifest.v1+json",
                "config": _descriptor("config.v1+json"),
                "layers": [_descriptor("layer.v1.tar+gzip"), _descriptor("layer.v1.tar", annotations={"a": "b"})],
                "annotations": {"org.example": "x", "Org.Example": "y"},
            }
        case "index":
            platform = {
                "architecture": "arm64",
                "os": "linux",
                "variant": "v8",
                "os.version": "1",
                "os.features": ["f"],
            }
            entry = _descriptor("manifest.v1+json", platform=platform, annotations={"a": "b"})
            return {"schemaVersion": 2, "mediaType": f"{_OCI}index.v1+json", "manifests": [entry], "annotations": {}}
        case "config":
            return {
                "created": "2023-11-14T22:13:20Z",
                "author": "Ann",
                "architecture": "amd64",
                "os": "linux",
                "variant": "v2",
                "config": {
                    "User": "0",
                    "ExposedPorts": {"80/tcp": {}},
                    "Env": ["PATH=/bin", "A=b"],
                    "Entrypoint": ["/bin/sh"],
                    "Cmd": ["-c", "x"],
                    "Volumes": {"/v": {}},
                    "WorkingDir": "/w",
                    "Labels": {"l": "m", "L": "n"},
                    "StopSignal": "SIGINT",
                    "ArgsEscaped": True,
                },
                "rootfs": {"type": "layers", "diff_ids": [SHA, OTHER]},
                "history": [
                    {"created": "2023-11-14T22:13:20Z", "created_by": "x", "comment": "c"},
                    {"empty_layer": True},
                ],
            }
        case "list":
            return [{"Config": "c.json", "RepoTags": ["a:1"], "Layers": ["l/layer.tar", "m/layer.tar"]}]


def document(kind: Kind, chance: random.Random) -> bytes:
    """The honest document of this kind with up to three changes."""
    return changed(honest(kind), chance, chance.randrange(4))


def changed(plain: Any, chance: random.Random, times: int) -> bytes:
    """A document with so many changes."""
    value = _of(plain)
    for _ in range(times):
        chance.choice(_CHANGES)(_some_object(value, chance), chance)
    return written(value).encode("utf-8", "surrogatepass")


def _some_object(value: Any, chance: random.Random) -> Pairs:
    found: list[Pairs] = []
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, Pairs):
            found.append(each)
            pending.extend(inner for _, inner in each)
        elif isinstance(each, list):
            pending.extend(each)
    return chance.choice(found) if found else Pairs()


def _cased(key: str, chance: random.Random) -> str:
    ways: list[Callable[[str], str]] = [
        str.upper, str.lower, str.swapcase, str.capitalize, str.title,
        lambda text: text.replace("s", "\u017f", 1), lambda text: text.replace("k", "\u212a", 1),
        lambda text: text[:1].upper() + text[1:], lambda text: text + " ", lambda text: text,
    ]  # fmt: skip
    return chance.choice(ways)(key)


def _anything(chance: random.Random) -> Any:
    plain: list[Any] = [
        None, True, 0, 1, 7, -1, 1 << 62, 1 << 63, 1 << 70, "", "x", "0", SHA, OTHER, SHA.upper(), f"{SHA} ",
        [], [None], ["x"], [1], Pairs(), Pairs([("x", "y")]), Raw("1.0"), Raw("1e2"), Raw("1.5"), Raw("-0"),
        Raw('"\\ud800"'), Raw('"\\u0000"'), Raw("2"), Raw('"\\u00e9"'),
        "2023-11-14t22:13:20z", "2023-11-14T24:00:00Z", "2023-11-14T22:13:60Z",
        "2023-11-14T22:13:20,5Z", "2023-11-14T22:13:20+24:00", "2023-11-14T22:13:20.Z", "2023-02-29T00:00:00Z",
        "2023-11-14 22:13:20Z", [Pairs([("digest", OTHER), ("size", 1), ("mediaType", "x")])], "e\u0301", "\u2028",
    ]  # fmt: skip
    return chance.choice(plain)


def _again(of: Pairs, chance: random.Random) -> None:
    """A key once more, in some case, with what it has or something else."""
    if of:
        key, value = chance.choice(of)
        of.insert(chance.randrange(len(of) + 1), (_cased(key, chance), chance.choice((value, _anything(chance)))))


def _renamed(of: Pairs, chance: random.Random) -> None:
    if of:
        place = chance.randrange(len(of))
        of[place] = (_cased(of[place][0], chance), of[place][1])


def _replaced(of: Pairs, chance: random.Random) -> None:
    if of:
        place = chance.randrange(len(of))
        of[place] = (of[place][0], _anything(chance))


def _dropped(of: Pairs, chance: random.Random) -> None:
    if of:
        del of[chance.randrange(len(of))]


_NAMES = ("manifests", "layers", "config", "rootfs", "history", "fsLayers", "platform", "subject", "Layers", "x", "os")


def _foreign(of: Pairs, chance: random.Random) -> None:
    of.insert(chance.randrange(len(of) + 1), (_cased(chance.choice(_NAMES), chance), _anything(chance)))


def _shuffled(of: Pairs, chance: random.Random) -> None:
    chance.shuffle(of)


_CHANGES: list[Callable[[Pairs, random.Random], None]] = [
    _again,
    _again,
    _renamed,
    _replaced,
    _dropped,
    _foreign,
    _shuffled,
]
