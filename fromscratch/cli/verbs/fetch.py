"""`fetch`: download what the recipe needs."""

from fromscratch.cli.call import Call
from fromscratch.cli.parsing.verb import verb


@verb()
def fetch(call: Call) -> None:
    """Download everything the recipe needs into the store: verified, resumed, in parallel."""
    from fromscratch.flow import assembly

    assembly.fetch(call.job)
