"""Finder for PHP: the configuration of its interface (SAPI), the extensions that this loads, and what programs include.

Follows the manual of PHP, "The configuration file" (php.ini, the scan directory), "extension_dir", and what composer
writes to vendor/composer.
"""

import re
from collections.abc import Iterator

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Finding, Scene
from fromscratch.linker.beyond.interpreters.loading import Loading, first_file, folders_in_data, is_file, is_folder
from fromscratch.linker.beyond.scripts.shebang import programs_of
from fromscratch.model import view as views
from fromscratch.paths import TreePath, decode

KIND = "php"
_OBJECT = lazy_regex(r"php(-fpm|-cgi|-cli)?[\d.]*|phpdbg[\d.]*|libphp[\d.]*\.so|lsphp[\d.]*")
_READER, _OURS = lazy_regex(r"php(-cgi|-cli)?[\d.]*"), lazy_regex(r"\.(php\d?|phtml|phar|inc)$")
_CONFIGURATION = lazy_regex(rb"(?<=\0)(/[!-~]{0,200}(?:/php|/etc)[!-~]{0,100})(?=\0)")
_EXTENSIONS = lazy_regex(rb"(?<=\0)(/[!-~]{1,200}/(?:20\d{6}|no-debug-n?o?n?-?zts-20\d{6}|modules))(?=\0)")
_ZONES = lazy_regex(rb"(?<=\0)(/[!-~]{1,200}/zoneinfo)/zone\.tab(?=\0)")
_SETTING = lazy_regex(
    r"(?m)^[ \t]*(extension|zend_extension|extension_dir|include_path)[ \t]*=[ \t]*\"?([^\"\n;]{1,300})"
)
_WRITTEN = lazy_regex(r"(?m)^[ \t]*(?:error_log|pid|listen|slowlog|access\.log)[ \t]*=[ \t]*(/[^\s;]{1,300})/[^\s;/]+")
_USER = lazy_regex(r"(?m)^[ \t]*user[ \t]*=[ \t]*([a-z_][\w-]{0,31})")
_INCLUDED_CONFIGURATION = lazy_regex(r"(?m)^[ \t]*include[ \t]*=[ \t]*([^\s;]{1,300})")
_COMMENT = lazy_regex(r"/\*.*?\*/|(?m:^[ \t]*(?://|#)[^\n]*)")
_INCLUDE = lazy_regex(
    r"""\b(?:require|include)(?:_once)?\b\s*\(?\s*(?P<here>(?:__DIR__|dirname\(\s*__FILE__\s*\))\s*\.\s*)?(?P<q>["'])(?P<path>[^"'$\n]{1,300})(?P=q)"""
)
_BASE_FOLDER = lazy_regex(r"""\$baseDir\s*\.\s*'(/[^'\n]{0,200})'""")
_SPARED = r"\.git|tests?|Tests?|docs?|examples?"


def find(scene: Scene) -> Iterator[Finding]:
    """The configuration and the extensions of each interface of PHP, and what the programs include."""
    found = [place for place in scene.objects if _OBJECT.fullmatch(paths.name(place))]
    include_path: list[str] = []
    for place in found:
        loading = Loading(scene, place, KIND)
        include_path += _configured(loading, _settings(loading))
        yield from loading.findings()
    if found:
        loading = Loading(scene, found[0], KIND)
        _include(loading, list(programs_of(scene, _READER, _OURS)), include_path)
        yield from loading.findings()


def _settings(loading: Loading) -> list[tuple[str, str, str]]:
    """The settings of the configuration that name files, each with the file that has it; takes that configuration."""
    scene, place = loading.scene, loading.interpreter
    if zones := folders_in_data(scene, place, _ZONES):  # Debian's PHP has no database of its own
        loading.need_folder(zones[0], place, "time zones", spared=r"posix|right|.*\.list|leapseconds")
    inis: list[str] = []
    for folder in folders_in_data(scene, place, _CONFIGURATION):
        if folder.endswith(("/conf.d", "/php.d")):
            inis += views.glob(scene.view, f"{folder}/*.ini")
        else:
            inis += [path for path in (f"{folder}/php.ini",) if is_file(scene, path)]
            if "fpm" in paths.name(place):
                _manager(loading, f"{folder}/php-fpm.conf")
    found = []
    for path in dict.fromkeys(inis):
        loading.need(path, place, "its configuration")
        found += [(key, value.strip(), path) for key, value in _SETTING.findall(decode(scene.read(path) or b""))]
    return found


def _manager(loading: Loading, path: str) -> None:
    """The configuration of php-fpm, with the pools that it includes."""
    loading.need(path, loading.interpreter, "its configuration")
    text = decode(loading.scene.read(path) or b"")
    for pattern in _INCLUDED_CONFIGURATION.findall(text):
        for pool in views.glob(loading.scene.view, pattern) if pattern.startswith("/") else ():
            loading.need(pool, path, f"include={pattern}")
            text += "\n" + decode(loading.scene.read(pool) or b"")
    for user in dict.fromkeys(_USER.findall(text)):
        if not loading.scene.has("/etc/passwd"):
            loading.warn(f"the pools of {path} run as {user}, whom the image needs in its /etc/passwd and /etc/group")
    for folder in dict.fromkeys(_WRITTEN.findall(text)):
        loading.need_empty(folder, path, "where it writes")


def _configured(loading: Loading, settings: list[tuple[str, str, str]]) -> list[str]:
    """Take the extensions; returns the include_path."""
    scene, place = loading.scene, loading.interpreter
    folders = [value for key, value, _ in settings if key == "extension_dir" and value.startswith("/")]
    folders += folders_in_data(scene, place, _EXTENSIONS)
    for key, value, ini in settings:
        if key in ("extension", "zend_extension"):
            spelled = (
                [value]
                if value.startswith("/")
                else [f"{each}/{value}{end}" for each in folders for end in ("", ".so")]
            )
            library = first_file(scene, (*spelled, *(f"{each}/php_{value}.so" for each in folders)))
            if library is None:
                loading.warn(f"{ini} loads the extension {value}, which is not in {':'.join(folders) or 'any folder'}")
            else:
                loading.need(library, ini, f"{key}={value}")
    chosen = [value for key, value, _ in settings if key == "include_path"]
    return [each for each in (chosen[-1] if chosen else "/usr/share/php").split(":") if each.startswith("/")]


def _include(loading: Loading, programs: list[TreePath], include_path: list[str]) -> None:
    pending = [str(each) for each in programs]
    while pending:
        file = pending.pop(0)
        folder = file.rpartition("/")[0]
        text = _COMMENT.sub("", decode(loading.scene.read(file) or b""))
        for match in _INCLUDE.finditer(text):
            path = match["path"]
            if match["here"] or path.startswith(("./", "../")):
                candidates = [f"{folder}/{path.lstrip('/') if match['here'] else path}"]
            else:
                candidates = [path] if path.startswith("/") else [f"{each}/{path}" for each in (folder, *include_path)]
            found = first_file(loading.scene, candidates)
            if found and re.search(r"/vendor/autoload\.php$", found):
                pending += _composer(loading, found.removesuffix("/autoload.php"), file)
            elif found and loading.need(found, file, f"include {path}"):
                pending.append(found)
            elif not found and file in programs and "://" not in path:
                loading.warn(f"{file} includes {path}, which is not there")


def _composer(loading: Loading, vendor: str, by: str) -> list[str]:
    """All that composer installed, and the folders of the project that its autoloader looks through."""
    scene = loading.scene
    if not loading.need(f"{vendor}/autoload.php", by, "composer's autoloader"):
        return []
    loading.need_folder(vendor, by, "what composer installed", spared=_SPARED)
    base = vendor.rpartition("/")[0]
    fresh: list[str] = []
    for name in ("autoload_psr4", "autoload_namespaces", "autoload_classmap", "autoload_files"):
        for inner in _BASE_FOLDER.findall(decode(scene.read(f"{vendor}/composer/{name}.php") or b"")):
            path = f"{base}{inner}"
            if is_file(scene, path):
                fresh += [path] if loading.need(path, vendor, "composer's autoloader") else []
            elif is_folder(scene, path) and inner.strip("/"):
                fresh += loading.need_folder(path, vendor, "composer's autoloader")
    return [path for path in fresh if path.endswith(".php")]
