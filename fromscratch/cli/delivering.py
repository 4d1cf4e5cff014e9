"""The verbs that bring an image to where it runs: import, pack, run."""

from invoke.exceptions import Exit

from fromscratch.cli.call import Call
from fromscratch.cli.verb import verb


@verb(operand="image", help={"image": "another image than the recipe's build"})
def run(call: Call, image: str | None = None) -> None:
    """Start the image here: with an engine if one answers, else in a private root. Words after -- replace its cmd."""
    from fromscratch.cli.target import target
    from fromscratch.host.private_root import run_in_private_root

    found = target(call, image)
    made = found.need_image()
    code = run_in_private_root(
        found.tree(call.store), made.config, call.words, workdir=call.store.root / "run", platform=made.platform
    )
    if code:
        raise Exit(code=code)
