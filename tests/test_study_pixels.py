"""Mean and standard deviation of the pixels of a study."""

from __future__ import annotations

import numpy as np

from ltnet_core.learning.study_pixels import pixel_statistics


def test_pixel_statistics_come_from_a_sample_in_small_parts() -> None:
    rng = np.random.default_rng(0)

    class Watched:
        shape = (7_999, 3, 2, 2)
        values = rng.integers(0, 255, shape).astype(np.uint8)
        asked: list[int] = []  # noqa: RUF012

        def __getitem__(self, items: np.ndarray) -> np.ndarray:
            self.asked.append(len(items))
            return self.values[items]

    pixels = Watched()
    mean, std = pixel_statistics(pixels, np.arange(7_999))
    assert sum(pixels.asked) == 4_000
    assert max(pixels.asked) <= 64
    np.testing.assert_allclose(mean, pixels.values[::2].mean((0, 2, 3)))
    np.testing.assert_allclose(std, pixels.values[::2].std((0, 2, 3)))
