"""What `mod` is called with: its row in the catalogue of verbs."""

from fromscratch.cli.parsing.records import Option, Verb
from fromscratch.cli.verbs import options

CLEARED = ("env", "labels", "annotations", "ports", "volumes")


def _places() -> str:
    from fromscratch.images.catalogue import TRANSPORTS

    usages = ", ".join(line.usage for line in TRANSPORTS if line.role)
    return f"PLACE to write the changed image to, one of {usages}"


def _put(name: str, value: str, text: str) -> Option:
    return Option(name, value, f"{text}; may be repeated", repeated=True)


def _set(name: str, value: str, text: str) -> Option:
    return Option(name, value, f"{text}; an empty text takes it away", may_be_empty=True)


_GOES_TO = (
    Option("to", "PLACE", _places, candidates="fromscratch.cli.parsing.candidates:destinations"),
    Option("tag", "REF", "REF to give it in the engine that answers, which keeps its digest"),
    options.ENGINE,
    options.PLAIN_HTTP,
    options.CA,
)
_RUNS_AS = (
    _set("user", "USER[:GROUP]", "names or numbers that a container runs as"),
    _put("env", "NAME=VALUE", "NAME=VALUE to set in the environment"),
    _put("unset-env", "NAME", "NAME to take out of the environment"),
    _set("entrypoint", "WORDS", "the words that a container starts with, as a shell reads them or as a JSON list"),
    _set("cmd", "WORDS", "the words behind the entry point (a new entry point alone takes the old ones away)"),
    _set("workdir", "DIR", "DIR that a container starts in"),
    _put("port", "PORT", "PORT that it listens on, such as 80 or 53/udp"),
    _put("unset-port", "PORT", "PORT to take away"),
    _put("volume", "DIR", "DIR of data that outlives a container"),
    _put("unset-volume", "DIR", "DIR that is a volume no more"),
    _set("stop-signal", "SIGNAL", "the signal that ends a container"),
    Option("stop-timeout", "SECONDS", "SECONDS that it gets to end by itself"),
    _set("healthcheck", "WORDS", "the command that checks whether it works; none: switch that of a base image off"),
    Option("health-interval", "TIME", "TIME between two checks, such as 30s or 1m30s"),
    Option("health-timeout", "TIME", "TIME until a check counts as failed"),
    Option("health-start-period", "TIME", "TIME after the start in which failures do not count"),
    Option("health-start-interval", "TIME", "TIME between two checks in that period"),
    Option("health-retries", "N", "N failures in a row that make it unhealthy"),
    _set("shell", "WORDS", "the shell of commands that are one text, such as '/bin/bash -c'"),
    _put("onbuild", "TEXT", "TEXT, an instruction that a build on the image runs, instead of those that it has"),
)
_SAYS = (
    _put("label", "NAME=VALUE", "NAME=VALUE to set among the labels"),
    _put("unset-label", "NAME", "NAME of a label to take away"),
    _put("annotation", "NAME=VALUE", "NAME=VALUE to set among the annotations of the manifest"),
    _put("unset-annotation", "NAME", "NAME of an annotation to take away"),
    _put("index-annotation", "NAME=VALUE", "NAME=VALUE to set among those of the index, for several platforms"),
    _put("clear", "WHAT", f"WHAT to empty before anything is set: {', '.join(CLEARED)}")._replace(choices=CLEARED),
    _set("author", "TEXT", "who answers for the image"),
    Option("created", "TIME", "TIME that it says it was made at, such as 2026-01-31T12:00:00Z, or seconds since 1970"),
    Option("set-platform", "PLATFORM", "linux/ARCH that it says it is for", candidates=options.PLATFORM.candidates),
    Option("comment", "TEXT", "TEXT for the new entries of the history"),
    Option("created-by", "TEXT", "TEXT for what made the change, in place of this call, in the history"),
    Option("no-history", "", "write no entries into the history (one for each new layer there has to be)"),
)
_LAYERS = (
    Option(
        "append",
        "PATH[:/DEST]",
        "a layer on top: a folder (at /DEST), a file at /DEST, a tar as it is, or the layers of another image, such as "
        "a build/NAME; may be repeated",
        repeated=True,
        is_path=True,
    ),
    Option("owner", "UID:GID", "UID:GID of what is appended of folders and files, or keep", default="0:0"),
)

MOD = Verb(
    "mod",
    "fromscratch.cli.verbs.mod:mod",
    "Change how an existing image runs and what it says of itself, and add layers; all else stays as it is.",
    "fromscratch mod docker://docker.io/library/nginx:1 --user 101 --label team=web --to oci:nginx",
    (
        *_GOES_TO,
        *_RUNS_AS,
        *_SAYS,
        *_LAYERS,
        options.START_CHECK,
        options.json("what was written, for a program to read"),
    ),
    (
        options.OWN_RECIPE,
        options.PLATFORM._replace(help="linux/ARCH[,linux/ARCH] of the images to change (default: all that there are)"),
        *options.STORED,
    ),
    options.ANY_IMAGE,
)
