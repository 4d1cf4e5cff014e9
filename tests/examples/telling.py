"""What the examples print: how large they are, and what came of taking their libraries away."""

from collections.abc import Callable

import pytest

from tests.examples.bundled import Bundled, Removals

Tell = Callable[[Bundled, Removals], None]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    def print_sizes(image: Bundled, found: Removals) -> None:
        linked = sum(image.is_linked(path) for path in found.needed)
        beyond = len(found.needed) - linked
        line = f"{image}; each of {linked} linked libraries is needed, and {beyond} others"
        for reason in dict.fromkeys(found.spare.values()):
            names = [path.rpartition("/")[2] for path, why in found.spare.items() if why == reason]
            line += f"\n  done without: {' '.join(names)} ({reason})"
        with capsys.disabled():
            print(f"\n{line}")

    return print_sizes
