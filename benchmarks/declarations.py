"""`python -m benchmarks declarations FOLDER…`: what `init --from` makes of every declaration in folders of others.

Counts those that become recipes whole, in part, and not at all, with the reasons for what is left out; names of
packages are not looked up. `--walk N` takes N of them, changes every value in turn, and names each whose change
changes neither the recipe nor the list.
"""

import argparse
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from fromscratch.cli.verbs.init_from import BesideIt
from fromscratch.errors import ImageError
from fromscratch.recipe.foreign.contract import Surroundings
from fromscratch.recipe.foreign.conversion import convert, recognised
from tests.recipe.foreign.accounting import lost_values

_LARGEST = 1 << 20
_REASONS = 15


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks declarations", description=__doc__)
    parser.add_argument("folder", nargs="+", type=Path, help="where declarations are looked for")
    parser.add_argument("--match", default="**/*", help="the files in it, such as '**/debian-13/*.yaml' (default: all)")
    parser.add_argument("--containing", default="", help="only files with this text, such as 'variant: runtime'")
    parser.add_argument("--walk", type=int, default=0, help="how many declarations in YAML to change value by value")
    parser.add_argument("--list", action="store_true", help="name each file with what became of it")
    options = parser.parse_args(words)
    found = [path for folder in options.folder for path in _declarations(folder, options.match, options.containing)]
    begun = time.monotonic()
    outcomes, reasons = Counter[str](), Counter[str]()
    for path, text in found:
        outcome, why = _outcome(path, text)
        outcomes[outcome] += 1
        reasons.update(why)
        if options.list:
            print(f"{path}: {outcome}")
    seconds = time.monotonic() - begun
    print(f"{len(found)} declarations in {seconds:.1f} s: " + ", ".join(f"{n} {each}" for each, n in outcomes.items()))
    for why, number in reasons.most_common(_REASONS):
        print(f"{number:6} {why}")
    _walk(found, options.walk)


def _declarations(folder: Path, match: str, containing: str) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.glob(match)):
        if path.is_file() and path.stat().st_size <= _LARGEST:
            try:
                text = path.read_text()
            except UnicodeDecodeError:
                continue
            if containing in text and recognised(text, path.name):
                yield path, text


def _surroundings(path: Path) -> Surroundings:
    beside = BesideIt(path)
    return Surroundings(name=str(path), read=beside.read, find=beside.find)


def _outcome(path: Path, text: str) -> tuple[str, set[str]]:
    try:
        converted = convert(text, _surroundings(path))
    except ImageError as error:
        return "refused", {error.message.partition(": ")[2] or error.message}
    lost = {each.why for each in converted.left_out if not each.remark}
    return "whole" if converted.whole else "partial", lost


def _walk(found: list[tuple[Path, str]], number: int) -> None:
    documents = [(path, text) for path, text in found if path.suffix in (".yaml", ".yml")]
    chosen = random.Random(0).sample(documents, min(number, len(documents)))
    for path, text in chosen:
        for value in lost_values(text, _surroundings(path)):
            print(f"{path}:{value} is neither carried over nor listed")
    if chosen:
        print(f"{len(chosen)} walked value by value")
