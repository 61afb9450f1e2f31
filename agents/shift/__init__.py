"""How far the states a learner comes to are from those it was taught at."""
