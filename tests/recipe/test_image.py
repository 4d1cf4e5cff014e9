"""What a recipe says of the configuration, over that of the image that its tree is based on."""

from typing import Any

import msgspec
import pytest

from fromscratch.model.image import Healthcheck, RunConfig
from fromscratch.recipe.image import ImageOptions

BASE = RunConfig(
    user="65532",
    exposed_ports=("80/tcp",),
    env={"PATH": "/usr/bin", "LANG": "C"},
    entrypoint=("/init",),
    cmd=("--serve",),
    volumes=("/data",),
    working_dir="/srv",
    labels={"vendor": "they", "tier": "base"},
    stop_signal="SIGINT",
    healthcheck=Healthcheck(test=("CMD", "/check")),
    stop_timeout=5,
    shell=("/bin/bash", "-c"),
    on_build=("RUN make",),
)


def over_base(**options: Any) -> RunConfig:
    return msgspec.convert(options, ImageOptions).run_config(BASE)


def test_a_base_stays_as_it_is_but_for_its_triggers() -> None:
    assert over_base() == msgspec.structs.replace(BASE, on_build=())


@pytest.mark.parametrize(
    ("options", "entrypoint", "cmd"),
    [
        ({"cmd": ["--help"]}, ("/init",), ("--help",)),
        ({"cmd": []}, ("/init",), ()),
        ({"entrypoint": ["/app"]}, ("/app",), ()),
        ({"entrypoint": ["/app"], "cmd": ["-v"]}, ("/app",), ("-v",)),
        ({"entrypoint": []}, (), ()),
        ({"entrypoint": [], "cmd": ["/bin/sh"]}, (), ("/bin/sh",)),
    ],
)
def test_an_entry_point_takes_the_command_of_the_base_away(
    options: dict[str, Any], entrypoint: tuple[str, ...], cmd: tuple[str, ...]
) -> None:
    made = over_base(**options)
    assert (made.entrypoint, made.cmd) == (entrypoint, cmd)


def test_variables_labels_ports_and_volumes_are_added_and_the_rest_is_replaced() -> None:
    made = over_base(
        user="app",
        env={"LANG": "C.UTF-8", "HOME": "/home/app"},
        labels={"vendor": "we"},
        ports=["80", "443"],
        volumes=["/cache"],
        workdir="/app",
        stop_signal="SIGTERM",
        healthcheck={"test": ["NONE"]},
    )
    assert made == msgspec.structs.replace(
        BASE,
        user="app",
        env={"PATH": "/usr/bin", "LANG": "C.UTF-8", "HOME": "/home/app"},
        labels={"vendor": "we", "tier": "base"},
        exposed_ports=("80/tcp", "443/tcp"),
        volumes=("/data", "/cache"),
        working_dir="/app",
        stop_signal="SIGTERM",
        healthcheck=Healthcheck(test=("NONE",)),
        on_build=(),
    )


def test_without_a_base_an_image_says_what_its_recipe_says() -> None:
    assert ImageOptions().run_config() == RunConfig()
