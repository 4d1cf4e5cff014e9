"""What `slim` is called with: its row in the catalogue of verbs."""

from fromscratch.cli.parsing.records import Option, Verb
from fromscratch.cli.verbs import options
from fromscratch.cli.verbs.bundle_table import GOES_TO

TRACES = (
    Option(
        "trace",
        "FILE",
        "FILE with what runs used: a trace file, a log of strace, or a list of paths; may be repeated",
        repeated=True,
        is_path=True,
    ),
    Option(
        "trace-root",
        "DIR",
        "DIR of this machine that was the root of the container, for a log of strace",
        default="/",
    ),
)
_KEEPS = (
    *TRACES,
    Option("keep", "GLOB", "GLOB of paths to keep, whatever was used; may be repeated", repeated=True),
    Option("keep-package", "NAME", "NAME of a package to keep whole; may be repeated", repeated=True),
    Option("drop", "GLOB", "GLOB of paths to leave out, whatever needs them; may be repeated", repeated=True),
    Option(
        "exclude",
        "GLOB",
        "GLOB of paths, or of programs, whose use does not count, such as /usr/bin/find; may be repeated",
        repeated=True,
    ),
    Option("drop-package-records", "", "leave out the databases of dpkg, apk, rpm and portage, which scanners read"),
    Option("split", "", "keep all files: what was used in one layer, and the rest in another below it"),
    Option("any-image", "", "use a trace that was recorded in another image, or that hardly fits this one"),
)

_WHILE_RECORDED = {
    "check": "as --exec",
    "exec": "CMD, words as a shell reads them, to run in the image while it is recorded: it has to end with 0",
    "http-get": "URL that the image has to answer with status 200 while it is recorded",
    "script": "FILE, a program of this machine to run in the image's network while it is recorded",
}
_USES = tuple(option._replace(help=_WHILE_RECORDED.get(option.name, option.text)) for option in options.CHECKS)


def _images() -> str:
    """The help of the operand: what any verb takes, and what only this one does."""
    return f"{options.ANY_IMAGE.text}; or the slim.yaml that a former call wrote"


SLIM = Verb(
    "slim",
    "fromscratch.cli.verbs.slim:slim",
    "Cut an image to the files that runs used and what they link to; its whole configuration is kept.",
    "fromscratch slim docker:nginx:1 --http-get http://localhost/ --tag nginx:slim",
    (
        Option("name", "NAME", "what build/NAME and the image are called (default: of the tag, else IMAGE-slim)"),
        *(option for option in GOES_TO if option.name != "name"),
        Option("output", "DIR", "DIR of the small image (default: build/NAME)", is_path=True),
        *_USES,
        options.IGNORE_OUTPUT,
        options.RECORDER,
        Option("record", "", "make the checks of a slim.yaml anew, such as for a newer version of its image"),
        *_KEEPS,
        options.json("what was kept and left out, for a program to read"),
    ),
    (*options.OF_RECIPE, options.CHOSEN_PLATFORM, *options.STORED),
    options.ANY_IMAGE._replace(help=_images),
)
