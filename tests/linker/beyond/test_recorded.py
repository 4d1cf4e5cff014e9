"""Recorded runs: what they used is needed, but for what belongs to the machine or to what was worked on."""

from functools import partial

from fromscratch.formats.trace.events import Event, Run, Trace
from fromscratch.linker.beyond import recorded
from fromscratch.linker.beyond.recorded import Recorded
from tests.linker.beyond.objects import program, system
from tests.linker.beyond.scenes import listing
from tests.trees import text

CONVERT = """
    f 0644 0:0 /usr/lib/magick/png.so ''
    l 0777 0:0 /usr/lib/magick/again.so -> png.so
    d 0755 0:0 /usr/share/fonts
    f 0644 0:0 /etc/magick/policy.xml ''
    f 0644 0:0 /etc/passwd 'root'
    f 0644 0:0 /home/me/.magick 'x'
    f 0644 0:0 /srv/pictures/in.png 'x'
    f 0644 0:0 /proc/cpuinfo 'x'
"""
OBJECTS = {"/usr/bin/convert": program("puts")}
RUN = Run(command=("convert", "in.png", "out.jpg"))


def found(*events: Event, own: str = "/srv/pictures", extra: tuple[str, ...] = ()) -> str:
    runs = Recorded(Trace((RUN,), events), own=(own,), extra=extra)
    return listing(list(partial(recorded.find, recorded=runs)(system(CONVERT, OBJECTS))))


def used(path: str, process: str = "/usr/bin/convert") -> Event:
    return Event("open", path, process)


def test_each_path_is_needed_once_and_says_which_run_of_which_program_used_it() -> None:
    events = [
        used("/usr/lib/magick/again.so"),
        Event("stat", "/usr/lib/magick/again.so", "/usr/bin/convert"),
        used("/usr/lib/magick/../magick/png.so", ""),
        Event("stat", "/usr/share/fonts", "/usr/bin/convert"),
        Event("missing", "/etc/magick/policy.xml", "/usr/bin/convert"),
        used("/usr/lib/magick/gone.so"),
    ]
    assert found(*events) == text("""
        recorded declared optional /usr/lib/magick/again.so opened by /usr/bin/convert in run 1: convert in.png out.jpg
        recorded declared optional /usr/lib/magick/png.so opened by run 1: convert in.png out.jpg
        recorded declared optional /usr/share/fonts opened by /usr/bin/convert in run 1: convert in.png out.jpg
    """)


def test_what_is_the_machines_or_was_worked_on_is_left_out_and_named_unless_it_is_asked_for() -> None:
    events = [used(path) for path in ("/etc/passwd", "/home/me/.magick", "/srv/pictures/in.png", "/proc/cpuinfo")]
    assert found(*events) == text("""
        warning recorded used while it was recorded, and left to the machine: /home/me/.magick, /srv/pictures/in.png; what the image needs of it, add
    """)  # noqa: E501
    assert (
        found(*events, extra=("/etc/passwd", "/srv/**")).splitlines()[:2]
        == text("""
        recorded declared optional /etc/passwd opened by /usr/bin/convert in run 1: convert in.png out.jpg
        recorded declared optional /srv/pictures/in.png opened by /usr/bin/convert in run 1: convert in.png out.jpg
    """).splitlines()
    )
