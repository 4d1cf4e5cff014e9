"""Finder of the CA certificates that the TLS libraries of an image will read.

Each library has its own paths compiled in, which are found in its data: OPENSSLDIR of OpenSSL, the trust file of
GnuTLS, the bundle of libcurl. Symlinks on those paths are selected too.
"""

import re
from collections.abc import Iterator

from fromscratch import paths
from fromscratch.advice import Setting
from fromscratch.formats.elf.headers import Elf
from fromscratch.formats.trust.bundles import BUNDLES
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond import rodata
from fromscratch.linker.beyond.contract import FinderWarning, Finding, NeededFile, Offer, Scene
from fromscratch.model import view as views
from fromscratch.model.entry import File
from fromscratch.paths import TreePath

KIND = "certificates"

_TLS = lazy_regex(r"lib(ssl|gnutls|nss3|mbedtls|wolfssl|curl|curl-gnutls|curl-nss|tls|bearssl|s2n)[.-]")
_OPENSSL = lazy_regex(r"libcrypto[.-]")
_OWN = lazy_regex(
    rb"\0(/[^\0\s:]{1,200}(?:/ca-certificates\.crt|/ca-bundle\.(?:crt|pem)|/cert\.pem|/tls-ca-bundle\.pem))(?=\0)"
)
_PLACES = lazy_regex(rb"((?:OPENSSLDIR|ENGINESDIR|MODULESDIR): \"/[^\0\"]{1,1000})\"")
_LINKED_IN = lazy_regex(rb"(/etc/ssl/certs/ca-certificates\.crt|/etc/pki/tls/certs/ca-bundle\.crt)")
_HASHED = lazy_regex(r"[0-9a-f]{8}\.[0-9]+")
_INCLUDE = lazy_regex(r"^[ \t]*\.include(?:[ \t]*+=)?([^\n]*)", re.MULTILINE)


def find(scene: Scene, *, always: bool = False, hashes: bool = False) -> Iterator[Finding]:
    """The bundle is selected when a TLS library is in the scene, or `always`. `hashes` selects OpenSSL's folder of
    single certificates too, which is also selected where OpenSSL has no bundle of its own."""
    users = [place for place, elf in scene.objects.items() if _TLS.match(_soname(place, elf))]
    openssl = [place for place, elf in scene.objects.items() if _OPENSSL.match(_soname(place, elf))]
    folders = {place: _folders(scene, place) for place in openssl}
    trust = [file for place in users for file in _compiled_in(scene, place)]
    if users or always:
        for place in openssl:
            trust += _openssl_trust(scene, place, folders[place].get("OPENSSLDIR"), hashes)
    static = [place for place, elf in scene.objects.items() if elf.is_static]
    if trust:
        yield from trust
    elif users or always:
        yield from _bundle(scene, next(iter([*users, *static, *scene.objects]), None))
    else:
        yield from _offered(scene, static)
    for place in openssl:
        yield from _openssl(scene, place, folders[place], trusting=bool(users) and not hashes)
    for place, elf in scene.objects.items():
        if _soname(place, elf) == "libnss3.so":
            detail = f"{place} (its list of authorities)"
            yield NeededFile("libnssckbi.so", place, detail, KIND, "likely", library=True, optional=True)
        elif _soname(place, elf).startswith("libp11-kit."):
            yield from _pkcs11(scene, place)


def _soname(place: TreePath, elf: Elf) -> str:
    return elf.soname or paths.name(place)


def _compiled_in(scene: Scene, place: TreePath) -> Iterator[NeededFile]:
    """The existing bundles that a library names in its data."""
    for path in rodata.texts(scene, place, _OWN):
        if views.place(scene.view, path) is not None:
            yield NeededFile(path, place, f"{place} (the certificates that it trusts)", KIND, "likely")


def _folders(scene: Scene, place: TreePath) -> dict[str, str]:
    """OPENSSLDIR, ENGINESDIR and MODULESDIR of a libcrypto, as `openssl version -a` prints them."""
    return dict(text.split(': "', 1) for text in rodata.texts(scene, place, _PLACES))


def _openssl_trust(scene: Scene, place: TreePath, folder: str | None, hashes: bool) -> Iterator[NeededFile]:
    """OpenSSL opens OPENSSLDIR/cert.pem, and then files of OPENSSLDIR/certs by the hash of a name."""
    if folder is None:
        return
    file = f"{folder}/cert.pem"
    there = views.place(scene.view, file) is not None
    if there:
        yield NeededFile(file, place, f"{place} (the certificates that it trusts: OPENSSLDIR)", KIND, "likely")
    if hashes or not there:
        detail = f"{place} (a certificate that it trusts: OPENSSLDIR)"
        yield from (NeededFile(path, place, detail, KIND, "likely", optional=True) for path in _hashed(scene, folder))


def _hashed(scene: Scene, folder: str) -> list[str]:
    """The single certificates, as openssl-rehash(1) names them."""
    names = views.names(scene.view, f"{folder}/certs")
    return [f"{folder}/certs/{name}" for name in names if _HASHED.fullmatch(name)]


def _openssl(scene: Scene, place: TreePath, folders: dict[str, str], *, trusting: bool) -> Iterator[Finding]:
    """The other files that libcrypto opens or may open."""
    folder = folders.get("OPENSSLDIR")
    if folder is not None:
        yield from _configuration(scene, place, f"{folder}/openssl.cnf")
    if folder is not None and trusting and views.place(scene.view, f"{folder}/cert.pem") is not None:
        found = _hashed(scene, folder)
        if found:
            what = f"{folder}/certs, the same certificates one by one, for programs that look in no bundle"
            yield Offer(what, Setting("certificates", "hashes"), KIND, sum(scene.size(path) for path in found))
    for key, what in (("MODULESDIR", "providers"), ("ENGINESDIR", "engines")):
        found = list(views.glob(scene.view, f"{folders[key]}/*.so")) if key in folders else []
        if found:
            names = ", ".join(path.rpartition("/")[2] for path in found)
            size = sum(scene.size(path) for path in found)
            yield Offer(f"OpenSSL's {what} ({names})", Setting("plugins", f"{folders[key]}/*.so"), KIND, size)


def _configuration(scene: Scene, place: TreePath, path: str) -> Iterator[Finding]:
    """openssl.cnf and what it includes: config(5). An included file that is missing is an error for OpenSSL."""
    if views.place(scene.view, path) is None:
        return
    yield NeededFile(path, place, f"{place} (its configuration: OPENSSLDIR)", KIND, "likely", optional=True)
    pending, known = [path], {path}
    while pending:
        text = (scene.read(pending.pop()) or b"").decode("utf-8", "surrogateescape")
        for found in _INCLUDE.finditer(text):
            argument = found[1].strip(" \t\r")
            if not argument or argument.startswith("#"):
                continue
            argument = argument.strip("\"'")
            included = argument if argument.startswith("/") else f"{path.rpartition('/')[0]}/{argument}"
            if included in known or "$" in included or views.place(scene.view, included) is None:
                continue
            known.add(included)
            whole = not isinstance(views.look(scene.view, included), File)
            detail = f"{place} (included in {path})"
            yield NeededFile(included, place, detail, KIND, "declared", whole=whole, optional=True)
            pending.append(included)


def _pkcs11(scene: Scene, place: TreePath) -> Iterator[Offer]:
    """p11-kit's modules, by which GnuTLS may reach the system's trust and smart cards: p11-kit(8)."""
    for folder in rodata.texts(scene, place, re.compile(rb"\0(/[^\0\s]{1,200}/pkcs11)(?=\0)")):
        modules = list(views.glob(scene.view, f"{folder}/*.so"))
        if modules and not folder.startswith("/etc/"):
            names = ", ".join(path.rpartition("/")[2] for path in modules)
            size = sum(scene.size(path) for path in modules)
            yield Offer(f"p11-kit's modules ({names})", Setting("plugins", f"{folder}/*.so"), KIND, size)


def _bundle(scene: Scene, user: TreePath | None) -> Iterator[Finding]:
    path = next((path for path in BUNDLES if views.place(scene.view, path) is not None), None)
    if path is None:
        yield FinderWarning(
            "there are no certificates of authorities here: no TLS server can be trusted in the image", KIND
        )
    elif user is not None:
        yield NeededFile(path, user, f"{user} (the certificates that it trusts)", KIND, "possible")


def _offered(scene: Scene, static: list[TreePath]) -> Iterator[Offer]:
    """Programs in Go and Rust carry their TLS library, and name the bundles of the common distributions."""
    path = next((path for path in BUNDLES if views.place(scene.view, path) is not None), None)
    for place in static if path and not scene.has(path) else []:
        if rodata.texts(scene, place, _LINKED_IN):
            what = f"{path}, the certificates that {place} looks for when it speaks TLS"
            yield Offer(what, Setting("add", path or ""), KIND, scene.size(path or ""))
