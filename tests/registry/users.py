"""Users of the command line: a folder, a home with credentials, images to push, and answers that are failures."""

import json
from pathlib import Path

from fromscratch.host.images.layout import read_layout
from fromscratch.images.oci_layout import OciLayout
from fromscratch.model.image import Image
from tests.cli.command import Answer, Desk
from tests.made_images import at
from tests.registry.registries import Login


def user_in(folder: Path) -> Desk:
    """With a home of its own, so that nothing of this machine's user is read."""
    made = Desk(folder / "desk", folder / "store", {"HOME": str(folder / "home")})
    made.write("fromscratch.yaml", "name: demo\nrootfs: [{overlay: files}]\nimage: {cmd: [/bin/app]}\ncheck: off\n")
    made.write("files/bin/app", "app\n")
    return made


def log_in(user: Desk, host: str, login: Login | None, **more: str) -> None:
    """What docker login leaves; more fields of the entry besides."""
    path = Path(user.variables["HOME"]) / ".docker/config.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"auths": {host: {**({"auth": login.basic} if login else {}), **more}}}))


def pushed_reference(user: Desk, *images: Image) -> str:
    """The images as what --image names."""
    at(OciLayout, user.folder / "image").write(images, "1")
    return f"oci:{user.folder}/image:1"


def layout_at(folder: Path) -> list[Image]:
    return read_layout(folder, verify=True)


def failed(answer: Answer, code: int, *parts: str) -> None:
    """With one message and one hint, and these words in them."""
    assert answer.code == code, answer
    assert "Traceback" not in answer.err
    assert (answer.err.count("error: "), answer.err.count(" hint: ")) == (1, 1), answer.err
    for part in parts:
        assert part in answer.err
