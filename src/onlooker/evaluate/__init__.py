"""When it speaks, what it says, and that it keeps silent: truth, scores, rewards, baselines."""
