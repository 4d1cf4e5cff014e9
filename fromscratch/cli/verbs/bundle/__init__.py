"""`bundle`: the verb, the image that it makes, and how its options become a recipe and a destination."""
