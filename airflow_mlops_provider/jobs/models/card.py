"""``card``: write a model version's card from its evidence and keep it with the model."""

from __future__ import annotations

from airflow_mlops_provider.analysis.model_card import Source, measure_model_card
from airflow_mlops_provider.decisions.model_card import judge_model_card
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs.job import Job
from airflow_mlops_provider.pages.model_card import to_html, to_markdown
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.model_uri import is_model_uri
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.requests.card import CardRequest
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.evidence.store import read_evidence
from airflow_mlops_provider.stores.models import ModelStore
from airflow_mlops_provider.stores.models.tags import LABEL
from airflow_mlops_provider.stores.specs import read_model_spec

CARD_TAG = "mlops.model_card"
"""Tag of a model version: URI of the evidence that holds its newest card."""


class ModelCardJob(Job, CardRequest):
    """Gather, judge and store a model card."""

    def run(self) -> Outcome:
        """Write the card; fails, with a card all the same, when a required section is empty.

        :raises BadInputError: when a piece of evidence is missing, or speaks of another model.
        :raises IntegrityError: when the artifact or a piece of evidence was changed.
        """
        models = ModelStore(self.tracking_uri, evidence_root=self.evidence_root)
        model = models.resolve(self.model)
        training = open_dataset(self.dataset).ref if self.dataset else models.run_dataset(model)
        card = measure_model_card(
            Source(
                spec=self._declaration(models, model),
                model=model,
                training=training,
                evidence=[_read(uri, model) for uri in self.evidence],
                label=models.version_tags(model).get(LABEL),
            )
        )
        files = {"model_card.md": to_markdown(card).encode(), "model_card.html": to_html(card).encode()}
        for name, data in files.items():
            models.attach(model, name, data)
        outcome = self.record(
            Kind.MODEL_CARD,
            report=card,
            policy=self.policy,
            verdict=judge_model_card(card, self.policy),
            inputs={"training": training},
            model=model,
            attachments=files,
            details={"evidence": list(self.evidence)},
        )
        models.set_version_tag(model, CARD_TAG, outcome.evidence_uri)
        return outcome

    def _declaration(self, models: ModelStore, model: ModelRef) -> ModelSpec:
        if isinstance(self.model, ModelRef) or (isinstance(self.model, str) and is_model_uri(self.model)):
            return models.spec(model)
        return read_model_spec(self.model)


def _read(uri: str, model: ModelRef) -> Evidence:
    found = read_evidence(uri)
    if found.model is not None and (found.model.version, found.model.digest) != (model.version, model.digest):
        raise BadInputError(
            f"evidence {uri} speaks of {found.model.name} version {found.model.version}, "
            f"not of {model.name} version {model.version}"
        )
    return found
