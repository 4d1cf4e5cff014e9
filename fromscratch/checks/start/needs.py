"""Files that programs look for while they run, and that an image often lacks.

What the image lacks is cheap to see; only then is it read whether any program or library of the closure asks for it.
"""

from collections.abc import Iterator

from fromscratch.checks.start.accounts import has_number
from fromscratch.checks.start.container import WRITE, Container
from fromscratch.checks.start.finding import Finding, Lack
from fromscratch.checks.start.linking import Linking
from fromscratch.formats.trust.bundles import BUNDLES
from fromscratch.model import view as views
from fromscratch.model.entry import Directory, File

_TLS = ("libssl.", "libcrypto.", "libgnutls.", "libcurl")
_OF_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE")
_OF_LOCALE = ("LC_ALL", "LC_CTYPE", "LANG")


def needs(container: Container, linking: Linking) -> Iterator[Finding]:
    """A note for each thing that the image lacks and that its programs ask for."""
    lacking = list(_lacking(container, linking))
    if lacking and linking.objects:
        from fromscratch.checks.start.closure_notes import closure_notes

        yield from closure_notes(container, linking, lacking)


def _lacking(container: Container, linking: Linking) -> Iterator[Lack]:
    env = container.config.env
    if not has_number(container.tree, container.who.uid):
        yield "account"
    if container.entry("/bin/sh") is None:
        yield "shell"
    if not isinstance(container.entry("/tmp"), Directory) or container.refusal("/tmp", WRITE):
        yield "temporary folder"
    if _speaks_tls(linking) and not any(name in env for name in _OF_CERTIFICATES) and not _has_certificates(container):
        yield "certificates"
    if any(env.get(name, "C") not in ("", "C", "POSIX") for name in _OF_LOCALE):
        yield "locale"
    if env.get("TZ"):
        yield "time zone"
    folder = next((node.path.rpartition("/")[0] for node in linking.objects.values() if _is_libc(node.path)), None)
    if folder is not None and any(container.entry(f"{folder}/libnss_{name}.so.2") is None for name in ("files", "dns")):
        yield "name services"


def _is_libc(path: str) -> bool:
    return path.endswith("/libc.so.6")


def _speaks_tls(linking: Linking) -> bool:
    """Whether a program is linked with a TLS library, or may have one in itself."""
    return any(node.elf.is_static or (node.elf.soname or "").startswith(_TLS) for node in linking.objects.values())


def _has_certificates(container: Container) -> bool:
    if any(isinstance(container.entry(path), File) for path in BUNDLES):
        return True
    return any(name.endswith(".0") for name in views.names(container.tree, "/etc/ssl/certs"))
