"""The records of pacman."""

from fromscratch.formats.arch import installed
from fromscratch.formats.databases.catalogue import records
from fromscratch.formats.databases.pacman import Pacman
from fromscratch.formats.installed import Package
from tests.trees import listed, tree

DESC = b"%NAME%\napp\n\n%VERSION%\n1:2.0-3\n\n%ARCH%\nx86_64\n\n%DEPENDS%\nlib\nsh\n\n"
FILES = b"%FILES%\nusr/\nusr/bin/\nusr/bin/app\netc/app.conf\n\n%BACKUP%\netc/app.conf\t0123\n\n"
APP = Package("pacman", "app", "1:2.0-3", "x86_64")


def test_a_package_and_its_files() -> None:
    assert installed.package(DESC) == APP
    assert installed.contents(FILES) == ("/usr", "/usr/bin", "/usr/bin/app", "/etc/app.conf")


def test_what_is_no_record_is_no_package() -> None:
    for raw in (b"", b"%NAME%\n\n%VERSION%\n1\n", b"%NAME%\napp\n", b"\xff\xfe\0%%%%\n"):
        assert installed.package(raw) is None


def test_a_cut_record_lists_what_remains_and_keeps_the_rest() -> None:
    assert installed.cut(FILES, {"/usr", "/etc/app.conf"}.__contains__) == (
        b"%FILES%\nusr/\netc/app.conf\n\n%BACKUP%\netc/app.conf\t0123\n\n"
    )


def test_in_a_tree() -> None:
    made = tree(f"""
        f 0644 0:0 /var/lib/pacman/local/ALPM_DB_VERSION '9'
        f 0644 0:0 /var/lib/pacman/local/app-1:2.0-3/desc {DESC!r}
        f 0644 0:0 /var/lib/pacman/local/app-1:2.0-3/files {FILES!r}
        f 0644 0:0 /var/lib/pacman/local/app-1:2.0-3/mtree 'x'
    """)
    [one] = records(made).installed
    assert (one.package, one.files[-1]) == (APP, "/etc/app.conf")
    cut = Pacman(made).cut({APP}, lambda path: path == "/usr/bin/app")
    assert sorted(cut) == ["/var/lib/pacman/local/app-1:2.0-3/desc", "/var/lib/pacman/local/app-1:2.0-3/files"]
    assert Pacman(made).cut(set(), lambda path: True) == {}
    assert "app-1:2.0-3" in listed(made)
