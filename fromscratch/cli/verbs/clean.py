"""`clean`: remove what build wrote."""

from fromscratch.cli.call import Call


def clean(call: Call, *, store: bool) -> None:
    from fromscratch.flow.output import remove

    output = call.job.output
    others = remove(output, call.progress)
    if others is None:
        call.note(f"there is no build in {output}")
    else:
        call.say(f"removed {output}" if not others else f"removed the build in {output}, and left what else is there")
    if store:
        call.store.clear()
        call.say(f"removed {call.store.root}")
