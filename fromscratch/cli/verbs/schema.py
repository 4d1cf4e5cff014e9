"""`schema`: print the JSON Schema of recipes."""

from fromscratch.cli.call import Call
from fromscratch.cli.parsing.verb import verb


@verb(without=("recipe", "store_dir", "platform", "output"))
def schema(call: Call) -> None:
    """Print the JSON Schema of recipes, for editors and other programs."""
    from fromscratch.recipe import schema as recipe

    call.result(recipe.schema(), "", True)
