"""Erlang and Elixir: the root folder, the applications that are used, and releases."""

from fromscratch.linker.beyond.interpreters import erlang
from fromscratch.linker.beyond.interpreters.loading import SMALL
from tests.linker.beyond.scenes import listing, paths_needed, scene

HOME = "/usr/lib/erlang"
TREE = f"""
    f 0755 0:0 {HOME}/bin/erl ''
    l 0777 0:0 /usr/bin/erl -> {HOME}/bin/erl
    f 0644 0:0 {HOME}/releases/start_erl.data ''
    f 0644 0:0 {HOME}/bin/start.boot ''
    f 0755 0:0 {HOME}/erts-13.1/bin/erlexec ''
    f 0755 0:0 {HOME}/erts-13.1/bin/dialyzer ''
    f 0644 0:0 {HOME}/lib/kernel-8.5/ebin/kernel.app ''
    f 0644 0:0 {HOME}/lib/stdlib-4.2/ebin/stdlib.app ''
    f 0644 0:0 {HOME}/lib/stdlib-4.10/ebin/stdlib.app ''
    f 0644 0:0 {HOME}/lib/stdlib-4.10/src/lists.erl ''
    f 0644 0:0 {HOME}/lib/ssl-10.8/ebin/ssl.app '{{application, ssl, [{{applications, [kernel, crypto]}}]}}.'
    f 0644 0:0 {HOME}/lib/crypto-5.1/priv/lib/crypto.so {"x" * (SMALL + 1)!r}
    f 0644 0:0 {HOME}/lib/crypto-5.1/ebin/crypto.app ''
"""
ALWAYS = [
    "/usr/bin/erl",
    f"{HOME}/erts-13.1/bin/erlexec",
    f"{HOME}/bin/start.boot",
    f"{HOME}/lib/kernel-8.5/ebin/kernel.app",
    f"{HOME}/lib/stdlib-4.10/ebin/stdlib.app",
]


def test_the_root_folder_is_taken_with_what_is_small_and_large_applications_are_offered() -> None:
    found = list(erlang.find(scene(TREE, "/usr/bin/erl")))
    assert paths_needed(found) == [
        *ALWAYS,
        f"{HOME}/lib/ssl-10.8/ebin/ssl.app",
        f"{HOME}/lib/stdlib-4.2/ebin/stdlib.app",
    ]
    assert listing(found).splitlines()[-1] == f"offer erlang {HOME}/lib/crypto-5.1, an application of Erlang"


def test_an_application_of_the_user_brings_those_that_it_names() -> None:
    own = "f 0644 0:0 /srv/ebin/it.app '{application, it, [{applications, [kernel, stdlib, ssl]}]}.'"
    found = paths_needed(erlang.find(scene(f"{TREE}\n{own}", "/usr/bin/erl", "/srv/ebin")))
    assert f"{HOME}/lib/crypto-5.1/priv/lib/crypto.so" in found


def test_a_release_is_whole() -> None:
    release = """
        f 0755 0:0 /opt/it/bin/it ''
        f 0644 0:0 /opt/it/releases/start_erl.data ''
        f 0644 0:0 /opt/it/releases/1.0/sys.config ''
        f 0644 0:0 /opt/it/lib/it-1.0/ebin/it.beam ''
    """
    assert paths_needed(erlang.find(scene(release, "/opt/it/bin/it"))) == [
        "/opt/it/bin/it",
        "/opt/it/lib/it-1.0/ebin/it.beam",
        "/opt/it/releases/start_erl.data",
        "/opt/it/releases/1.0/sys.config",
    ]


def test_elixir_takes_its_applications_and_erl() -> None:
    elixir = f"""{TREE}
        f 0755 0:0 /usr/lib/elixir/bin/elixir ''
        f 0644 0:0 /usr/lib/elixir/lib/elixir/ebin/elixir.beam ''
        f 0644 0:0 /usr/lib/elixir/lib/elixir/lib/enum.ex ''
    """
    assert paths_needed(erlang.find(scene(elixir, "/usr/lib/elixir/bin/elixir"))) == [
        "/usr/bin/erl",
        "/usr/lib/elixir/lib/elixir/ebin/elixir.beam",
        "/usr/lib/elixir/bin/elixir",
    ]
