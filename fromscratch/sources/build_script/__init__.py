"""Source `build_script`: programs that the recipe's own commands build, in a clean folder without network."""
