"""DAgger of the library `imitation` (Gleave et al. 2022) in the position-feedback world, on given markets.

    python imitation_job.py --markets markets.npz --rounds 10 --rollouts 6 --epochs 15

Prints what its expert earns on the first market, so that the caller can see that both play the same game, in one
JSON line. The environments are stepped together, so that the policy is asked about all of them at once; the network is
as large, and fitted with as many epochs and as large batches, as the other side's. One thread.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from importlib.metadata import version
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from imitation.algorithms import bc
from imitation.algorithms.dagger import ExponentialBetaSchedule, SimpleDAggerTrainer
from imitation.policies.base import NonTrainablePolicy
from imitation.util import logger as imitation_logger
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import DummyVecEnv

COST = 0.1


class PositionFeedback(gym.Env):  # type: ignore[type-arg]
    """The world: signal, position, unrealised PnL, age, cool-down; actions 0, 1, 2 stand for -1, 0, 1."""

    def __init__(self, signals: Any, moves: Any) -> None:
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (5,), np.float64)
        self.action_space = gym.spaces.Discrete(3)
        self.signals, self.moves, self.market = signals, moves, -1

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        self.market = (self.market + 1) % len(self.signals)
        self.signal, self.move = self.signals[self.market].tolist(), self.moves[self.market].tolist()
        self.at = self.position = self.age = self.rest = 0
        self.moved = 0.0
        return self._seen(), {}

    def _seen(self) -> Any:
        return np.array([self.signal[self.at], self.position, self.moved, self.age / 40.0, self.rest / 10.0])

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        wanted, reward = int(action) - 1, 0.0
        if wanted != self.position:
            reward -= COST * abs(wanted - self.position)
            if wanted == 0:
                self.rest = 10
            self.moved, self.age = 0.0, 0
        if wanted != 0:
            self.age += 1
        self.rest, self.position = max(0, self.rest - 1), wanted
        earned = wanted * self.move[self.at]
        self.moved += earned
        self.at += 1
        done = self.at >= len(self.move)
        if done:
            self.at -= 1
        return self._seen(), reward + earned, False, done, {}


class Expert(NonTrainablePolicy):
    """Hysteresis, stop, time stop and cool-down."""

    def _choose_action(self, obs: Any) -> int:
        signal, position, moved, age, rest = obs.tolist()
        if position == 0.0:
            if rest > 0.0 or abs(signal) <= 1.0:
                return 1
            return 2 if signal > 0.0 else 0
        if moved < -2.0 or age >= 1.0 or position * signal < -0.2:
            return 1
        return int(position) + 1


def play(env: PositionFeedback, policy: Any, expert: Expert) -> tuple[float, float]:
    """PnL of one episode, and the share of steps at which the policy does not do what the expert would."""
    seen, _ = env.reset()
    pnl, wrong, done = 0.0, 0, False
    while not done:
        action = int(policy.predict(seen[None], deterministic=True)[0][0])
        wrong += action != expert._choose_action(seen)
        seen, reward, _, done, _ = env.step(action)
        pnl += reward
    return pnl, wrong / len(env.move)


def clocked(learner: bc.BC) -> list[float]:
    """Have every fit of the learner clocked; the list fills with their processor seconds."""
    seconds: list[float] = []
    train = learner.train

    def timed(**given: Any) -> None:
        clock = time.process_time()
        train(**given)
        seconds.append(time.process_time() - clock)

    learner.train = timed
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--markets", required=True)
    for name, value in (("rounds", 10), ("rollouts", 6), ("epochs", 15)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    with np.load(given.markets) as file:
        signals, moves = file["signals"], file["moves"]
    steps = moves.shape[1]
    space = PositionFeedback(signals, moves)
    expert = Expert(space.observation_space, space.action_space)
    shown = play(PositionFeedback(signals, moves), expert, expert)
    torch.set_num_threads(1)
    parts = [(signals[i :: given.rollouts], moves[i :: given.rollouts]) for i in range(given.rollouts)]
    envs = DummyVecEnv([lambda part=part: PositionFeedback(*part) for part in parts])
    rng = np.random.default_rng(0)
    quiet = imitation_logger.configure(tempfile.mkdtemp(), [])
    policy = ActorCriticPolicy(
        space.observation_space, space.action_space, lambda _: 3e-3, net_arch=[32, 32], optimizer_kwargs={"eps": 1e-8}
    )
    learner = bc.BC(
        observation_space=space.observation_space, action_space=space.action_space, rng=rng, policy=policy,
        batch_size=256, optimizer_kwargs={"lr": 3e-3}, custom_logger=quiet, device="cpu",
    )  # fmt: skip
    fits = clocked(learner)
    with tempfile.TemporaryDirectory() as folder:
        trainer = SimpleDAggerTrainer(
            venv=envs, scratch_dir=folder, expert_policy=expert, bc_trainer=learner, rng=rng,
            beta_schedule=ExponentialBetaSchedule(0.5), custom_logger=quiet,
        )  # fmt: skip
        began, clock = time.perf_counter(), time.process_time()
        trainer.train(
            total_timesteps=given.rounds * given.rollouts * steps,
            rollout_round_min_episodes=given.rollouts,
            rollout_round_min_timesteps=given.rollouts * steps,
            bc_train_kwargs={"n_epochs": given.epochs, "progress_bar": False},
        )
        seconds, processor = time.perf_counter() - began, time.process_time() - clock
    fresh = PositionFeedback(signals[::-1], moves[::-1])
    wrong = [play(fresh, trainer.policy, expert)[1] for _ in range(4)]
    line = {
        "engine": "imitation",
        "version": version("imitation"),
        "packages": {name: version(name) for name in ("stable-baselines3", "torch", "gymnasium", "numpy")},
        "expert_pnl": shown[0],
        "steps": given.rounds * given.rollouts * steps,
        "seconds": seconds,
        "processor_seconds": processor,
        "fit_processor_seconds": sum(fits),
        "disagreement": float(np.mean(wrong)),
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
