"""Unit files, read as systemd.syntax(7) says."""

import pytest

from fromscratch.formats.systemd_unit import Command, Folder, Service, parse, service, split


def read(text: str, name: str = "web", *drop_ins: str) -> Service:
    return service(name, parse(text, *drop_ins))


def test_a_service() -> None:
    assert read(
        r"""
        [Unit]
        User=not-here
        [Service]
        # comment
        Type=forking
        User=www
        Group=adm
        Environment="A=1 2" B=%t/x
        EnvironmentFile=-/etc/default/web
        WorkingDirectory=-/srv
        PIDFile=/run/web.pid
        ExecStartPre=+-/bin/mkdir -p /run/web
        ExecStart=/usr/sbin/web --a \
            ; a comment between
            --b 'x y'
        RuntimeDirectory=web web/inner
        RuntimeDirectoryMode=2750
        StateDirectory=web:old
        ConfigurationDirectory=web
        """
    ) == Service(
        name="web",
        type="forking",
        user="www",
        group="adm",
        environment={"A": "1 2", "B": "/run/x"},
        environment_files=("-/etc/default/web",),
        working_folder="/srv",
        pid_file="/run/web.pid",
        before=(Command(("/bin/mkdir", "-p", "/run/web"), may_fail=True, as_root=True),),
        commands=(Command(("/usr/sbin/web", "--a", "--b", "x y")),),
        folders=(
            Folder("RuntimeDirectory", "/run/web", 0o2750),
            Folder("RuntimeDirectory", "/run/web/inner", 0o2750),
            Folder("StateDirectory", "/var/lib/web", link="/var/lib/old"),
            Folder("ConfigurationDirectory", "/etc/web"),
        ),
    )


def test_a_drop_in_adds_and_an_empty_value_forgets() -> None:
    found = read("[Service]\nExecStart=/a\nUser=one", "web", "[Service]\nExecStart=\nExecStart=/b\nUser=two")
    assert (found.commands, found.user) == ((Command(("/b",)),), "two")


def test_what_only_an_instance_knows_is_not_given() -> None:
    found = read("[Service]\nUser=www-%i\nRuntimeDirectory=a b-%i\nStateDirectory=%p\nExecStart=/x %i", "web@")
    assert (found.user, found.commands) == ("", ())
    assert [folder.path for folder in found.folders] == ["/var/lib/web"]


def test_an_instance_knows_its_name() -> None:
    assert read("[Service]\nExecStart=/x %i %n 100%%", "web@one").commands[0].words == (
        "/x",
        "one",
        "web@one.service",
        "100%",
    )


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("@/usr/bin/x name arg", [Command(("/usr/bin/x", "arg"))]),
        ("/a b ; /c d", [Command(("/a", "b")), Command(("/c", "d"))]),
        ("!!/a", [Command(("/a",), as_root=True)]),
        (r"/a b\ c \x41 '\'' ${X} $Y", [Command(("/a", r"b\ c", "A", "'", "${X}", "$Y"))]),
        ("-/a 'no end", [Command(("/a", "no", "end"), may_fail=True)]),
    ],
)
def test_commands(line: str, commands: list[Command]) -> None:
    assert read(f"[Service]\nExecStart={line}").commands == tuple(commands)


@pytest.mark.parametrize("word", ["..", "a/../b", "/a", "a//b"])
def test_a_folder_outside_its_place_is_none(word: str) -> None:
    assert read(f"[Service]\nRuntimeDirectory={word}").folders == ()


def test_words_are_split_with_quotes_inside() -> None:
    assert split("""a="b c" 'd "e"' f'g'h""") == ["a=b c", 'd "e"', "fgh"]
