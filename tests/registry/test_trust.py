"""Where authorities of a registry are looked for."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from fromscratch.host.registry.access import Access
from fromscratch.host.registry.trust import trust


@pytest.fixture(params=["docker", "docker/certs.d", "docker/certs.d/r.example"])
def configuration(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder of configuration of which a part is closed, looked into as an ordinary user, whom file modes bind."""
    folder = Path(mkdtemp(prefix="ordinary"))
    for kind in ("containers", "docker"):
        place = folder / kind / "certs.d/r.example"
        place.mkdir(parents=True)
        (place / "ca.crt").touch()
    folder.chmod(0o755)
    (folder / request.param).chmod(0)
    if os.getuid() == 0:
        os.seteuid(65534)
    yield folder
    os.seteuid(os.getuid())
    (folder / request.param).chmod(0o755)
    shutil.rmtree(folder)


def test_a_folder_that_is_closed_to_us_says_nothing_of_any_registry(configuration: Path) -> None:
    found = trust("r.example", Access(environment={"XDG_CONFIG_HOME": str(configuration)}))
    assert found.authorities == (configuration / "containers/certs.d/r.example/ca.crt",)
