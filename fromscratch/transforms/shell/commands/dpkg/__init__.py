"""dpkg and its companions: what is installed, diversions, overridden owners and modes, triggers."""
