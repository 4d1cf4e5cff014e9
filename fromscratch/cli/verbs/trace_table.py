"""The row of `trace` in the catalogue of verbs."""

from fromscratch.cli.parsing.records import Option, Verb
from fromscratch.cli.verbs import options

TRACE = Verb(
    "trace",
    "fromscratch.cli.verbs.trace:trace",
    "Record which files are used by a command on this machine, after --, or by an image.",
    "fromscratch trace --output git.trace -- git log",
    (
        Option("output", "FILE", "the trace FILE to write", is_path=True),
        options.ANY_IMAGE._replace(help="IMAGE to start and record, by any name that images are read by"),
        Option("container", "ID", "ID or name of a container that runs already, as its engine knows it; needs root"),
        Option("merge", "", "write the runs of several trace files into one"),
        options.RECORDER,
        *options.CHECKS,
    ),
    (*options.OF_RECIPE, options.CHOSEN_PLATFORM, *options.STORED),
    Option("files", "FILE", "traces to merge", repeated=True, is_path=True),
    takes_words=True,
)
