from __future__ import annotations

import pytest

from tejer.cluster.runtime.fields import field_value
from tejer.cluster.runtime.inputs import PlanError
from tests.unit.cluster.runtime.pods import INPUTS, pod


def test_maps_are_written_as_the_downward_api_does() -> None:
    assert field_value(pod(), "metadata.annotations", INPUTS) == 'note="say \\"hi\\""'


def test_a_missing_label_is_empty_and_an_unknown_path_refused() -> None:
    assert field_value(pod(), "metadata.labels['nope']", INPUTS) == ""
    with pytest.raises(PlanError, match=r"unsupported fieldPath: spec\.containers"):
        field_value(pod(), "spec.containers", INPUTS)
