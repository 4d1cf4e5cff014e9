"""Programs that ask Portage itself: its own Python runs them in the sandbox, so they import nothing of ours."""
