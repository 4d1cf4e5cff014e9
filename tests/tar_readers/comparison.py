"""Cases read by every program; what one of them reads otherwise than we do, and for no known reason, is a difference.

We may refuse what engines read. What we read, every engine reads alike, or refuses: then nobody runs another image.
GNU tar and bsdtar read some headers otherwise than engines (`cases.OTHERWISE`); all others they read alike too.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from fromscratch.formats.tar.reader import members
from fromscratch.paths import decode, tree_path
from tests.tar_readers.cases import END, READ_DIFFERENTLY, REFUSED, Case
from tests.tar_readers.readers import Lines, Reader, fresh, of_bsdtar, of_gnu_tar, ours

_ATTRIBUTES = re.compile(r" \{[^}]*\}")


@dataclass
class Comparison:
    engines: Mapping[str, Reader]
    folder: Path
    counts: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    def take(self, cases: Iterable[Case]) -> None:
        """Compare a batch; engines read all of it as one layer."""
        read: dict[int, tuple[Case, Lines]] = {}
        for each in cases:
            self.counts["cases"] += 1
            lines = ours(each.data + END, fresh(self.folder / "ours"))
            if lines is None:
                self.counts["refused by us"] += 1
                continue
            lines = _below(lines, each)
            each = replace(each, habits=each.habits | _replaced(each, lines, self.folder))
            read[each.number] = each, lines
            if not each.habits & READ_DIFFERENTLY:
                self.counts["read by GNU tar and bsdtar too"] += 1
                self._alone(each, read[each.number][1])
        for name, reader in self.engines.items():
            refused = REFUSED.get(name, frozenset())
            readable = [pair for pair in read.values() if not pair[0].habits & refused]
            self.counts[f"not for {name}"] += len(read) - len(readable)
            self._compare(name, reader, readable)

    def _alone(self, each: Case, expected: Lines) -> None:
        for name, reader in {"GNU tar": of_gnu_tar, "bsdtar": of_bsdtar}.items():
            found = reader(each.data + END, fresh(self.folder / "alone"))
            self._judge(name, each, expected, None if found is None else _below(found, each))

    def _compare(self, name: str, reader: Reader, batch: list[tuple[Case, Lines]]) -> None:
        if not batch:
            return
        found = reader(b"".join(each.data for each, _ in batch) + END, fresh(self.folder / "engine"))
        if found is None and len(batch) > 1:
            middle = len(batch) // 2
            self._compare(name, reader, batch[:middle])
            self._compare(name, reader, batch[middle:])
            return
        self.counts[f"given to {name}"] += 1
        for each, expected in batch:
            self._judge(name, each, expected, None if found is None else _below(found, each))

    def _judge(self, name: str, each: Case, expected: Lines, found: Lines | None) -> None:
        if found is None:
            self.differences.append(f"{each.number}: {name} refuses what we read; habits: {sorted(each.habits)}")
        elif found != expected:
            if "attribute of no file" in each.habits or "empty attribute" in each.habits:
                found, expected = ([_ATTRIBUTES.sub("", line) for line in lines] for lines in (found, expected))
            if found == expected:
                return
            more, fewer = sorted(set(found) - set(expected)), sorted(set(expected) - set(found))
            self.differences.append(f"{each.number}: {name} has {more}, we have {fewer}; habits: {sorted(each.habits)}")


def _replaced(each: Case, lines: Lines, folder: Path) -> set[str]:
    """Whether an entry takes the place of one before it."""
    (folder / "one.tar").write_bytes(each.data + END)
    markers: list[bytes] = []
    names = [tree_path(decode(found.name)) for found in members(folder / "one.tar", markers=markers)]
    names += [tree_path(decode(marker)) for marker in markers]
    there = "\n".join([*lines, ""]).replace("\n", " ")
    gone = any(f" {name} " not in there for name in names if name not in map(tree_path, map(decode, markers)))
    return {"replaced"} if gone or len(set(names)) < len(names) else set()


def _below(lines: Lines, each: Case) -> Lines:
    return [line for line in lines if f" {each.folder}/" in f"{line.split(' => ')[0]}/"]
