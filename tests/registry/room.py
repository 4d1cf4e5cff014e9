"""What `push` does to registries that are not on a loopback address; run in a network of its own, which it sets up.

The last line of its output is JSON: for each case the exit code, what was said, and how many requests arrived.
"""

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from fromscratch.images.oci_layout import OciLayout
from tests.cli.command import Desk
from tests.engines import need
from tests.made_images import at
from tests.registry import proxy as proxies
from tests.registry import registries
from tests.registry import tokens as token_servers
from tests.registry.authority import Authority
from tests.registry.conftest import LOGIN
from tests.registry.pictures import picture
from tests.registry.tokens import TokenServer

ADDRESS = "192.0.2.1"  # RFC 5737: for examples


def main(folder: Path, authority: Authority) -> dict[str, Any]:
    subprocess.run([need("ip"), "link", "set", "lo", "up"], check=True)
    subprocess.run([need("ip"), "address", "add", f"{ADDRESS}/32", "dev", "lo"], check=True)
    user = Desk(folder / "desk", folder / "store", {"HOME": str(folder / "home")})
    user.folder.mkdir()
    at(OciLayout, user.folder / "image").write([picture(1000)], "1")
    found: dict[str, Any] = {}

    def push(case: str, host: str, arrived: list[Any], *flags: str) -> None:
        config = folder / "home/.docker/config.json"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(json.dumps({"auths": {host: {"auth": LOGIN.basic}}}))
        answer = user.call("push", f"{host}/hello:1", "--image", f"oci:{user.folder}/image:1", *flags)
        found[case] = {"code": answer.code, "err": answer.err, "requests": len(arrived)}

    with contextlib.ExitStack() as stack:
        registry = stack.enter_context(registries.running(folder / "open", login=LOGIN))
        proxy = stack.enter_context(proxies.running(registry.host, address=ADDRESS))
        push("without the flag", proxy.host, proxy.seen)
        push("with the flag", proxy.host, proxy.seen, "--plain-http")
        push("loopback", registry.host, [])
        tokens = stack.enter_context(token_servers.running(authority.pair("room-tokens"), address=ADDRESS))
        tls = authority.pair("room", f"IP:{ADDRESS}")
        bundle = authority.certificate
        secure = registries.running(
            folder / "secure", tls=(authority, tls), tokens=(in_the_clear(tokens), bundle), address=ADDRESS
        )
        push("a realm in the clear", stack.enter_context(secure).host, tokens.asked, "--ca", str(bundle))
    return found


def in_the_clear(tokens: TokenServer) -> TokenServer:
    assert tokens.url.startswith(f"http://{ADDRESS}:")
    return tokens


if __name__ == "__main__":
    place = Path(sys.argv[2])
    print(json.dumps(main(Path(sys.argv[1]), Authority(place, place / "ca.key", place / "ca.pem"))))
