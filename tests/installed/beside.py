"""Packages as a recipe of three lines gives them, beside the same packages installed by apt."""

from pathlib import Path

from fromscratch import Job, Platform, Store, build, fetch, load_recipe
from fromscratch.flow import evidence
from fromscratch.host.images.layers import root_tree
from fromscratch.model.rootfs import Rootfs
from tests.installed.comparison import Difference, differences
from tests.installed.control import installed
from tests.installed.listing import of_tree


def sources(suite: str, mirror: str) -> list[str]:
    """The lines of sources.list for what the source `debian` takes packages from."""
    plain = f"deb {mirror}/debian"
    return [f"{plain} {suite} main", f"{plain} {suite}-updates main", f"{plain}-security {suite}-security main"]


def compared(packages: list[str], suite: str, base: Path, store: Store, scratch: Path) -> list[Difference]:
    """Every difference between our tree of the packages and the installed one."""
    tree, notes = ours(packages, suite, store, scratch)
    names = {path.rpartition("/")[2] for path in tree if path.startswith("/var/lib/dpkg/status.d/")}
    return list(differences(of_tree(tree), installed(base, packages, scratch), names, notes))


def ours(packages: list[str], suite: str, store: Store, scratch: Path) -> tuple[Rootfs, list[str]]:
    """The tree of a recipe of three lines, and what its build said."""
    recipe = scratch / "fromscratch.yaml"
    names = ", ".join(packages)
    recipe.write_text(f"name: x\ncompression: none\nrootfs: [{{debian: {{suite: {suite}, packages: [{names}]}}}}]\n")
    job = Job(
        recipe=load_recipe(recipe),
        folder=scratch,
        store=store,
        output=scratch / "build",
        platforms=(Platform.of_this_machine(),),
    )
    fetch(job)
    image = build(job).images[0]
    recorded = evidence.read(job.output)
    assert recorded is not None
    return root_tree(image, store), [note for source in recorded.images[0].sources for note in source.notes]
