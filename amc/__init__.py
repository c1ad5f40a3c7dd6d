"""AnimalMotionCLIP."""
