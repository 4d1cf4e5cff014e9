"""A failed build reported in a few lines: which package, which step, the lines that matter, and what to try."""

import re
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch.errors import CommandFailed, DownloadError, ImageError, IntegrityError, MissingTool
from fromscratch.lazy_regex import lazy_regex
from fromscratch.sources.buildroot.progress import Message, message

_STAMP = lazy_regex(
    r"make(?:\[\d+\])?: \*\*\* \[(?:[^\]]*: )?(?:\S*/)?build/(?P<folder>[^/\]]+)/\.stamp_(?P<stamp>\w+)\] Error \d+"
)
_TARGET = lazy_regex(r"make(?:\[\d+\])?: \*\*\* \[(?:[^\]:]*:\d+: )?(?P<target>[^\]]+)\] (?:Error \d+|\w+)")
_STOP = lazy_regex(r"(?P<where>[^\s:]+:\d+): \*\*\* (?P<what>.+?)\.?\s+Stop\.")
_TELLING = lazy_regex(
    r"\berror\b|\bfatal\b|undefined reference|No such file|cannot |can't |not found|Permission denied|"
    r"No space left|Killed|signal|Assertion|Hunk #\d+ FAILED|ERROR|No rule to make|Incorrect selection|missing",
    re.IGNORECASE,
)
_NOISE = lazy_regex(
    r"^>>> |-Werror|^checking |error\.[cho]\b|make(?:\[\d+\])?: \*\*\*|^make(?:\[\d+\])?: (?:Enter|Leav)ing|"
    r"^\s*(?:CC|AR|LD|GEN|AS|HOSTCC)\s"
)
_NOT_HAD = lazy_regex(
    r"ERROR 404|404 Not Found|cp: cannot stat|cannot access|unable to resolve|Could not resolve|Connection refused|"
    r"Network is unreachable|timed out|failed: ",
    re.IGNORECASE,
)
_WRONG_HASH = lazy_regex(r"ERROR: (?P<file>\S+) has wrong (?P<kind>\S+) hash")
_GOT = lazy_regex(r"ERROR: (?P<which>expected|got)\s*: (?P<hex>[0-9a-f]+)")
_NO_HASH = lazy_regex(r"ERROR: No hash found for (?P<file>\S+)")
_MUST_INSTALL = lazy_regex(r"You must install '([^']+)'")
_PATH = lazy_regex(r"[^\s'\"]*/[^\s'\"]+")
_SHOWN = 12
_WIDEST = 400  # some call of a linker has 20 kB; the log has it in full

_STEP_OF = {
    "downloaded": "download",
    "actual_downloaded": "download",
    "extracted": "extract",
    "rsynced": "sync",
    "patched": "patch",
    "configured": "configure",
    "dotconfig": "configure",
    "kconfig_fixup_done": "configure",
    "built": "build",
    "host_installed": "install",
    "staging_installed": "install to staging",
    "target_installed": "install",
    "images_installed": "install images",
}


class Attempt(Struct, frozen=True):
    """The call that failed: the script that repeats it by hand for a goal, and where its whole output is."""

    script: Path
    log: Path
    offline: bool = False


def explain(lines: list[str], attempt: Attempt) -> ImageError:
    """The error for a make that ended badly, from the last lines it wrote."""
    if missing := sorted({name for line in lines for name in _MUST_INSTALL.findall(line)}):
        return MissingTool(f"Buildroot needs {', '.join(missing)}, which are not on this machine", _see(attempt))
    downloads = [
        (number, found["folder"])
        for number, line in enumerate(lines)
        if (found := _STAMP.search(line)) and _STEP_OF.get(found["stamp"]) == "download"
    ]
    if downloads:
        return _failed_downloads(lines, downloads, attempt)
    for number, line in enumerate(lines):
        if found := _STAMP.search(line):
            return _failed_package(
                lines[:number], found["folder"], _STEP_OF.get(found["stamp"], found["stamp"]), attempt
            )
    for line in lines:
        if stopped := _STOP.search(line):
            return CommandFailed(f"Buildroot stopped: {stopped['what']} ({stopped['where']})", _see(attempt))
    return _other_failure(lines, attempt)


def _failed_package(before: Sequence[str], folder: str, step: str, attempt: Attempt) -> ImageError:
    start, announced = _announcement(before, folder)
    own = list(before[start:])
    package = announced.package if announced else folder
    shown = _indented(telling(own))
    hint = f"try that package alone with: {attempt.script} {package}-rebuild; the whole output is in {attempt.log}"
    if any("No space left" in line for line in own):
        hint = f"the disk is full: free some room and run it again, it goes on where it stopped; {_see(attempt)}"
    elif any(re.search(r"\bKilled\b|signal 9", line) for line in own):
        hint = f"memory may have run out: try again with jobs: 1; {_see(attempt)}"
    elif step == "patch":
        hint = f"the sources are not those that the patches are for: see mirror: and the tree; {_see(attempt)}"
    return CommandFailed(f"Buildroot failed to {step} {folder}:\n{shown}", hint)


def _failed_downloads(lines: Sequence[str], failed: Sequence[tuple[int, str]], attempt: Attempt) -> ImageError:
    """The first source that could not be had in full, the others by name."""
    number, folder = failed[0]
    start, _ = _announcement(lines[:number], folder)
    error = _failed_download(lines[start:number], folder, attempt)
    if others := list(dict.fromkeys(name for _, name in failed[1:] if name != folder)):
        return type(error)(f"{error.message}\nand no better for {', '.join(others)}", error.hint)
    return error


def _failed_download(own: Sequence[str], folder: str, attempt: Attempt) -> ImageError:
    text = "\n".join(own)
    if wrong := _WRONG_HASH.search(text):
        got = {found["which"]: found["hex"] for found in _GOT.finditer(text)}
        return IntegrityError(
            f"{wrong['file']} of {folder} has the {wrong['kind']} {got.get('got', 'of something else')}, "
            f"but Buildroot expects {got.get('expected', 'another')}",
            f"the mirror or the site has another file of that name: replace it there; {_see(attempt)}",
        )
    if unknown := _NO_HASH.search(text):
        return IntegrityError(
            f"Buildroot has no hash for {unknown['file']} of {folder}",
            f"add it to the package's .hash file; {_see(attempt)}",
        )
    reasons = list(dict.fromkeys(line.strip() for line in own if _NOT_HAD.search(line)))
    place = _folder_tried(own) or (folder.rpartition("-")[0] or folder).removeprefix("host-")
    return DownloadError(
        f"the source of {folder} could not be had:\n{_indented((reasons or own)[-_SHOWN:])}",
        f"put it into the folder {place} of the mirror"
        + ("" if attempt.offline else ", or see whether the site is reachable")
        + f"; {_see(attempt)}",
    )


def _folder_tried(own: Sequence[str]) -> str:
    """The folder of a mirror that a source was looked for in, which may be another package's: linux-headers' is linux.

    Buildroot tries SITE/FOLDER/FILE, then SITE/FILE.
    """
    paths: list[str] = list(dict.fromkeys(path for line in own for path in _PATH.findall(line)))
    for path in paths:
        above, _, name = path.rpartition("/")
        site, _, folder = above.rpartition("/")
        if folder and f"{site}/{name}" in paths:
            return folder
    return ""


def _other_failure(lines: Sequence[str], attempt: Attempt) -> ImageError:
    start = max((number for number, line in enumerate(lines) if message(line)), default=0)
    step = message(lines[start]) if lines else None
    during = f" while {step.step[0].lower()}{step.step[1:]}" if step else ""
    target = next((found["target"] for line in lines if (found := _TARGET.search(line))), "")
    at = f" at {target}" if target else ""
    shown = _indented(telling(lines[start:]))
    return CommandFailed(f"Buildroot failed{during}{at}:\n{shown}", _see(attempt))


def telling(lines: Sequence[str]) -> list[str]:
    """The lines that say why, at most a dozen: those with an error and what leads to them, else the last ones."""
    plain = [line for line in lines if line.strip()]
    hits = [number for number, line in enumerate(plain) if _TELLING.search(line) and not _NOISE.search(line)]
    if not hits:
        return plain[-_SHOWN:]
    near = {number for hit in hits[:_SHOWN] for number in (hit - 1, hit, hit + 1) if 0 <= number < len(plain)}
    chosen = sorted(number for number in near if not _NOISE.search(plain[number]))
    return [plain[number] for number in chosen[:_SHOWN]]


def _indented(lines: Sequence[str]) -> str:
    cut = (line if len(line) <= _WIDEST else f"{line[: _WIDEST // 2]} ... {line[-_WIDEST // 2 :]}" for line in lines)
    return "\n".join(f"  {line}" for line in cut)


def _announcement(before: Sequence[str], folder: str) -> tuple[int, Message | None]:
    """Where the package last said what it does."""
    for number in range(len(before) - 1, -1, -1):
        found = message(before[number])
        if found and folder in (found.package, f"{found.package}-{found.version}"):
            return number, found
    return max(0, len(before) - _SHOWN), None


def _see(attempt: Attempt) -> str:
    return f"the whole output is in {attempt.log}"
