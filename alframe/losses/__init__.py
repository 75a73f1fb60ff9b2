"""What a good embedding is: criteria that fine-tune a backbone."""
