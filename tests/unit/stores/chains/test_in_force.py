from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.records.decision_record import Effect
from airflow_mlops_provider.stores.chains.in_force import champion_of, in_force, previous_of
from tests.unit.stores.chains.decided import promotion, ref, rollback


@given(st.lists(st.sampled_from(["promote", "roll back", "refuse", "other alias"]), max_size=20))
def test_promotions_and_rollbacks_are_a_stack(steps):
    links, stack = [], []
    for number, step in enumerate(steps, 1):
        if step == "promote":
            links.append(promotion(number, number, champion=ref(stack[-1]) if stack else None))
            stack.append(number)
        elif step == "roll back" and len(stack) > 1:
            links.append(rollback(links))
            stack.pop()
        else:
            effect, alias = (Effect.STAYS, "champion") if step == "refuse" else (Effect.MOVED, "staging")
            links.append(promotion(number, number, effect=effect, alias=alias))
    assert champion_of(links) == (ref(stack[-1]) if stack else None)
    assert previous_of(links) == (ref(stack[-2]) if len(stack) > 1 else None)
    assert [link.record.model for link in in_force(links)] == [ref(number) for number in stack]
