"""The package archives of this machine's apt: sources.list(5), in both of its formats."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from fromscratch.errors import FormatError
from fromscratch.formats.debian import deb822
from fromscratch.lazy_regex import lazy_regex
from fromscratch.named_tuple import NamedTuple

_SCHEMES = ("http", "https", "file")
_ONE_LINE = lazy_regex(r"deb\s+(?:\[(?P<options>[^]]*)\]\s*)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<components>.*)")
_DISABLED = {"no", "false", "without", "off", "disable", "0"}


class AptSource(NamedTuple):
    """One archive of binary packages.

    `signed_by` has paths of keyrings, fingerprints, or a whole armored key; empty if apt accepts any
    key that it trusts. `architectures` is empty for the machine's own one. A suite that ends in a
    slash is a path, and has no components.
    """

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: tuple[Path | str, ...] = ()
    architectures: tuple[str, ...] = ()


def mirrors(root: Path = Path("/")) -> list[AptSource]:
    """The enabled archives of the machine whose filesystem is at `root`, in apt's order, each with one address.

    Lines, paragraphs and files that cannot be parsed are ignored, as are addresses other than http, https and
    file; a list of mirrors in a file is replaced by its mirrors.
    """
    folder = root / "etc/apt"
    parts = sorted((folder / "sources.list.d").glob("*"))
    found: list[AptSource] = []
    for path in [folder / "sources.list", *parts]:
        text = _text(path)
        if path.suffix == ".list":
            found += _one_line_form(text, root)
        elif path.suffix == ".sources":
            found += _deb822_form(text, root)
    return list(dict.fromkeys(found))


def _one_line_form(text: str, root: Path) -> Iterator[AptSource]:
    for line in text.splitlines():
        parsed = _ONE_LINE.fullmatch(line.partition("#")[0].strip())
        if not parsed:
            continue
        pairs = (word.partition("=") for word in (parsed["options"] or "").split())
        options = {name.lower(): tuple(value.strip('"').split(",")) for name, _, value in pairs if value}
        if options.get("enabled", ("",))[0].lower() in _DISABLED:
            continue
        yield from _sources(
            (parsed["uri"],),
            (parsed["suite"],),
            tuple(parsed["components"].split()),
            _keys(options.get("signed-by", ()), root),
            options.get("arch", ()),
            root,
        )


def _deb822_form(text: str, root: Path) -> Iterator[AptSource]:
    try:
        paragraphs = list(deb822.stanzas(text, "an apt source"))
    except FormatError:
        return
    for fields in paragraphs:

        def words(name: str, fields: deb822.Stanza = fields) -> tuple[str, ...]:
            return tuple(fields.get(name, "").split())

        if "deb" not in words("types") or fields.get("enabled", "").lower() in _DISABLED:
            continue
        yield from _sources(
            words("uris"),
            words("suites"),
            words("components"),
            _signers(fields.get("signed-by", ""), root),
            words("architectures"),
            root,
        )


def _sources(
    uris: tuple[str, ...],
    suites: tuple[str, ...],
    components: tuple[str, ...],
    signed_by: tuple[Path | str, ...],
    architectures: tuple[str, ...],
    root: Path,
) -> Iterator[AptSource]:
    if not suites or not (components or all(suite.endswith("/") for suite in suites)):
        return
    for uri in uris:
        for address in _addresses(uri, root):
            yield AptSource(address.rstrip("/"), suites, components, signed_by, architectures)


def _addresses(uri: str, root: Path) -> Iterator[str]:
    scheme, _, rest = uri.partition(":")
    if scheme == "mirror+file":  # apt-transport-mirror(1): one address a line, then perhaps its priority and kind
        for line in _text(_inside(rest, root)).splitlines():
            address = line.partition("#")[0].split()
            if address and _is_address(address[0]):
                yield address[0]
    elif _is_address(uri):
        yield uri


def _is_address(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        return parts.scheme in _SCHEMES and (parts.scheme == "file" or bool(parts.hostname))
    except ValueError:  # an unclosed bracket
        return False


def _signers(text: str, root: Path) -> tuple[Path | str, ...]:
    """The keyrings, or the key itself, which deb822 may hold with its empty lines as dots."""
    if "-----BEGIN PGP" not in text:
        return _keys(tuple(text.replace(",", " ").split()), root)
    lines = ("" if line.strip() == "." else line.strip() for line in text.strip().splitlines())
    return ("\n".join(lines) + "\n",)


def _keys(names: tuple[str, ...], root: Path) -> tuple[Path | str, ...]:
    return tuple(_inside(name, root) if name.startswith("/") else name for name in names if name)


def _inside(path: str, root: Path) -> Path:
    return root / path.lstrip("/")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except (OSError, ValueError):  # ValueError: a NUL in its name
        return ""
