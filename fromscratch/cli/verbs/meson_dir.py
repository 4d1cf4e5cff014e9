"""`meson-dir`: where the files for Meson lie."""

from fromscratch.cli.call import Call


def meson_dir(call: Call) -> None:
    from fromscratch.host.machine.package_data import shipped

    call.say(str(shipped("integrations") / "meson"))
