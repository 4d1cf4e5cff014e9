"""The manual page, fromscratch(1), made from the catalogue of verbs: roff with the macros of man(7)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from fromscratch import __version__
from fromscratch.cli.output import help_text
from fromscratch.cli.parsing.records import Option, Verb

_DESCRIPTION = """\
Makes container images from any root filesystem source: Debian packages, Buildroot, programs of this machine with what
they need, folders and archives, mixed as a recipe says. Each file of an image has a recorded reason, and the same
recipe gives the same bytes. No root and no daemon are needed to fetch, build, pack or push.

Verbs are done in the order in which they stand; an option follows its verb, and one that stands once holds for the
whole chain. Words after \\-\\- are for the command that run starts.
"""
_EXIT_CODES = (
    ("0", "done"),
    ("1", "the work failed; standard error says what, on what, and what to do next"),
    ("2", "the call or the recipe is wrong"),
    ("130", "interrupted; the same command goes on from there"),
)
_ENVIRONMENT = (
    ("FROMSCRATCH_STORE", "the folder of the store, where no --store-dir says it"),
    ("FROMSCRATCH_MAX_EXPANDED", "what an archive or image may expand to, where no --max-expanded says it"),
    ("FROMSCRATCH_MAX_ENTRIES", "how many entries one may have, where no --max-entries says it"),
    ("SOURCE_DATE_EPOCH", "the one time of every file, in whole seconds since 1970"),
)
_FILES = (
    ("fromscratch.yaml", "the recipe, where no --recipe names another"),
    ("build/NAME/", "what build wrote: oci/, evidence.json, Dockerfile and build.log"),
)


def man_page(verbs: Mapping[str, Verb], general: Sequence[Option]) -> str:
    """The whole page."""
    lines = [
        f'.TH FROMSCRATCH 1 "" "fromscratch {__version__}" "User Commands"',
        ".SH NAME",
        "fromscratch \\- make container images from any root filesystem source",
        ".SH SYNOPSIS",
        ".B fromscratch",
        "VERB [\\-\\-option ...] [VERB ...] [\\-\\- WORD ...]",
        ".SH DESCRIPTION",
        *_paragraphs(_DESCRIPTION),
        ".SH OPTIONS",
        *_listed((help_text.spelled(option), option.text) for option in general),
        ".SH VERBS",
        *(line for verb in verbs.values() for line in _verb(verb)),
        ".SH EXIT STATUS",
        *_listed(_EXIT_CODES),
        ".SH ENVIRONMENT",
        *_listed(_ENVIRONMENT),
        ".SH FILES",
        *_listed(_FILES),
    ]
    return "\n".join(lines)


def _verb(verb: Verb) -> Iterator[str]:
    yield f".SS {_text(verb.name)}"
    yield _text(help_text.usage(verb))
    yield ".PP"
    yield _text(verb.summary)
    operand = [(verb.operand.value, help_text.explained(verb.operand))] if verb.operand else []
    yield from _listed(
        [*operand, *((help_text.spelled(option), help_text.explained(option)) for option in help_text.listed(verb))]
    )
    yield ".PP"
    yield "Example:"
    yield ".PP"
    yield ".nf"
    yield _text(verb.example)
    yield ".fi"


def _listed(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Each row as a word in bold and its text below."""
    for word, text in rows:
        yield ".TP"
        yield f"\\fB{_text(word)}\\fR"
        yield _text(text)


def _paragraphs(text: str) -> Iterator[str]:
    for place, paragraph in enumerate(text.strip().split("\n\n")):
        if place:
            yield ".PP"
        yield paragraph


def _text(text: str) -> str:
    """Text as roff has it: no word of it is a request, and a hyphen of an option can be copied."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return f"\\&{text}" if text.startswith((".", "'")) else text
