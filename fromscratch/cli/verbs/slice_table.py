"""What `slice` is called with: its row in the catalogue of verbs."""

from fromscratch.cli.parsing.records import Option, Verb
from fromscratch.cli.verbs import options
from fromscratch.cli.verbs.slim_table import TRACES

SLICE = Verb(
    "slice",
    "fromscratch.cli.verbs.slice:slice_",
    "Write which files of each package of an image are used, for recipes to name; check whether they still fit.",
    "fromscratch slice write docker:nginx:1 --trace nginx.trace --output slices",
    (
        Option("output", "DIR", "write: DIR for the slices (default: slices)", is_path=True),
        *TRACES,
        Option("package", "NAME", "write: NAME of a package, with those it needs; may be repeated", repeated=True),
        Option("keep", "GLOB", "write: GLOB of paths that count as used; may be repeated", repeated=True),
        Option("exclude", "GLOB", "write: GLOB of paths or programs whose use does not count", repeated=True),
        Option("any-image", "", "write: use a trace that was recorded in another image, or that hardly fits this one"),
        Option("release", "NAME", "check: NAME of the release to look in, such as trixie (default: the slice's own)"),
        options.IMAGE._replace(help="check: an image that has the package, instead of the archive"),
        options.json("what was written or found, for a program to read"),
    ),
    (*options.OF_RECIPE, options.CHOSEN_PLATFORM, *options.STORED),
    Option(
        "what",
        "WHAT",
        "write IMAGE: an image that any verb takes (default: the recipe's build); check FILE…: compare slices, or "
        "those in folders, with their packages as they are now, and run their checks",
        repeated=True,
    ),
)
