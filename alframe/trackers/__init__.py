"""Records of how a run goes: for the eye and for other programs."""
