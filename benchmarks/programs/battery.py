"""`python -m benchmarks programs`: programs of this machine, each bundled and set to work in its image.

Each is bundled twice: without options, and with every option that the product itself offered. The packages have to be
installed, as `--packages` names them, and so has busybox-static, whose shell does the work: it is laid beside the
programs and changes nothing of what is found for them.
"""

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

ROWS = Path(__file__).with_name("rows.yaml")
_SHELL = "/.work/busybox"


class Row(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One program, or a few that work together: see rows.yaml."""

    packages: list[str]
    files: list[str]
    work: str
    expect: str
    add: list[str] = []
    write: dict[str, str] = {}
    prepare: list[list[str]] = []
    pip: list[str] = []
    user: str = "0:0"


class Outcome(Struct, frozen=True):
    """Of one bundle: whether it did its work, its bytes when packed, and what was said where it failed."""

    works: bool
    size: int
    said: str


def main(arguments: list[str]) -> None:
    import msgspec

    rows = {name: msgspec.convert(row, Row) for name, row in yaml.safe_load(ROWS.read_text()).items()}
    parser = argparse.ArgumentParser(prog="python -m benchmarks programs", description=__doc__)
    parser.add_argument("row", nargs="*", help=f"which: {', '.join(rows)} (default: all)")
    parser.add_argument("--packages", action="store_true", help="only print the packages that the rows need")
    parser.add_argument("--plain", action="store_true", help="only without options")
    parser.add_argument("--folder", type=Path, default=Path("/opt/programs"), help="for the rows' files (%(default)s)")
    parser.add_argument("--verbose", action="store_true", help="print what each bundle and its work said")
    options = parser.parse_args(arguments)
    if unknown := set(options.row) - set(rows):
        parser.error(f"there is no {', '.join(sorted(unknown))}; choose from {', '.join(rows)}")
    chosen = {name: row for name, row in rows.items() if name in options.row or not options.row}
    if options.packages:
        print(" ".join(sorted({"busybox-static", *(each for row in chosen.values() for each in row.packages)})))
        return
    print(f"{'':14} {'plain':>7} {'MB':>8}   {'offered':>7} {'MB':>8}", flush=True)
    counts = [0, 0]
    with tempfile.TemporaryDirectory(prefix="programs-") as scratch:
        for name, row in chosen.items():
            print(_line(name, row, options, Path(scratch), counts), flush=True)
    print(f"{counts[0]} of {len(chosen)} work without options" + _with_offered(counts, chosen, options))


def _with_offered(counts: list[int], chosen: dict[str, Row], options: argparse.Namespace) -> str:
    return "" if options.plain else f", {counts[1]} of {len(chosen)} with what was offered"


def _line(name: str, row: Row, options: argparse.Namespace, scratch: Path, counts: list[int]) -> str:
    folder = options.folder / name
    _prepare(row, folder)
    plain = _tried(row, folder, scratch, [])
    line = f"{name:14} {_word(plain)}"
    counts[0] += plain.works
    said = "" if plain.works and not options.verbose else plain.said
    if not options.plain:
        full = _tried(row, folder, scratch, _offered(row, folder))
        counts[1] += full.works
        line += f"   {_word(full)}"
        said = said if full.works and not options.verbose else f"{said}\n{full.said}"
    return line + "".join(f"\n    {each}" for each in said.splitlines()[-30:])


def _word(outcome: Outcome) -> str:
    return f"{'works' if outcome.works else 'FAILS':>7} {outcome.size / 1e6:8.2f}"


def _prepare(row: Row, folder: Path) -> None:
    """Write the row's own files, once."""
    done = folder / ".prepared"
    if done.exists() and done.read_text() == repr(row):
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in row.write.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.replace("APP", str(folder)))
        (folder / name).chmod(0o755)
    if row.pip:
        _done(["/usr/bin/python3", "-m", "venv", "venv"], folder)
        _done([str(folder / "venv/bin/pip"), "-q", "--disable-pip-version-check", "install", *row.pip], folder)
    for words in row.prepare:
        _done(words, folder)
    done.write_text(repr(row))


def _done(words: list[str], folder: Path) -> None:
    made = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if made.returncode:
        sys.exit(f"{shlex.join(words)} in {folder} ended with {made.returncode}:\n{made.stdout}{made.stderr}")


def _named(names: list[str], folder: Path) -> list[str]:
    return [str(folder / name.removeprefix("app/")) if name.startswith("app/") else name for name in names]


def _offered(row: Row, folder: Path) -> list[str]:
    """The options that the product offers for this row's files."""
    answer = _fromscratch(["closure", "--beyond", "--json", *_named(row.files, folder)])
    offers: list[dict[str, Any]] = json.loads(answer.stdout).get("offers", []) if answer.stdout else []
    return [word for offer in offers for word in shlex.split(offer["option"])]


def _tried(row: Row, folder: Path, scratch: Path, with_options: list[str]) -> Outcome:
    output = scratch / "image"
    shutil.rmtree(output, ignore_errors=True)
    busybox = shutil.which("busybox") or sys.exit("busybox is not installed: install busybox-static")
    added = [word for path in [*_named(row.add, folder), f"{busybox}:{_SHELL}"] for word in ("--add", path)]
    words = ["bundle", *_named(row.files, folder), *added, "--user", row.user, "--output", str(output)]
    bundled = _fromscratch([*words, "--entrypoint", _SHELL, *with_options])
    if bundled.returncode:
        return Outcome(False, 0, bundled.stdout + bundled.stderr)
    size = sum(path.stat().st_size for path in (output / "oci").rglob("*") if path.is_file())
    work = f"APP={folder}; {row.work}"
    ran = _fromscratch(["run", "--output", str(output), "--engine", "none", "--quiet", "--", "sh", "-c", work])
    said = ran.stdout + ran.stderr
    works = re.search(row.expect, said, re.MULTILINE) is not None
    return Outcome(works, size, f"{bundled.stdout}{bundled.stderr}{said}")


def _fromscratch(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fromscratch", *words],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=600,
        check=False,
    )
