"""Tree to tree, without side effects: trimming, accounts, overlays, division into layers."""
