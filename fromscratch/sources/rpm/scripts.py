"""The scripts of a package, none of which runs: the accounts that they would make, and what is left undone."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator

from fromscratch.formats import sysusers
from fromscratch.formats.rpm.header import Header
from fromscratch.formats.rpm.tags import Tag
from fromscratch.lazy_regex import lazy_regex

_SCRIPTS = {
    "%pre": (Tag.PRE_INSTALL, Tag.PRE_INSTALL_PROGRAM),
    "%post": (Tag.POST_INSTALL, Tag.POST_INSTALL_PROGRAM),
    "%pretrans": (Tag.PRE_TRANSACTION, Tag.PRE_TRANSACTION_PROGRAM),
    "%posttrans": (Tag.POST_TRANSACTION, Tag.POST_TRANSACTION_PROGRAM),
}
_TRIGGERS = {
    "%filetriggerin": (
        Tag.FILE_TRIGGER_SCRIPTS,
        Tag.FILE_TRIGGER_NAME,
        Tag.FILE_TRIGGER_INDEX,
        Tag.FILE_TRIGGER_FLAGS,
    ),
    "%transfiletriggerin": (
        Tag.TRANSACTION_FILE_TRIGGER_SCRIPTS,
        Tag.TRANSACTION_FILE_TRIGGER_NAME,
        Tag.TRANSACTION_FILE_TRIGGER_INDEX,
        Tag.TRANSACTION_FILE_TRIGGER_FLAGS,
    ),
}
_ON_INSTALLATION = 1 << 16  # RPMSENSE_TRIGGERIN
_MOST_SHOWN = 4
# What we make ourselves, what means nothing in an image, and the words of the shell around it.
_OURS = """
ldconfig systemctl systemd-update-helper systemd-sysusers systemd-tmpfiles systemd-hwdb udevadm journalctl
getent groupadd useradd usermod gpasswd id update-alternatives alternatives gtk-update-icon-cache
update-ca-trust ca-legacy update-desktop-database update-mime-database install-info
exit : true return if then else elif fi test [ [[ do done { } echo printf case esac
"""
_COVERED = frozenset(_OURS.split())
_SEPARATORS = lazy_regex(r"\|\||&&|[;\n|&]|\bthen\b|\belse\b|\bdo\b|\{|\}")
_ACCOUNT = lazy_regex(r"(?:user|group)\([A-Za-z_][A-Za-z0-9_.-]{0,30}\$?\)")
_MOST = 1 << 16


def accounts(header: Header) -> list[sysusers.Line]:
    """The accounts that a package declares: in what it provides, and in commands of its scripts."""
    found: list[sysusers.Line] = []
    names, versions = header.texts(Tag.PROVIDE_NAME), header.texts(Tag.PROVIDE_VERSION)
    for name, version in zip(names, versions, strict=False):
        if version and _ACCOUNT.fullmatch(name):
            found += _declared(version)
    for _, script, _ in _scripts(header):
        found += sysusers.commands(script).lines
    return found


def _declared(version: str) -> tuple[sysusers.Line, ...]:
    """A line of sysusers.d in base64, as rpm 4.19 and newer have it."""
    try:
        text = base64.b64decode(version, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ()
    return sysusers.parse(text).lines


def left_undone(header: Header, shown: str) -> Iterator[str]:
    """A line for each script whose effect is not, or may not be, what the image has."""
    for word, script, program in _scripts(header):
        if program.strip("<>") == "lua":
            yield f"{word} of {shown} is written in Lua and was not run"
            continue
        if program.rpartition("/")[2] == "ldconfig":
            continue
        unknown = list(dict.fromkeys(_unknown_commands(script)))
        faults = sysusers.commands(script).faults
        if unknown or faults:
            what = ", ".join([*unknown[:_MOST_SHOWN], *(fault.split()[0] for fault in faults[:1])])
            yield f"{word} of {shown} was not run; it calls {what}"


def triggers(header: Header, shown: str, places: Iterable[str]) -> Iterator[str]:
    """A line for each file trigger that one of these paths would have set off, and whose effect we do not make."""
    paths = list(places)
    for word, tags in _TRIGGERS.items():
        scripts = header.texts(tags[0])
        columns = (header.texts(tags[1]), header.numbers(tags[2]), header.numbers(tags[3]))
        seen = set()
        for prefix, index, flags in zip(*columns, strict=False):
            if index in seen or index >= len(scripts) or not flags & _ON_INSTALLATION:
                continue
            if any(path.startswith(prefix) for path in paths):
                seen.add(index)
                unknown = list(dict.fromkeys(_unknown_commands(scripts[index][:_MOST])))
                if unknown:
                    what = ", ".join(unknown[:_MOST_SHOWN])
                    yield f"{word} of {shown} for {prefix} was not run; it calls {what}"


def _scripts(header: Header) -> Iterator[tuple[str, str, str]]:
    for word, (tag, program) in _SCRIPTS.items():
        text, interpreter = header.text(tag), header.text(program)
        if text.strip() or interpreter not in ("", "/bin/sh"):
            yield word, text[:_MOST], interpreter


def _unknown_commands(script: str) -> Iterator[str]:
    plain = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*$", "", script))
    for part in _SEPARATORS.split(plain):
        words = [word for word in part.split() if word not in ("!", "(", "if", "elif", "while")]
        while words and re.fullmatch(r"[A-Za-z_]\w*=\S*", words[0]):
            words = words[1:]
        if not words or words[0][0] in "#<>)\"'" or words[0].isdigit():
            continue
        name = words[0].rpartition("/")[2].strip("()")
        if name and name not in _COVERED:
            yield name
