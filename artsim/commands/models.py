"""`artsim models`."""

from __future__ import annotations

import sys

from artsim.commands.common import TableOrJson, expected_errors, write_json


def models(
    output_format: TableOrJson = "table",
) -> None:
    """List the encoders: dimension, size, licence, and whether the weights are here."""
    with expected_errors():
        from artsim.encoders.registry import list_cards

        cards = list_cards()
        if output_format == "json":
            write_json([card.listed() for card in cards])
        else:
            from artsim.render.table import print_models

            print_models(cards, sys.stdout)
