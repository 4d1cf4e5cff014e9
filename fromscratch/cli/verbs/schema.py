"""`schema`: print the JSON Schema of recipes."""

from fromscratch.cli.call import Call


def schema(call: Call) -> None:
    from fromscratch.recipe import schema as recipe

    call.result(recipe.schema(), "", True)
