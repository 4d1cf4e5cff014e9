"""How far a build is, by what Buildroot says of it."""

from pathlib import Path

from fromscratch.sources.buildroot import progress
from fromscratch.sources.buildroot.progress import Message, Package, Watcher

INFO = {
    "busybox": {
        "type": "target",
        "name": "busybox",
        "version": "1.38.0",
        "stamp_dir": "build/busybox-1.38.0",
        "install_staging": False,
        "dl_dir": "busybox",
        "downloads": [{"source": "busybox-1.38.0.tar.bz2", "uris": []}],
        "dependencies": ["toolchain", "skeleton"],
    },
    "toolchain": {"type": "target", "version": None, "stamp_dir": "build/toolchain", "install_staging": True},
    "rootfs-tar": {"type": "rootfs", "dependencies": ["rootfs-common"]},
}


class Bar:
    def __init__(self) -> None:
        self.done, self.total, self.said = 0, 0, ""

    def advance(self, amount: int) -> None:
        self.done += amount

    def describe(self, text: str) -> None:
        self.said = text

    def expect(self, total: int) -> None:
        self.total = total


def test_a_step_is_read_through_its_colours() -> None:
    line = progress.plain(b"\x1b[7m>>> busybox 1.38.0 Building\x1b[27m\n")
    assert progress.message(line) == Message("busybox", "1.38.0", "Building")


def test_a_package_without_a_version_and_a_step_of_the_whole() -> None:
    assert progress.message(">>> skeleton  Extracting") == Message("skeleton", "", "Extracting")
    assert progress.message(">>>   Finalizing target directory") == Message("", "", "Finalizing target directory")
    assert progress.message("gcc -o >>> x") is None


def test_show_info_tells_packages_and_their_sources() -> None:
    packages = progress.read_packages(INFO)
    folder = "build/busybox-1.38.0"
    assert packages["busybox"] == Package("busybox", "1.38.0", ("skeleton", "toolchain"), False, False, folder)
    assert packages["toolchain"].in_staging
    assert packages["rootfs-tar"].is_image
    assert progress.source_files(INFO) == ["busybox/busybox-1.38.0.tar.bz2"]


def test_what_has_its_stamp_is_finished(tmp_path: Path) -> None:
    packages = progress.read_packages(INFO).values()
    assert progress.unfinished(packages, tmp_path) == ["busybox", "toolchain"]
    (tmp_path / "build/toolchain").mkdir(parents=True)
    (tmp_path / "build/toolchain/.stamp_installed").touch()
    assert progress.unfinished(packages, tmp_path) == ["busybox"]


def test_the_bar_ends_at_its_total_however_steps_come() -> None:
    bar = Bar()
    watcher = Watcher(bar, ["busybox"])
    assert bar.total == 8
    seen = []
    for step in (
        "Extracting",
        "Patching",
        "Building",
        "Building",
        "Installing to staging directory",
        "Installing to target",
    ):
        watcher.line(f">>> busybox 1.38.0 {step}\n".encode())
        seen.append(bar.done)
    assert seen == [1, 2, 4, 4, 5, 5]
    assert bar.said == "busybox 1.38.0 Installing to target"
    watcher.line(b">>> other 1 Building\n")
    watcher.line(b">>>   Finalizing target directory\n")
    assert bar.done == 6
    watcher.finish()
    assert bar.done == bar.total


def test_the_json_line_is_kept_apart_from_the_output() -> None:
    watcher = Watcher(Bar(), [])
    watcher.line(b"cp: done\n")
    watcher.line(b'{ "busybox": { } }\n')
    assert watcher.json == '{ "busybox": { } }'
    assert list(watcher.lines) == ["cp: done"]
