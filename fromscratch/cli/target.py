"""Which image a verb is about: the one that is named, else the recipe's build."""

from fromscratch.cli.call import Call
from fromscratch.naming import Found


def target(call: Call, name: str | None) -> Found:
    """Raises UsageError and NotFetched."""
    from fromscratch import assembly, naming

    if name:
        return naming.find(name, call.store, call.platforms)
    job = call.job
    assembly.need_built(job)
    return naming.in_build(job.output, job.platforms)
