"""How far a build is, by what Buildroot says of it."""

from pathlib import Path

from fromscratch.host.storage.store import Store
from fromscratch.sources.buildroot import progress
from fromscratch.sources.buildroot.costs import Cost, Costs, load_costs
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
        self.done, self.total, self.said, self.pulsed, self.left = 0, 0, "", "", 0.0

    def advance(self, amount: int) -> None:
        self.done += amount

    def describe(self, text: str) -> None:
        self.said = text

    def expect(self, total: int) -> None:
        self.total = total

    def pulse(self, text: str = "", left: float | None = None) -> None:
        self.pulsed, self.left = text, left or 0.0


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
    kinds = ("extract", "patch", "configure", "build", "install")
    assert progress.unfinished(packages, tmp_path) == [
        (name, kind) for name in ("busybox", "toolchain") for kind in kinds
    ]
    for stamp in ("toolchain/.stamp_installed", "busybox-1.38.0/.stamp_extracted", "busybox-1.38.0/.stamp_patched"):
        (tmp_path / "build" / stamp).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "build" / stamp).touch()
    assert progress.unfinished(packages, tmp_path) == [("busybox", kind) for kind in kinds[2:]]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def steps_of(*packages: str) -> list[tuple[str, str]]:
    return [(name, kind) for name in packages for kind in ("extract", "patch", "configure", "build", "install")]


def test_the_bar_goes_by_what_steps_cost_and_ends_at_its_total_however_they_come() -> None:
    bar, clock = Bar(), Clock()
    costs = Costs({("busybox", kind): Cost(10) for kind in ("extract", "patch", "configure", "build", "install")})
    watcher = Watcher(bar, steps_of("busybox"), costs, clock)
    assert bar.total == 1000
    seen = []
    for step in (
        "Extracting",
        "Patching",
        "Building",
        "Building",
        "Installing to staging directory",
        "Installing to x",
    ):
        watcher.line(f">>> busybox 1.38.0 {step}\n".encode())
        seen.append(bar.done)
    assert seen == [0, 200, 600, 600, 800, 800]
    assert bar.said == "busybox 1.38.0 Installing to x"
    watcher.line(b">>> other 1 Building\n")
    watcher.line(b">>>   Finalizing target directory\n")
    assert bar.done == 999
    watcher.finish()
    assert bar.done == bar.total


def test_the_bar_moves_inside_a_step_and_the_estimate_does_not_jump() -> None:
    bar, clock = Bar(), Clock()
    watcher = Watcher(bar, steps_of("host-gcc-initial", "glibc", "host-gcc-final"), Costs(), clock)
    for name, build in (("host-gcc-initial", 1500), ("glibc", 1200), ("host-gcc-final", 1740)):
        for step, seconds in (("Extracting", 20), ("Patching", 1), ("Configuring", 9), ("Building", build)):
            watcher.line(f">>> {name} 1 {step}\n".encode())
            for _ in range(seconds):
                before, left = bar.done, bar.left
                clock.now += 1.5  # half as slow again as the table
                watcher.tick()
                assert 0 <= bar.done - before <= 2
                assert clock.now < 60 or abs(left - bar.left) < 40
                assert 0.6 < (clock.now + bar.left) / (1.5 * 4560) < 1.05
    assert bar.done > 970


def test_a_step_that_lasts_longer_than_known_comes_ever_nearer_to_its_end() -> None:
    bar, clock = Bar(), Clock()
    watcher = Watcher(bar, [("hello", "build")], Costs({("hello", "build"): Cost(10)}), clock)
    watcher.line(b">>> hello 1 Building\n")
    seen = []
    for clock.now in (5, 10, 12, 15):
        watcher.tick()
        seen.append(bar.done)
    assert seen == sorted(set(seen))
    assert 900 < seen[-1] < 1000


def test_lines_say_how_far_a_step_is_that_was_run_before() -> None:
    bar = Bar()
    watcher = Watcher(bar, [("hello", "build")], Costs({("hello", "build"): Cost(10, 100)}), Clock())
    watcher.line(b">>> hello 1 Building\n")
    for _ in range(50):
        watcher.line(b"  CC x.o\n")
    watcher.tick()
    assert (bar.done, bar.pulsed) == (500, "50 lines")


def test_what_steps_cost_is_remembered(tmp_path: Path) -> None:
    store, clock = Store(tmp_path), Clock()
    costs = load_costs(store)
    watcher = Watcher(Bar(), steps_of("hello"), costs, clock)
    watcher.line(b">>> hello 1 Configuring\n")
    watcher.line(b"checking\n")
    clock.now = 40
    watcher.line(b">>> hello 1 Building\n")
    costs.save(store)
    assert load_costs(store).of(("hello", "configure")) == Cost(40, 1)
    assert load_costs(store).of(("hello", "build")) == Costs().of(("other", "build"))
    store.write_record("buildroot-costs", "steps", b"[1]")
    assert load_costs(store).of(("hello", "configure")) == Costs().of(("other", "configure"))


def test_the_json_line_is_kept_apart_from_the_output() -> None:
    watcher = Watcher(Bar(), [])
    watcher.line(b"cp: done\n")
    watcher.line(b'{ "busybox": { } }\n')
    assert watcher.json == '{ "busybox": { } }'
    assert list(watcher.lines) == ["cp: done"]


def test_a_step_that_took_no_time_before_is_no_division_by_it() -> None:
    bar = Bar()
    watcher = progress.Watcher(
        bar, [("mine", "build"), ("mine", "install")], Costs({("mine", "build"): Cost(0.0)}), lambda: 5.0
    )
    watcher.line(b">>> mine 1.0 Building\n")
    watcher.line(b">>> mine 1.0 Installing to target\n")
    watcher.finish()
    assert bar.done == bar.total
