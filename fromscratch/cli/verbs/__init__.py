"""One module, or one folder, for each verb, named as the verb, and the catalogue of them all."""
