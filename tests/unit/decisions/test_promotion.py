from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.decisions.promotion import PromotionPolicy, judge_promotion, may_promote
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import decode, encode
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.evaluation import Latency
from airflow_mlops_provider.records.reports.promotion import EvidenceItem, Mode, PromotionReport
from airflow_mlops_provider.records.verdict import Status
from tests.builders.reports import evaluation_report


def ref(version):
    return ModelRef(name="wage", version=version, uri=f"models:/wage/{version}", digest=f"sha256:{version}", run_id="r")


def dataset(name):
    return DatasetRef(uri=f"{name}.parquet", fingerprint=f"sha256:{name}", rows=5000)


CANDIDATE, CHAMPION, TRAINING, HELD_OUT = ref("2"), ref("1"), dataset("training"), dataset("held_out")
REQUIRED = ("validation", "evaluation", "bias", "model_card")


def evaluation(*, gain=0.02, rows=5000, p99=None, champion=True):
    latency = {"p50_ms": 1.0, "p95_ms": 2.0, "calls": 9, "batch_rows": 9, "batch_p50_ms": 1.0, "batch_p95_ms": 1.0}
    report = evaluation_report(gain=gain, rows=rows, champion=champion)
    if p99 is None:
        return report
    more = {"batch_p99_ms": 1.0, "rows_per_second": 9.0, "peak_memory_mb": 1.0}
    return replace(report, latency=Latency(**latency, **more, p99_ms=p99))


def item(kind, **parts):
    about = {
        Kind.VALIDATION: {"dataset": TRAINING},
        Kind.EVALUATION: {
            "dataset": HELD_OUT,
            "model": CANDIDATE,
            "compared_with": CHAMPION,
            "evaluation": evaluation(),
            "evaluation_policy": {},
        },
        Kind.BIAS: {"dataset": HELD_OUT, "model": CANDIDATE},
    }.get(kind, {"model": CANDIDATE})
    given = {"uri": f"file:///{kind}", "sha256": "sha256:0", "status": Status.PASS, "summary": f"said of {kind}"}
    return EvidenceItem(kind=kind, **{**given, **about, **parts})


def report(*, champion=CHAMPION, **items):
    pieces = {kind: item(Kind(kind)) for kind in REQUIRED} | {k: v for k, v in items.items() if k in tuple(Kind)}
    parts = {k: v for k, v in items.items() if k not in tuple(Kind)}
    evidence = tuple(piece for piece in pieces.values() if piece is not None)
    return PromotionReport(candidate=CANDIDATE, champion=champion, training=TRAINING, evidence=evidence, **parts)


def judge(facts, **policy):
    return judge_promotion(facts, PromotionPolicy(**policy))


def against(verdict):
    return {f.measure for f in verdict.findings if f.status in (Status.FAIL, Status.INSUFFICIENT_EVIDENCE)}


def test_a_whole_set_of_good_evidence_promotes():
    verdict = judge(report())
    assert verdict.status is Status.PASS
    assert verdict.summary.startswith("wage version 2 (2) replaces version 1 (1), roc_auc 0.77 against 0.75")


@pytest.mark.parametrize("kind", REQUIRED)
def test_missing_evidence_is_a_fail_that_names_the_kind(kind):
    verdict = judge(report(**{kind: None}))
    assert verdict.status is Status.FAIL
    assert f"no {kind} evidence was given" in verdict.summary


@pytest.mark.parametrize("kind", REQUIRED)
@pytest.mark.parametrize("status", [Status.FAIL, Status.INSUFFICIENT_EVIDENCE])
def test_evidence_that_does_not_carry_keeps_its_status(kind, status):
    verdict = judge(report(**{kind: item(Kind(kind), status=status)}))
    assert verdict.status is status
    assert verdict.summary.startswith(f"champion stays (wage version 1 (1)), because {kind}")


def test_a_notice_goes_on():
    verdict = judge(report(validation=item(Kind.VALIDATION, status=Status.NOTICE)))
    assert verdict.status is Status.NOTICE
    assert may_promote(verdict)


@pytest.mark.parametrize("kind", ["validation", "bias", "model_card"])
def test_insufficient_evidence_may_be_tolerated_by_kind_and_stays_visible(kind):
    facts = report(**{kind: item(Kind(kind), status=Status.INSUFFICIENT_EVIDENCE)})
    verdict = judge(facts, tolerate_insufficient=(kind,))
    assert verdict.status is Status.NOTICE
    assert f"{kind} evidence is insufficient but tolerated" in verdict.summary


def test_a_fail_is_never_tolerated():
    facts = report(bias=item(Kind.BIAS, status=Status.FAIL))
    assert judge(facts, tolerate_insufficient=("bias",)).status is Status.FAIL


def test_drift_is_the_occasion_of_a_training_and_no_fault_of_the_candidate():
    drift = item(Kind.DRIFT, model=None, status=Status.FAIL)
    assert judge(report(drift=drift)).status is Status.NOTICE
    assert judge(report(drift=drift), required=("drift",)).status is Status.FAIL


@pytest.mark.parametrize("kind", ["evaluation", "bias", "model_card", "training"])
@pytest.mark.parametrize("model", [ref("3"), replace(CANDIDATE, digest="sha256:forged"), None])
def test_evidence_of_another_model_is_refused(kind, model):
    verdict = judge(report(**{kind: item(Kind(kind), model=model)}))
    assert against(verdict) == {"other_model"}
    assert f"{kind} speaks of" in verdict.summary


def test_a_candidate_without_a_digest_matches_no_evidence():
    facts = report()
    unpinned = replace(CANDIDATE, digest=None)
    pieces = tuple(replace(piece, model=unpinned) if piece.model else piece for piece in facts.evidence)
    assert "other_model" in against(judge(replace(facts, candidate=unpinned, evidence=pieces)))


def test_a_validation_must_be_of_data_that_this_candidate_saw():
    verdict = judge(report(validation=item(Kind.VALIDATION, dataset=dataset("elsewhere"))))
    assert against(verdict) == {"other_dataset", "training_data_validated"}


def test_a_validation_of_the_evaluated_data_alone_does_not_vouch_for_the_training_data():
    assert against(judge(report(validation=item(Kind.VALIDATION, dataset=HELD_OUT)))) == {"training_data_validated"}


def test_data_that_are_not_pinned_vouch_for_nothing():
    loose = replace(TRAINING, fingerprint=None)
    verdict = judge(report(validation=item(Kind.VALIDATION, dataset=loose)))
    assert against(verdict) == {"other_dataset", "training_data_validated"}


def test_an_evaluation_on_the_training_data_is_refused():
    verdict = judge(report(evaluation=item(Kind.EVALUATION, dataset=TRAINING), bias=item(Kind.BIAS, dataset=TRAINING)))
    assert against(verdict) == {"held_out"}


def test_slices_must_be_measured_on_the_evaluated_data():
    assert against(judge(report(bias=item(Kind.BIAS, dataset=dataset("easy"))))) == {"other_dataset"}


def test_evidence_against_a_former_champion_is_stale():
    verdict = judge(report(champion=ref("7")))
    assert against(verdict) == {"champion_changed"}
    assert "evaluated against wage version 1 (1), in force is wage version 7 (7)" in verdict.findings[0].detail


def test_evidence_without_a_champion_is_stale_once_there_is_one():
    alone = item(Kind.EVALUATION, compared_with=None, evaluation=evaluation(champion=False))
    assert against(judge(report(evaluation=alone))) == {"champion_changed"}
    assert judge(report(evaluation=alone, champion=None)).status is Status.PASS


def test_an_evaluation_that_names_a_champion_but_compared_with_none_is_refused():
    odd = item(Kind.EVALUATION, evaluation=evaluation(champion=False))
    assert "comparison" in against(judge(report(evaluation=odd)))


def test_the_champion_itself_is_not_promoted():
    assert "already_champion" in against(judge(report(champion=CANDIDATE)))


def test_the_limits_of_the_promotion_hold_whatever_the_evaluation_was_judged_by():
    slight = item(Kind.EVALUATION, evaluation=evaluation(gain=0.001))
    assert judge(report(evaluation=slight)).status is Status.PASS
    assert judge(report(evaluation=slight), superiority=True).status is Status.FAIL
    assert judge(report(evaluation=slight), margin=0.001).status is Status.FAIL


def test_the_latency_limit_needs_a_latency():
    assert judge(report(), max_p99_latency_ms=5.0).status is Status.INSUFFICIENT_EVIDENCE
    for p99, status in ((4.0, Status.PASS), (6.0, Status.FAIL)):
        timed = item(Kind.EVALUATION, evaluation=evaluation(p99=p99))
        assert judge(report(evaluation=timed), max_p99_latency_ms=5.0).status is status


def test_an_approval_is_awaited_and_then_noted_with_the_person():
    waiting = judge(report(mode=Mode.APPROVE, owners=("ada",)))
    assert waiting.status is Status.INSUFFICIENT_EVIDENCE
    assert "awaiting approval by one of ada" in waiting.findings[0].detail
    assert judge(report(mode=Mode.APPROVE, owners=("ada",), approver="ada")).status is Status.PASS
    assert judge(report(mode=Mode.APPROVE, owners=("ada",), approver="eve")).status is Status.NOTICE


@pytest.mark.parametrize(
    ("policy", "key"),
    [
        ({"margin": -1.0}, "margin"),
        ({"confidence": 1.0}, "confidence"),
        ({"min_rows": 0}, "min_rows"),
        ({"challengers": 0}, "challengers"),
        ({"max_p99_latency_ms": 0.0}, "max_p99_latency_ms"),
        ({"required": ["vibes"]}, "vibes"),
        ({"tolerate_insufficient": ["evaluation"]}, "tolerate_insufficient"),
        ({"min_row": 3}, "min_row"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_by_key(policy, key):
    with pytest.raises(BadInputError, match=key):
        decode(PromotionPolicy, policy)


statuses = st.sampled_from(list(Status))


@given(before=st.tuples(*[statuses] * 4), kind=st.integers(0, 3), worse=statuses)
def test_worse_evidence_never_earns_a_milder_verdict(before, kind, worse):
    if worse.severity < before[kind].severity:
        worse = before[kind]
    after = (*before[:kind], worse, *before[kind + 1 :])
    verdicts = [
        judge(report(**{k: item(Kind(k), status=s) for k, s in zip(REQUIRED, chosen, strict=True)}))
        for chosen in (before, after)
    ]
    assert verdicts[1].status.severity >= verdicts[0].status.severity


@given(gain=st.floats(-0.1, 0.1), loss=st.floats(0, 0.1), rows=st.sampled_from([500, 5000]), superiority=st.booleans())
def test_a_smaller_gain_never_earns_a_milder_verdict(gain, loss, rows, superiority):
    milder, stricter = (
        judge(
            report(evaluation=item(Kind.EVALUATION, evaluation=evaluation(gain=g, rows=rows))), superiority=superiority
        )
        for g in (gain, gain - loss)
    )
    assert stricter.status.severity >= milder.status.severity or not may_promote(milder)


@given(status=statuses, mode=st.sampled_from(list(Mode)), approver=st.sampled_from([None, "ada"]))
def test_a_report_survives_its_way_through_json(status, mode, approver):
    facts = report(bias=item(Kind.BIAS, status=status), mode=mode, approver=approver)
    assert decode(PromotionReport, encode(facts)) == facts
