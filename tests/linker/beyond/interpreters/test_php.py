"""PHP: the configuration of its interface, the extensions that this loads, and what programs include."""

from fromscratch.linker.beyond.interpreters import php
from tests.linker.beyond.objects import program, system
from tests.linker.beyond.scenes import listing, paths_needed

PHP = {"/usr/bin/php8.2": program(data="/etc/php/8.2/cli\0/usr/lib/php/20220829\0/etc/php/8.2/cli/conf.d")}
MANAGER = {"/usr/sbin/php-fpm8.2": program(data="/etc/php/8.2/fpm\0/usr/lib/php/20220829\0/etc/php/8.2/fpm/conf.d")}
TREE = """
    f 0644 0:0 /etc/php/8.2/cli/php.ini ';extension=none\\nmemory_limit = -1'
    f 0644 0:0 /etc/php/8.2/mods-available/mbstring.ini 'extension=mbstring.so'
    f 0644 0:0 /etc/php/8.2/mods-available/opcache.ini 'zend_extension = opcache'
    l 0777 0:0 /etc/php/8.2/cli/conf.d/20-mbstring.ini -> /etc/php/8.2/mods-available/mbstring.ini
    l 0777 0:0 /etc/php/8.2/cli/conf.d/10-opcache.ini -> /etc/php/8.2/mods-available/opcache.ini
    f 0644 0:0 /usr/lib/php/20220829/mbstring.so '\\x7fELF'
    f 0644 0:0 /usr/lib/php/20220829/opcache.so '\\x7fELF'
    f 0644 0:0 /usr/lib/php/20220829/other.so '\\x7fELF'
    f 0644 0:0 /usr/share/php/Pear.php ''
    f 0644 0:0 /srv/lib/a.php '<?php include "Pear.php";'
    f 0644 0:0 /srv/vendor/autoload.php ''
    f 0644 0:0 /srv/vendor/composer/autoload_psr4.php "return ['App' => [$baseDir . '/src']];"
    f 0644 0:0 /srv/vendor/one/two/src/Two.php ''
    f 0644 0:0 /srv/vendor/one/two/tests/Test.php ''
    f 0644 0:0 /srv/src/App.php ''
    d 0755 0:0 /var/log
    f 0644 0:0 /etc/php/8.2/fpm/php-fpm.conf 'error_log = /var/log/fpm.log\\ninclude=/etc/php/8.2/fpm/pool.d/*.conf'
    f 0644 0:0 /etc/php/8.2/fpm/pool.d/www.conf 'user = www-data'
"""
CONFIGURATION = [
    "/etc/php/8.2/cli/php.ini",
    "/etc/php/8.2/cli/conf.d/10-opcache.ini",
    "/etc/php/8.2/cli/conf.d/20-mbstring.ini",
    "/usr/lib/php/20220829/opcache.so",
    "/usr/lib/php/20220829/mbstring.so",
]


def files_for(code: str) -> list[str]:
    line = f"f 0755 0:0 /srv/app.php {'<?php' + chr(10) + code!r}"
    found = paths_needed(php.find(system(TREE + line, PHP, "/srv/app.php")))
    assert found[: len(CONFIGURATION)] == CONFIGURATION
    return found[len(CONFIGURATION) :]


def test_the_extensions_of_the_scan_directory_are_taken() -> None:
    assert paths_needed(php.find(system(TREE, PHP))) == CONFIGURATION


def test_an_extension_that_is_not_there_is_said() -> None:
    block = TREE + "f 0644 0:0 /etc/php/8.2/cli/conf.d/30-x.ini 'extension=x'"
    assert listing(php.find(system(block, PHP))).splitlines()[-1] == (
        "warning php /etc/php/8.2/cli/conf.d/30-x.ini loads the extension x, which is not in /usr/lib/php/20220829"
    )


def test_the_process_manager_takes_its_pools_and_the_folders_it_writes_to() -> None:
    found = list(php.find(system(TREE, MANAGER)))
    assert listing(found).splitlines()[-1] == (
        "warning php the pools of /etc/php/8.2/fpm/php-fpm.conf run as www-data, whom the image needs in its"
        " /etc/passwd and /etc/group"
    )
    assert paths_needed(found) == [
        "/etc/php/8.2/fpm/php-fpm.conf",
        "/etc/php/8.2/fpm/pool.d/www.conf",
        "/var/log",
    ]


def test_included_files_are_found_beside_the_program_and_in_the_include_path() -> None:
    assert files_for("require_once __DIR__ . '/lib/a.php';") == ["/srv/lib/a.php", "/usr/share/php/Pear.php"]
    assert files_for("include 'lib/a.php'; // include 'x.php'")[0] == "/srv/lib/a.php"


def test_what_composer_installed_is_taken_with_the_folders_that_it_loads_from() -> None:
    assert files_for("require dirname(__FILE__) . '/vendor/autoload.php';") == [
        "/srv/vendor/autoload.php",
        "/srv/vendor/composer/autoload_psr4.php",
        "/srv/vendor/one/two/src/Two.php",
        "/srv/src/App.php",
    ]
