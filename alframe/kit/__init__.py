"""What parts share, and what a plugin may use: public, and versioned with the contracts."""
