"""What `init` writes where a project for Buildroot lies."""

from pathlib import Path

from fromscratch.sources.buildroot.projects import items
from tests.sources.buildroot import projects


def tree(folder: Path) -> None:
    for name in ("Makefile", "Config.in", "package/pkg-generic.mk"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")


def lines(folder: Path) -> list[str]:
    return [line.strip() for line in (items(folder) or "").splitlines() if not line.lstrip().startswith("#")]


def test_three_lines_for_a_project_with_buildroot_beside_it(tmp_path: Path) -> None:
    tree(tmp_path / "buildroot")
    project = projects.write(tmp_path / "gadget")
    assert lines(project) == ["- buildroot:", "tree: ../buildroot", "external: .", "config: gadget_defconfig"]


def test_one_in_a_folder_of_the_recipe_with_several_defconfigs(tmp_path: Path) -> None:
    project = projects.write(tmp_path / "recipe" / "br2-external")
    (project / "configs" / "other_defconfig").write_text("BR2_x86_64=y\n")
    assert lines(tmp_path / "recipe")[2:] == [
        "external: br2-external",
        "config: gadget_defconfig  # or other_defconfig",
    ]


def test_nothing_where_there_is_no_project(tmp_path: Path) -> None:
    assert items(tmp_path) is None
