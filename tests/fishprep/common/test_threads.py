"""Threads are set for a while, and put back whatever happens inside."""

import cv2
import pytest
import torch

from fishprep.common.threads import threads


@pytest.mark.parametrize("opencv", [False, True])
def test_they_are_put_back_after_an_error_too(opencv: bool) -> None:
    before = torch.get_num_threads(), cv2.getNumThreads()
    with pytest.raises(KeyError), threads(before[0] + 1, opencv):
        assert torch.get_num_threads() == before[0] + 1
        assert cv2.getNumThreads() == (before[0] + 1 if opencv else before[1])
        raise KeyError
    assert (torch.get_num_threads(), cv2.getNumThreads()) == before


def test_none_changes_nothing_and_nought_is_refused() -> None:
    before = torch.get_num_threads()
    with threads(None, opencv=True):
        assert torch.get_num_threads() == before
    with pytest.raises(ValueError, match="at least one"), threads(0):
        pass
