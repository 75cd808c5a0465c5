"""Probabilities of links rise with what speaks for them."""

import numpy as np
import pytest

from ops.tracking.certainty import join_probability, overlap_probability


def test_a_join_is_the_surer_the_cheaper_and_the_less_it_is_contested() -> None:
    sure = join_probability(np.array([-0.1, -1.0, -3.0, -3.0, -3.0]), np.array([0.0, 0.0, 0.0, -1.0, -2.9]))
    assert (np.diff(sure[:3]) > 0).all() and (np.diff(sure[2:]) < 0).all()
    assert sure[0] == pytest.approx(sure[4])
    assert ((sure > 0.5) & (sure < 1)).all()


def test_a_border_link_is_the_surer_the_more_is_shared() -> None:
    assert 0.5 < overlap_probability(0.3) < overlap_probability(0.7) < overlap_probability(1.0) < 1
