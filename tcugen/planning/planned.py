"""A plan with its instructions and what a replay of them says: the one price that plans are compared by."""

from dataclasses import dataclass

from tcugen.mapping.plan import Plan
from tcugen.memory_model import MEMORY_MODELS, MemoryModel
from tcugen.schedule.schedule import Schedule, schedule_plan
from tcugen.timing.prediction import Prediction
from tcugen.timing.replay import replay


@dataclass(frozen=True, eq=False)
class Planned:
    """A plan that has been replayed.

    Attributes:
        schedule: The plan's instructions.
        prediction: Their cycles and bytes.
    """

    schedule: Schedule
    prediction: Prediction

    @property
    def plan(self) -> Plan:
        return self.schedule.plan

    @property
    def cycles(self) -> int:
        """Predicted cycles of one image."""
        return self.prediction.cycles


def priced(plan: Plan, memory: MemoryModel = MEMORY_MODELS["fixed"]) -> Planned:
    """The instructions of a plan and their price.

    Raises:
        CompileError: If a shape is too large for the instruction set.
    """
    schedule = schedule_plan(plan)
    return Planned(schedule, replay(schedule.instructions, plan.architecture, len(plan.tasks), memory))
