"""`python -m fromscratch`: the command where no script is installed."""

from fromscratch.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
