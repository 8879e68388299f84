"""What a control record needs that is not in the log: the day's merged curves, and policies by version."""

from fenxiao_schemas.events import CalendarStarted, DayClosed
from fenxiao_schemas.policy import Policy
from fenxiao_scorer.core.curves import Curves
from fenxiao_scorer.core.errors import NotSuppliedError
from fenxiao_scorer.core.state import ScorerState


def missing_curves(state: ScorerState, event: DayClosed) -> int | None:
    """The day whose curves must be put before this close can be folded; None if there is none to wait for."""
    day = event.day - 1
    if state.first_day is None or day < state.first_day or day in state.supplied_curves:
        return None
    return day


def put_curves(state: ScorerState, day: int, curves: Curves) -> None:
    """Supply the curves of a day, merged from all partitions' posts."""
    state.supplied_curves[day] = curves


def curves_for(state: ScorerState, event: DayClosed) -> Curves | None:
    """The curves that come into force at this close; None at the first. Raises `NotSuppliedError`."""
    missing = missing_curves(state, event)
    if missing is not None:
        raise NotSuppliedError(f"the close of day {event.day} (event {event.seq}) needs the curves of day {missing}")
    return state.supplied_curves.get(event.day - 1)


def missing_policy(state: ScorerState, event: CalendarStarted | DayClosed) -> int | None:
    """The version of the policy that must be put before this record can be folded; None if it is known."""
    version = _version(event)
    if version in state.supplied_policies or (state.policy is not None and state.policy.version == version):
        return None
    return version


def put_policy(state: ScorerState, version: int, policy: Policy) -> None:
    """Supply a policy; raises `NotSuppliedError` if it is another version's."""
    if policy.version != version:
        raise NotSuppliedError(f"the policy put as version {version} calls itself {policy.version}")
    state.supplied_policies[version] = policy


def policy_for(state: ScorerState, event: CalendarStarted | DayClosed) -> Policy:
    """The policy that the record names; raises `NotSuppliedError`."""
    version = _version(event)
    if state.policy is not None and state.policy.version == version:
        return state.policy
    if version not in state.supplied_policies:
        raise NotSuppliedError(f"event {event.seq} ({type(event).__name__}) needs policy version {version}")
    return state.supplied_policies[version]


def _version(event: CalendarStarted | DayClosed) -> int:
    return event.policy_version if isinstance(event, CalendarStarted) else event.next_policy_version
