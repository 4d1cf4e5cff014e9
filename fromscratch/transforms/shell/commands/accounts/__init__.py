"""Commands that make and change users and groups, in the account files of a tree."""
