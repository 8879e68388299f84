"""Walks one partition's control records (sections 1 and 6), as far as the curves of the other partitions allow."""

from collections.abc import Mapping

import numpy as np

from fenxiao_oracle.arrays import Ints
from fenxiao_oracle.assessment import Assessment, assess
from fenxiao_oracle.curves import Curves, Post
from fenxiao_oracle.ladder import Steps, at_barrier, at_close
from fenxiao_oracle.log import Control, Log, LogError
from fenxiao_oracle.measures import Moment, measure
from fenxiao_oracle.publishing import Publisher
from fenxiao_schemas.policy import Policy


class PartitionRun:
    """One partition: where it is in its log, its tiers, its messages.

    Attributes:
        seq: The `seq` of the last control record that was taken.
    """

    def __init__(self, log: Log, policies: Mapping[int, Policy], nothing: Curves) -> None:
        self.publisher = Publisher(log)
        self._log, self._policies, self._curves = log, policies, nothing
        self._next = self.seq = 0
        self._dispatch_day = log.first_day - 1
        self._policy_version = log.first_policy
        self._steps = Steps(*(np.zeros(len(log.ids), dtype=np.int64) for _ in range(4)))

    def run_to_close(self) -> None:
        """Take the barriers of the open day, up to its close or the end of the log."""
        controls = self._log.controls
        while self._next < len(controls) and not controls[self._next].closes:
            self._barrier(controls[self._next])
            self._advance()

    def is_at_close(self) -> bool:
        """Whether the open day closes here; otherwise the log ends."""
        return self._next < len(self._log.controls)

    def close(self, curves: Curves) -> Post:
        """Take the close of the open day; `curves` are those of the day before."""
        control = self._log.controls[self._next]
        self._dispatch_day, self._curves = control.day, curves
        assessment = self._take(control, self._log.existing(control.seq))
        self._policy_version = control.next_policy
        self._advance()
        return assessment.measures.post()

    def _barrier(self, control: Control) -> None:
        touched = self._log.touched_between(self.seq, control.seq)
        if len(touched):
            self._take(control, touched)

    def _advance(self) -> None:
        self.seq = self._log.controls[self._next].seq
        self._next += 1

    def _take(self, control: Control, products: Ints) -> Assessment:
        policy, moment = self._policy(), self._moment(control)
        measures = measure(self._log, products, moment, policy, self._curves)
        assessment = assess(measures, policy, self._curves)
        tier = self._step(control, products, assessment, policy)
        self.publisher.publish(products, tier, assessment, moment, "close" if control.closes else "barrier", policy)
        return assessment

    def _moment(self, control: Control) -> Moment:
        return Moment(head_day=control.day, dispatch_day=self._dispatch_day, seq=control.seq)

    def _policy(self) -> Policy:
        policy = self._policies.get(self._policy_version)
        if policy is None:
            raise LogError(f"the policy version {self._policy_version} is not known")
        return policy

    def _step(self, control: Control, products: Ints, assessment: Assessment, policy: Policy) -> Ints:
        steps, measures = self._steps, assessment.measures
        old = Steps(steps.tier[products], steps.closed[products], steps.below[products], steps.best[products])
        if control.closes:
            down = policy.tiers.down_after_closes
            new = at_close(old, assessment.earned, measures.cap, measures.admitted, down)
        else:
            new = at_barrier(old, assessment.earned, measures.cap, measures.admitted)
        steps.tier[products], steps.closed[products] = new.tier, new.closed
        steps.below[products], steps.best[products] = new.below, new.best
        return new.tier
