"""`fetch`: download what the recipe needs."""

from fromscratch.cli.call import Call


def fetch(call: Call) -> None:
    from fromscratch.flow import assembly

    assembly.fetch(call.job)
