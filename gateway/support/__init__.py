"""What each platform does, and what a model is on each: told from data, nobody is asked."""
