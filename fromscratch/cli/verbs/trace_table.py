"""The row of `trace` in the catalogue of verbs."""

from fromscratch.cli.parsing.records import Option, Verb
from fromscratch.cli.verbs import options

TRACE = Verb(
    "trace",
    "fromscratch.cli.verbs.trace:trace",
    "Record which files a program uses: words after -- are a command on this machine.",
    "fromscratch trace --output git.trace -- git log",
    (
        Option("output", "FILE", "the trace FILE to write", is_path=True),
        Option("merge", "", "write the runs of several trace files into one"),
        Option(
            "recorder",
            "RECORDER",
            "how to record (default: the first that works here)",
            choices="fromscratch.tracing.choice:names",
        ),
    ),
    options.STORED,
    Option("files", "FILE", "traces to merge", repeated=True, is_path=True),
    takes_words=True,
)
