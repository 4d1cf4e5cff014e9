"""The names of what is part of a shell, and what is known of programs by their name alone."""

from collections.abc import Iterable, Mapping

_SPECIAL = """
    . : break continue eval exec exit export readonly return set shift source times trap unset
"""
_OWN = """
    [ [[ alias bg cd command declare echo false fg getopts hash jobs kill let local printf pwd read test true type
    typeset ulimit umask unalias wait
"""
_HARMLESS = """
    db_beginblock db_capb db_clear db_endblock db_fset db_get db_go db_info db_input db_metaget db_progress db_reset
    db_register db_settitle db_stop db_subst db_title db_unregister db_version
    basename cat cmp cut date diff dirname dpkg-query egrep env expr fgrep getent grep head id logger ls
    md5sum readlink realpath sha256sum sleep sort stat systemctl tail tr uname uniq wc which whoami
"""
_IN_PLACE = ("-i", "--in-place", "-Ei", "-ni", "-ri", "-si", "-zi")
_ACTING = ("-delete", "-exec", "-ok", "-fprint", "-fls")
_QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "dpkg": ("--compare-versions", "--print-architecture", "-s", "--status", "-l", "--list", "-L", "--listfiles", "-S"),
    "dpkg-divert": ("--list", "--truename", "--listpackage"),
    "dpkg-statoverride": ("--list",),
    "update-alternatives": ("--display", "--list", "--query", "--get-selections"),
}
"""The words by which a command that can also change something only prints."""
SPECIAL = frozenset(_SPECIAL.split())
"""Special builtins: found before functions, and what is assigned before them stays."""
BUILTINS = SPECIAL | frozenset(_OWN.split())
HARMLESS = frozenset(_HARMLESS.split())
"""Commands that change nothing in an image: when they are left out, the image lacks nothing for it."""


def changes_nothing(name: str, words: Iterable[str | None]) -> bool:
    """Whether a call of the command `name` only prints, whatever its words are; of those not known None stands here."""
    known = list(words)
    if name == "sed":
        return not any(word is None or word.startswith(_IN_PLACE) for word in known)
    if name == "find":
        return not any(word is None or word.startswith(_ACTING) for word in known)
    if name in _QUESTIONS:
        return any(word in _QUESTIONS[name] for word in known)
    return name in HARMLESS
