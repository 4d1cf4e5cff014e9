"""URLs whose text conceals the secrets in them, so that messages and stored files hold none."""

from fromscratch.lazy_regex import lazy_regex

# Every command loads this module, for its errors: slow imports wait for their first use.
# A scheme, with however many slashes behind it.
_SCHEME = lazy_regex(r"(?i:file)://|[A-Za-z][A-Za-z0-9+.-]*:/+|//")
_END_OF_HOST = lazy_regex(r"[/?#]")
_PORT = lazy_regex(r"(?:[^:\[]*|\[[^\]]*\])(?::[0-9]*)?")
_WITHIN = lazy_regex(
    r"(?a)\b(?:[A-Za-z][A-Za-z0-9+.-]{0,30}://|(?i:https?|ftp|git|ssh):/(?=[^\s/]{0,400}@))"
    r"(?:[^\s/]{0,400}@)?"
    # A query may hold the quote that stands around the address, though not as its last.
    r"(?:(?:[^\s\"'<>`]|'(?![\s:;,.)\]}]|$))*[^\s\"'<>`:;,.)\]])?"
)
_SCP = lazy_regex(r"[^/:@?#\s]+@(?=[^/:@?#\s]+:)")  # git@HOST:PATH, as git and scp have it
_FRAGMENT = lazy_regex(r"([^#]*)(#)([^#]*=(?s:.*))")  # as answers of OAuth have them: #access_token=…
_SSH = ("ssh://", "git+ssh://", "ssh+git://")


class Address:
    """A URL. Its text leaves out the name and password before the host and the query, which may be a token.

    `whole` is the full URL, to be sent to the server only.
    """

    __slots__ = ("whole",)

    def __init__(self, whole: str) -> None:
        self.whole = whole

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and other.whole == self.whole

    def __hash__(self) -> int:
        return hash(self.whole)

    def __str__(self) -> str:
        return concealed(self.whole)

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"

    def __truediv__(self, path: str) -> "Address":
        """The address of a path below this one."""
        return Address(f"{self.whole.rstrip('/')}/{path}")

    @property
    def title(self) -> str:
        """The last part of its path, as the name of the file."""
        shown = str(self).partition("?")[0].rstrip("/")
        return shown.rpartition("/")[2] or shown

    @property
    def key(self) -> str:
        """A text that identifies the address without its secrets: the query is replaced by its digest."""
        query = self.whole.partition("?")[2]
        if not query:
            return str(self)
        import hashlib

        return f"{str(self).partition('?')[0]}?{hashlib.sha256(query.encode('utf-8', 'surrogateescape')).hexdigest()}"

    @property
    def bare(self) -> str:
        """The URL for a request, without the name and password, which are sent in a header."""
        scheme, userinfo, rest = _parts(self.whole)
        return scheme + rest if userinfo and not _is_of_ssh(scheme, userinfo) else self.whole

    @property
    def login(self) -> tuple[str, str] | None:
        """The name and password in it, %-decoded."""
        from urllib.parse import unquote

        userinfo = _parts(self.whole)[1].rstrip("@")
        name, _, password = userinfo.partition(":")
        return (unquote(name), unquote(password)) if userinfo else None


def concealed(url: str) -> str:
    """The URL without what may be secret, for messages and files. The user name of an ssh address is not secret."""
    scheme, userinfo, rest = _parts(url)
    if _is_of_ssh(scheme, userinfo):
        rest = userinfo + rest
    path, mark, query = rest.partition("?")
    if not mark and (fragment := _FRAGMENT.fullmatch(rest)):
        path, mark, query = fragment.groups()
    return scheme + path + (f"{mark}…" if mark and query else mark)


def without_secrets(text: str) -> str:
    """A text, also of another program, with the secrets of each address in it left out."""
    return _WITHIN.sub(lambda found: concealed(found[0]), text) if ":/" in text else text


def _is_of_ssh(scheme: str, userinfo: str) -> bool:
    return ":" not in userinfo and scheme.lower() in ("", *_SSH)


def _parts(url: str) -> tuple[str, str, str]:
    """Scheme with its slashes, name and password with the @, and the rest."""
    found = _SCHEME.match(url)
    start = found.end() if found else 0
    if not found and (user := _SCP.match(url)):
        return "", user[0], url[user.end() :]
    end = _END_OF_HOST.search(url, start)
    host_end = end.start() if end else len(url)
    at = url.rfind("@", start, host_end)
    if at < 0 and not _PORT.fullmatch(url, start, host_end):
        at = url.rfind("@", start)  # a password with a slash that is not written as %2F
    return url[:start], url[start : at + 1], url[max(start, at + 1) :]
