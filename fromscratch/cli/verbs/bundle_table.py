"""What `bundle` is called with: its row in the catalogue of verbs, which has more options than all others."""

from fromscratch.cli.parsing.records import Option, Verb
from fromscratch.cli.verbs import options

_KINDS = "fromscratch.cli.verbs.bundle.options:KINDS"

GOES_TO = (
    Option("name", "NAME", "what build/NAME and the image are called (default: of the tag, else of the first file)"),
    Option("tag", "REF", "REF to give it in the engine that answers"),
    Option(
        "to",
        "FORM:PLACE",
        options.forms,
        candidates="fromscratch.cli.parsing.candidates:beginnings",
    ),
    options.ENGINE,
    Option(
        "via",
        "WAY",
        "load (default): as it is, so that its digest is kept; import: the root's tar and a metadata Dockerfile",
        default="load",
        choices=options.WAYS,
    ),
)
_HOLDS = (
    Option(
        "stage",
        "DIR",
        "DIR, a staged install tree (DESTDIR), taken whole; may be repeated",
        repeated=True,
        is_path=True,
    ),
    Option(
        "add",
        "PATH[:/DEST]",
        "PATH or PATH:/DEST, a further file or folder; may be repeated",
        repeated=True,
        is_path=True,
    ),
    options.ROOT,
    options.SEARCH_IN_IMAGE,
    Option("preload", "NAME", "NAME for /etc/ld.so.preload; may be repeated", repeated=True),
    Option("plugins", "GLOB", "GLOB of files that the programs load by themselves; may be repeated", repeated=True),
    Option(
        "exec",
        "CMD",
        "CMD to run and record on this machine first: what it uses is taken too; may be repeated",
        repeated=True,
    ),
    Option(
        "trace",
        "FILE",
        "FILE, a trace of a run on this machine, whose files are taken too; may be repeated",
        repeated=True,
        is_path=True,
    ),
    Option(
        "recorded",
        "GLOB",
        "GLOB of files that a trace names and that are taken though they are the machine's own; may be repeated",
        repeated=True,
    ),
    Option(
        "with",
        "KIND[=VALUE]",
        "KIND or KIND=VALUE of what linking does not show, such as localtime or gconv=UTF-16; may be repeated",
        candidates=_KINDS,
        repeated=True,
    ),
    Option(
        "without",
        "KIND",
        "KIND to leave out, such as certificates or dlopen; may be repeated",
        candidates=_KINDS,
        repeated=True,
    ),
)
_STARTS_WITH = (
    Option(
        "entrypoint",
        "WORDS",
        "the words that a container starts with (default: the one program there is)",
        may_be_empty=True,
    ),
    Option("cmd", "WORDS", "the words behind the entry point, which a call can replace", may_be_empty=True),
    Option("user", "UID[:GID]", "UID[:GID], or a name (default: 65532:65532)", default="65532:65532"),
    Option("env", "NAME=VALUE", "NAME=VALUE; may be repeated", repeated=True),
    Option("workdir", "DIR", "DIR that a container starts in", default=""),
    Option("port", "PORT", "PORT that it listens on; may be repeated", repeated=True),
    Option("volume", "DIR", "DIR of data that outlives a container; may be repeated", repeated=True),
    Option("label", "NAME=VALUE", "NAME=VALUE; may be repeated", repeated=True),
    Option("stop-signal", "SIGNAL", "the signal that ends a container", default=""),
    Option(
        "compression",
        "CODEC",
        "of the layers: gzip (default), which everything reads; zstd, a tenth smaller; smallest: zstd where the Python "
        "package zstandard is installed, else gzip; fast; none",
        default="gzip",
        choices=("gzip", "zstd", "smallest", "fast", "none"),
    ),
    options.START_CHECK,
)

_ALL = Option("all", "", "list everything that is offered and not taken, not only what is likeliest needed")

BUNDLE = Verb(
    "bundle",
    "fromscratch.cli.verbs.bundle.verb:bundle",
    "Make an image of programs and all that they need, without a recipe. FILE:/DEST puts a file elsewhere.",
    "fromscratch bundle /usr/bin/jq --tag jq:min",
    (
        *GOES_TO,
        *_HOLDS,
        *_STARTS_WITH,
        _ALL,
        *options.RESULT_CHECKS,
        options.json("what was built for a program to read"),
    ),
    (options.PLATFORM, options.OUTPUT, *options.STORED),
    options.FILES,
)
