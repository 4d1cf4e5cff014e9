"""The source `debian`: a tree out of signed packages. `options` is what a recipe says, `source` the flow."""
