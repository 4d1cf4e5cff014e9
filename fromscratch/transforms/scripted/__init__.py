"""What scripts of packages would have made, made natively: applets, authorities, accounts, folders. Nothing is run."""
