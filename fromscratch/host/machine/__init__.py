"""What this machine has: its folders as roots, its package sources, its git, its verifiers of signatures."""
