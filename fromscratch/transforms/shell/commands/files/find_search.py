"""What one call of find goes through, prints and runs."""

from collections.abc import Callable, Iterator

from msgspec import Struct

from fromscratch import paths
from fromscratch.errors import ImageError
from fromscratch.model.entry import Directory, Entry, Symlink
from fromscratch.paths import TreePath, encode
from fromscratch.transforms.shell.bounds import Budget
from fromscratch.transforms.shell.machine import Call, Machine, NotUnderstood
from fromscratch.transforms.shell.standard_input import Input
from fromscratch.transforms.shell.tree_files import check_place, exact

_MOST_RUN = 10_000


class Found(Struct, frozen=True):
    """What the expression looks at: its name as find prints it, its place, and how far below the start it is."""

    name: str
    place: TreePath
    entry: Entry
    depth: int


Test = Callable[[Found], bool]


class Search:
    """One call of find: its options, what it prints, and what is collected for `-exec … +`."""

    def __init__(self, machine: Machine, call: Call) -> None:
        self.machine, self.call = machine, call
        self.least, self.most = 0, 1 << 30
        self.depth_first = self.acts = False
        self.follow = self.pruned = False
        self.links = False
        """Whether links are to be followed wherever they are: understood as long as there is none."""
        self.status = 0
        self.output: list[bytes | None] = []
        self.collected: list[tuple[list[str], list[str]]] = []
        self.budget = Budget()
        self.run_count = 0

    def print(self, text: str) -> bool:
        self.output.append(encode(text))
        return True

    def run(self, words: list[str]) -> bool:
        """Run a command that the expression names."""
        self.run_count += 1
        if self.run_count > _MOST_RUN:
            raise NotUnderstood(f"find runs more than {_MOST_RUN} commands")
        call = self.call
        try:
            result = self.machine.run(Call(tuple(words), call.line, Input(), call.environment, call.folder, call.umask))
        except ImageError:
            return False
        if result.status is None:
            raise NotUnderstood(f"nobody knows how {words[0]} ends")
        self.output.append(result.output)
        return result.status == 0

    def delete(self, found: Found) -> bool:
        """Remove what was found, if it is not a folder with content."""
        tree = self.machine.tree
        if isinstance(found.entry, Directory) and tree.children(found.place):
            self.status = 1
            return False
        check_place(found.place)
        tree.remove(found.place)
        return True

    def search(self, top: str, test: Test) -> None:
        """Look at everything from a start on."""
        tree = self.machine.tree
        try:
            place, entry = exact(self.machine, self.call.path(top))
            if self.follow:
                place = tree.resolve(place)
                entry = tree.find(place)
        except ImageError:
            entry = None
        if entry is None:
            self.status = 1
            return
        for found in self._walked(Found(top, place, entry, 0), test):
            if found.depth >= self.least:
                test(found)

    def _walked(self, start: Found, test: Test) -> Iterator[Found]:
        tree = self.machine.tree
        pending: list[tuple[Found, bool]] = [(start, False)]
        while pending:
            found, opened = pending.pop()
            self.pruned = False
            if opened or not self.depth_first:
                yield found
            if not opened and isinstance(found.entry, Directory) and tree.at(found.place) is None:
                self.status = 1  # a command that was run has removed it
                continue
            if opened or not isinstance(found.entry, Directory) or found.depth >= self.most or self.pruned:
                if self.depth_first and not opened:
                    yield found
                continue
            if self.depth_first:
                pending.append((found, True))
            for name in reversed(tree.children(found.place)):
                place = paths.join(found.place, name)
                entry = tree.find(place, follow_last=False)
                if self.links and isinstance(entry, Symlink):
                    raise NotUnderstood(f"it follows links, and {place} is one")
                if entry is not None:
                    shown = f"{found.name}{'' if found.name.endswith('/') else '/'}{name}"
                    pending.append((Found(shown, place, entry, found.depth + 1), False))
