"""What a network is for: train, evaluate, predict, generate; runs on disk."""
