"""skopeo as the other client of a registry."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.engines import need
from tests.registry.registries import Registry


def skopeo(folder: Path, registry: Registry, verb: str, *words: str, host: str = "", before: Sequence[str] = ()) -> str:
    """What it answers to `copy` or `inspect`.

    `{}` in the words is the registry's HOST:PORT, or that of a proxy before it; skopeo knows what it asks for.
    `before` stands before the verb.
    """
    account = folder / "skopeo.json"
    logins = {host or registry.host: {"auth": registry.login.basic}} if registry.login else {}
    account.write_text(json.dumps({"auths": logins}))
    trusted = folder / "certificates"
    trusted.mkdir(exist_ok=True)
    if registry.ca:
        (trusted / "ca.crt").write_bytes(registry.ca.read_bytes())
    flags = [f"--authfile={account}"]
    for side in ("src-", "dest-") if verb == "copy" else ("",):
        flags.append(f"--{side}cert-dir={trusted}")
        if not registry.ca:
            flags.append(f"--{side}tls-verify=false")
    argv = [need("skopeo"), "--insecure-policy", *before, verb, *(["-q"] if verb == "copy" else []), *flags]
    argv += [word.replace("{}", host or registry.host) for word in words]
    made = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return made.stdout
