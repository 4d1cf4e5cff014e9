"""Texts that name settings and commands: neutral as they stand, and spelled as whoever shows them does it."""

from fromscratch.advice import Command, Setting, advice, spelled
from fromscratch.errors import ImageError

PACK = Command(("fetch", "pack"), (Setting("to", "tar"), Setting("output", "x.tar")))


def shouted(part: Setting | Command) -> str:
    return str(part).upper()


def test_text_names_settings_and_commands_neutrally() -> None:
    text = advice("set ", Setting("max_expanded", "200G"), " or ", Setting("plain_http"), ", and run ", PACK)
    assert text == "set max_expanded=200G or plain_http, and run fetch, pack(to=tar, output=x.tar)"


def test_each_setting_and_command_is_spelled_by_the_one_who_shows_it() -> None:
    assert spelled(advice("say ", Setting("via", "load"), " to ", PACK), shouted) == (
        "say VIA=LOAD to FETCH, PACK(TO=TAR, OUTPUT=X.TAR)"
    )
    assert spelled("via=load", shouted) == "via=load"


def test_advice_within_advice_keeps_its_settings() -> None:
    assert spelled(advice(advice("say ", Setting("tag")), "; or go"), shouted) == "say TAG; or go"


def test_errors_keep_the_settings_and_conceal_secrets_between_and_in_them() -> None:
    secret = "https://me:s3cret@example.org/x"
    hint = advice(f"not {secret} but ", Setting("archive", secret), Command(("fetch",), (Setting("from", secret),)))
    error = ImageError("it failed", hint)
    assert "s3cret" not in error.hint
    assert "s3cret" not in spelled(error.hint, repr)
    assert spelled(error.hint, shouted).startswith("not https://")
    assert "ARCHIVE=HTTPS://" in spelled(error.hint, shouted)
