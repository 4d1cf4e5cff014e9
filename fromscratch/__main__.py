"""`python -m fromscratch`: the command where no script is installed."""

from fromscratch.cli.quick import main

if __name__ == "__main__":
    main()
