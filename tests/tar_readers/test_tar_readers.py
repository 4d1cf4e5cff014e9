"""A sample of what `python -m tests.tar_readers` does for as long as one likes."""

from pathlib import Path

import pytest

from fromscratch.host.engines.contract import Engine
from tests.engines import docker, need, need_root, podman
from tests.tar_readers.cases import case
from tests.tar_readers.comparison import Comparison
from tests.tar_readers.readers import of_docker, of_podman, of_umoci

__all__ = ["docker", "podman"]

pytestmark = [pytest.mark.slow, pytest.mark.engine]


def test_engines_and_tars_read_headers_as_we_do(docker: Engine, podman: Engine, tmp_path: Path) -> None:
    need_root("unpacking with owners")
    for program in ("umoci", "tar", "bsdtar"):
        need(program)
    engines = {"docker": of_docker(docker), "podman": of_podman(podman), "umoci": of_umoci}
    comparison = Comparison(engines, tmp_path)
    for first in range(0, 600, 300):
        comparison.take(map(case, range(first, first + 300)))
    assert comparison.differences == []
    assert comparison.counts["refused by us"] < comparison.counts["cases"] / 2
    assert comparison.counts["read by GNU tar and bsdtar too"] > 20
