"""What a number of purchases costs on AWS: the counts of one purchase times the public prices of one day."""
