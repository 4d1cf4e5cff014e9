"""Twenty images of Debian packages, each with a recipe and its checks.
