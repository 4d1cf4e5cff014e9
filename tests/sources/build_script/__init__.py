"""Programs that the recipe's own commands build."""
