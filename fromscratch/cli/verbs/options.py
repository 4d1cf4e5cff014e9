"""Options that several verbs have, as the catalogue of verbs lists them."""

from fromscratch.cli.parsing.records import Option

_CANDIDATES = "fromscratch.cli.parsing.candidates"

RECIPE = Option(
    "recipe",
    "RECIPE",
    "FILE, or the name of a shipped recipe (default: ./fromscratch.yaml, else the shipped busybox)",
    candidates=f"{_CANDIDATES}:recipes",
    is_path=True,
)
# A verb that brings the image elsewhere does not fall back to a shipped recipe.
OWN_RECIPE = RECIPE._replace(help="FILE, or the name of a shipped recipe (default: ./fromscratch.yaml)")
VARIANT = Option(
    "variant",
    "NAME",
    "NAME of the recipe's variant to work with, instead of the recipe itself",
    candidates=f"{_CANDIDATES}:variants",
)
SET = Option("set", "NAME=VALUE", "VALUE for a variable of the recipe; may be repeated", repeated=True)
STORE_DIR = Option(
    "store-dir", "DIR", "DIR of the store (default: $FROMSCRATCH_STORE, else the user's cache folder)", is_path=True
)
PLATFORM = Option(
    "platform",
    "PLATFORM",
    "linux/ARCH[,linux/ARCH] to build for, instead of the recipe's",
    candidates=f"{_CANDIDATES}:PLATFORMS",
)
CHOSEN_PLATFORM = PLATFORM._replace(
    help="linux/ARCH[,linux/ARCH] of those that the image is for, where it is for several"
)
OUTPUT = Option("output", "DIR", "DIR of the build (default: build/NAME)", is_path=True)
LIMITS = (
    Option(
        "max-expanded",
        "SIZE",
        "SIZE that an archive or image may expand to (default: $FROMSCRATCH_MAX_EXPANDED, else 64G)",
    ),
    Option("max-entries", "N", "N entries that one may have (default: $FROMSCRATCH_MAX_ENTRIES, else 1000000)"),
)
QUIET = Option("quiet", "", "say only what was asked for, and errors")

STORED = (STORE_DIR, *LIMITS, QUIET)
OF_RECIPE = (RECIPE, VARIANT, SET)
OF_OWN_RECIPE = (OWN_RECIPE, VARIANT, SET)
BUILDING = (*OF_RECIPE, PLATFORM, OUTPUT, *STORED)
INSPECTING = (*OF_RECIPE, CHOSEN_PLATFORM, OUTPUT, *STORED)
DELIVERING = (*OF_OWN_RECIPE, CHOSEN_PLATFORM, OUTPUT, *STORED)


def json(text: str) -> Option:
    """`--json`, with what it is that a program gets to read."""
    return Option("json", "", text)


IMAGE = Option(
    "image",
    "IMAGE",
    "another image than the recipe's build: a name, or one with its kind, such as oci:DIR",
    candidates=f"{_CANDIDATES}:images",
)

SEVERAL_IMAGES = f"{IMAGE.help}; several of different platforms become one index"


def _names() -> str:
    from fromscratch.images.catalogue import readable

    return f"{', '.join(line.usage for line in readable())} or a bare name (default: the recipe's build)"


def _engines() -> str:
    from fromscratch.images.catalogue import alternatives, engines

    return f"{alternatives(engines())} (default: the first of these that answers)"


def starters() -> str:
    """The help of `run --engine`."""
    from fromscratch.images.catalogue import alternatives, runners

    default = "(default: docker if it answers, else crun, runc or a private root)"
    return f"{alternatives(runners())}; crun or runc alone; none: a private root {default}"


def forms() -> str:
    """The help of `bundle --to`."""
    from fromscratch.images.catalogue import TRANSPORTS, alternatives

    return f"FORM:PLACE to write it to: {alternatives([line.usage for line in TRANSPORTS if line.role == 'form'])}"


ANY_IMAGE = IMAGE._replace(help=_names)
FORM = Option("to", "FORM", "the form of the file to write", choices=f"{_CANDIDATES}:FORMS")
ENGINE = Option("engine", "ENGINE", _engines, choices=f"{_CANDIDATES}:ENGINES")
WAYS = ("import", "load")

ROOT = Option(
    "root",
    "DIR",
    "DIR, a sysroot to look in instead of this machine; for any architecture",
    default="/",
    is_path=True,
)
SEARCH = Option("search", "DIR", "DIR for LD_LIBRARY_PATH; may be repeated", repeated=True)
SEARCH_IN_IMAGE = Option(
    "search",
    "DIR[:/DEST]",
    "DIR for LD_LIBRARY_PATH, or DIR:/DEST, a folder here whose libraries lie at /DEST; may be repeated",
    repeated=True,
)
PLAIN_HTTP = Option(
    "plain-http", "", "ask the registry without TLS (which a registry of this machine may do without being told)"
)
CA = Option(
    "ca",
    "FILE",
    "FILE in the form PEM with an authority that may sign the registry's certificate, besides the usual ones",
    is_path=True,
)
FILES = Option("files", "FILE", "programs and libraries", repeated=True, is_path=True)

_CHECK = Option(
    "check",
    "CMD",
    "CMD, words as a shell reads them, has to end with 0 in the image; may be repeated",
    repeated=True,
    sequence="checks",
)
CHECKS = (
    _CHECK,
    _CHECK._replace(name="exec", help="CMD to run in the image, as --check does"),
    _CHECK._replace(name="http-get", value="URL", help="URL that the image has to answer with status 200"),
    _CHECK._replace(name="script", value="FILE", help="FILE, a program of this machine to run in the image's network"),
    _CHECK._replace(
        name="expect",
        value="REGEX",
        help="REGEX that the output of the check before it matches",
        may_be_empty=True,
    ),
)
"""What is asked of an image while it runs; `cli.smoke_checks` makes checks of the pairs that the verb gets."""

BUILD_CHECKS = (
    _CHECK._replace(
        help="CMD, words as a shell reads them, has to end with 0 in the image; may be repeated. Alone it is --twice",
        alone="twice",
    ),
    *CHECKS[1:],
)
START_CHECK = Option(
    "start-check",
    "MODE",
    "error (default, unless the recipe says otherwise): refuse an image that cannot start; warn: only tell; off",
    choices=("error", "warn", "off"),
)
# For `bundle`, whose --exec is a command of this machine, by which files are found.
RESULT_CHECKS = tuple(option for option in CHECKS if option.name != "exec")

IGNORE_OUTPUT = Option(
    "ignore-output", "REGEX", "REGEX of what in output may differ, such as a time; may be repeated", repeated=True
)
RECORDER = Option(
    "recorder",
    "RECORDER",
    "how to record (default: the first that works here)",
    choices="fromscratch.tracing.choice:names",
)
