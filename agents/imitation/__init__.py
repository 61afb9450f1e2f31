"""Learning from an expert: demonstrations, rollouts, behavioural cloning, DAgger."""
