"""Small markets with an expert each, graded by what makes imitation hard in them."""
