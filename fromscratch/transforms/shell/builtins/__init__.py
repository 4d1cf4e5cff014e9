"""The commands that are part of a shell: XCU 2.15, and those of XCU 4 that every shell has built in."""
