"""What finders offer and did not take, as an answer for a program lists it."""

from collections.abc import Iterable
from typing import Any

from fromscratch.cli.output.settings import option
from fromscratch.linker.beyond.contract import Offer


def offer_facts(offers: Iterable[Offer]) -> list[dict[str, Any]]:
    """For each offer what it is, the option that takes it, its bytes, and how likely it is needed."""
    return [
        {"what": each.what, "option": option(each.setting), "size": each.size, "confidence": each.confidence}
        for each in offers
    ]
