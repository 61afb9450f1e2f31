"""Agents that learn while they trade: recurrent reinforcement learners, their baselines, and the gate they share."""
