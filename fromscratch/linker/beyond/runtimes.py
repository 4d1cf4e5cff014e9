"""Runtimes of languages, shells and boxes of tools, by their names: they call everything, since programs might."""

from fromscratch.lazy_regex import lazy_regex

_NAMES = lazy_regex(
    r"(lib)?(python|perl|ruby|node|php|lua|tcl|tk|guile|java|jvm|beam|erl|R\b|mono|busybox|toybox|bash|dash|sh\b|zsh"
    r"|gawk|mawk|sqlite3|psql|libc\.musl|ld-musl)"
)


def is_runtime(name: str) -> bool:
    """Whether a program or soname of this name calls a function because programs in its language might."""
    return _NAMES.match(name) is not None
