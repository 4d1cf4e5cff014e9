"""The source `buildroot`: root filesystems built from source. `options` is what a recipe says, `source` the flow."""
