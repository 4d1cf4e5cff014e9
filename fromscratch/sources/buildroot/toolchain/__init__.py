"""The compiler that Buildroot uses: its own, a downloaded one, or this machine's."""
