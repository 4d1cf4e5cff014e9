"""One module a verb, named as the verb, and the catalogue of them all."""
