"""The sample in each form, and the engines that read it."""

import pytest

from tests.agreement import sample
from tests.agreement.sample import Sample
from tests.engines import buildah, containerd, docker, podman

__all__ = ["buildah", "containerd", "docker", "podman"]


@pytest.fixture(scope="session", params=sample.CODECS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return sample.made_in(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="session")
def gzipped(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return sample.made_in(tmp_path_factory.mktemp("sample"), "gzip")
