"""Files that belong to a file that is kept, by language and by the habits of the C library."""

import pytest

from fromscratch.formats.trace.events import Trace
from tests.slimming.made import MERGED_USR, chosen, names, opened, trace, tree
from tests.sysroots import program


@pytest.mark.parametrize(
    ("lines", "seen", "also"),
    [
        pytest.param(
            """
            f 0644 0:0 /usr/lib/python3/http/__init__.py
            f 0644 0:0 /usr/lib/python3/http/client.py
            f 0644 0:0 /usr/lib/python3/http/server.py
            f 0644 0:0 /usr/lib/python3/http/__pycache__/__init__.cpython-311.pyc
            f 0644 0:0 /usr/lib/python3/http/__pycache__/client.cpython-311.pyc
            f 0644 0:0 /usr/lib/python3/http/__pycache__/client.cpython-311.opt-1.pyc
            f 0644 0:0 /usr/lib/python3/http/__pycache__/server.cpython-311.pyc
            """,
            opened("/usr/lib/python3/http/__pycache__/client.cpython-311.pyc"),
            {
                "/usr/lib/python3/http/__init__.py",
                "/usr/lib/python3/http/__pycache__/__init__.cpython-311.pyc",
                "/usr/lib/python3/http/__pycache__/client.cpython-311.opt-1.pyc",
                "/usr/lib/python3/http/client.py",
            },
            id="python",
        ),
        pytest.param(
            """
            f 0644 0:0 /usr/lib/python3/x-1.dist-info/METADATA
            f 0644 0:0 /usr/lib/python3/x-1.dist-info/entry_points.txt
            f 0644 0:0 /usr/lib/python3/y-1.dist-info/METADATA
            """,
            opened("/usr/lib/python3/x-1.dist-info/METADATA"),
            {"/usr/lib/python3/x-1.dist-info/entry_points.txt"},
            id="metadata of a Python package",
        ),
        pytest.param(
            """
            f 0644 0:0 /usr/share/perl/5.36/Some/Module.pm
            f 0644 0:0 /usr/share/perl/5.36/auto/Some/Module/autosplit.ix
            f 0644 0:0 /usr/share/perl/5.36/auto/Some/Module/later.al
            f 0644 0:0 /usr/share/perl/5.36/auto/Other/later.al
            """,
            opened("/usr/share/perl/5.36/Some/Module.pm"),
            {
                "/usr/share/perl/5.36/auto/Some/Module/autosplit.ix",
                "/usr/share/perl/5.36/auto/Some/Module/later.al",
            },
            id="perl",
        ),
        pytest.param(
            """
            f 0644 0:0 /var/gems/gems/rack-3.0/lib/rack.rb
            f 0644 0:0 /var/gems/specifications/rack-3.0.gemspec
            f 0644 0:0 /var/gems/specifications/other-1.gemspec
            f 0644 0:0 /var/gems/extensions/x86_64-linux/3.1.0/rack-3.0/gem.build_complete
            """,
            opened("/var/gems/gems/rack-3.0/lib/rack.rb"),
            {
                "/var/gems/extensions/x86_64-linux/3.1.0/rack-3.0/gem.build_complete",
                "/var/gems/specifications/rack-3.0.gemspec",
            },
            id="ruby",
        ),
        pytest.param(
            """
            f 0644 0:0 /app/package.json
            f 0644 0:0 /app/node_modules/express/package.json
            f 0644 0:0 /app/node_modules/express/lib/index.js
            f 0644 0:0 /app/node_modules/other/package.json
            f 0644 0:0 /package.json
            """,
            opened("/app/node_modules/express/lib/index.js"),
            {"/app/node_modules/express/package.json", "/app/package.json"},
            id="node",
        ),
        pytest.param(
            """
            f 0644 0:0 /etc/php/8.2/cli/php.ini
            f 0644 0:0 /etc/php/8.2/cli/conf.d/10-opcache.ini
            l 0777 0:0 /etc/php/8.2/cli/conf.d/20-mbstring.ini -> /etc/php/8.2/mods-available/mbstring.ini
            f 0644 0:0 /etc/php/8.2/mods-available/mbstring.ini
            f 0644 0:0 /etc/php/8.2/fpm/conf.d/10-opcache.ini
            """,
            opened("/etc/php/8.2/cli/php.ini"),
            {
                "/etc/php/8.2/cli/conf.d/10-opcache.ini",
                "/etc/php/8.2/cli/conf.d/20-mbstring.ini",
                "/etc/php/8.2/mods-available/mbstring.ini",
            },
            id="php",
        ),
        pytest.param(
            """
            f 0644 0:0 /usr/lib/locale/C.utf8/LC_CTYPE
            f 0644 0:0 /usr/lib/locale/C.utf8/LC_TIME
            f 0644 0:0 /usr/lib/locale/C.utf8/LC_MESSAGES/SYS_LC_MESSAGES
            f 0644 0:0 /usr/lib/locale/de_DE.utf8/LC_TIME
            """,
            opened("/usr/lib/locale/C.utf8/LC_CTYPE"),
            {"/usr/lib/locale/C.utf8/LC_MESSAGES/SYS_LC_MESSAGES", "/usr/lib/locale/C.utf8/LC_TIME"},
            id="a locale",
        ),
        pytest.param(
            """
            f 0644 0:0 /usr/lib/gconv/UTF-16.so
            f 0644 0:0 /usr/lib/gconv/gconv-modules
            f 0644 0:0 /usr/lib/gconv/gconv-modules.d/extra.conf
            f 0644 0:0 /usr/lib/gconv/BIG5.so
            """,
            opened("/usr/lib/gconv/UTF-16.so"),
            {"/usr/lib/gconv/gconv-modules", "/usr/lib/gconv/gconv-modules.d/extra.conf"},
            id="character sets",
        ),
        pytest.param(
            """
            f 0644 0:0 /etc/ssl/certs/ca-certificates.crt
            l 0777 0:0 /etc/ssl/certs/0a1b2c3d.0 -> /usr/share/ca-certificates/mozilla/One.crt
            l 0777 0:0 /etc/ssl/certs/One.pem -> /usr/share/ca-certificates/mozilla/One.crt
            f 0644 0:0 /usr/share/ca-certificates/mozilla/One.crt
            f 0644 0:0 /usr/share/ca-certificates/mozilla/unused.txt
            """,
            trace(("missing", "/etc/ssl/certs/99999999.0")),
            {
                "/etc/ssl/certs/0a1b2c3d.0",
                "/etc/ssl/certs/One.pem",
                "/etc/ssl/certs/ca-certificates.crt",
                "/usr/share/ca-certificates/mozilla/One.crt",
            },
            id="certificates",
        ),
    ],
)
def test_what_belongs_to_a_used_file_is_kept_too(lines: str, seen: Trace, also: set[str]) -> None:
    found = set(names(chosen(tree(lines), seen)))
    assert found - {event.path for event in seen.events} == also


def test_a_dynamic_program_keeps_what_its_loader_reads() -> None:
    lines = """
        f 0644 0:0 /etc/ld.so.cache
        f 0644 0:0 /etc/ld.so.conf 'include /etc/ld.so.conf.d/*.conf'
        f 0644 0:0 /etc/ld.so.conf.d/local.conf '/usr/local/lib'
    """
    found = names(chosen(tree(lines, {**MERGED_USR, "/usr/bin/app": program()}), trace(("exec", "/usr/bin/app"))))
    assert {"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d/local.conf"} <= set(found)
