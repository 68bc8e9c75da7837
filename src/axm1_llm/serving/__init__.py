"""From what a client wants, free of any dialect, to prompts for the scheduler, and back."""
