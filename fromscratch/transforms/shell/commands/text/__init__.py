"""Commands that read text and print other text: grep, cut, sort and the like; `sed` is a folder of its own."""
