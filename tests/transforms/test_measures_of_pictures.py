"""L1, PSNR, SSIM and the Fréchet distance: by hand, and against other people's code."""

from __future__ import annotations

import numpy as np
import pytest

from transforms.measures.frechet import frechet_distance
from transforms.measures.pictures import (
    MOST_DB,
    disco_l1,
    disco_psnr,
    disco_ssim,
    l1,
    psnr,
    scaled,
    ssim,
)
from transforms.measures.windows import WINDOW, windows

SIZE = (40, 56, 3)


def picture(seed: int = 0, shape: tuple[int, ...] = SIZE) -> np.ndarray:
    """Smooth, with noise on it."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    smooth = 120 + 60 * np.sin(rows / 7 + seed)[..., None] * np.cos(columns / 5)[..., None]
    noise = np.random.default_rng(seed).normal(0, 12, shape)
    return (smooth + noise).clip(0, 255).astype(np.uint8)


def test_l1_and_psnr_of_a_shift_are_those_by_hand():
    true = np.full(SIZE, 100, np.uint8)
    made = true + np.uint8(51)
    assert l1(made, true) == pytest.approx(0.2)
    assert psnr(made, true) == pytest.approx(20 * np.log10(5))
    assert disco_l1(made, true) == pytest.approx(51 / (40 * 56))


def test_equal_pictures_are_perfect():
    true = picture()
    assert (l1(true, true), psnr(true, true), disco_psnr(true, true)) == (0, MOST_DB, MOST_DB)
    assert ssim(true, true) == pytest.approx(1) and disco_ssim(true, true) == pytest.approx(1)


def test_the_psnr_of_disco_forgets_what_does_not_fit_into_eight_bits():
    true = np.zeros(SIZE, np.uint8)
    assert disco_psnr(true + np.uint8(16), true) == MOST_DB, "16² is 256, which wraps to 0"
    assert disco_psnr(true + np.uint8(17), true) == pytest.approx(10 * np.log10(255**2 / 33)), "17² - 256 = 33"
    assert disco_psnr(true, true + np.uint8(17)) == disco_psnr(true + np.uint8(17), true)
    made, other = picture(1), picture(2)
    assert disco_psnr(made, other) > psnr(made, other) + 5


def test_pictures_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match="cannot be compared"):
        l1(picture(), picture(shape=(40, 40, 3)))


@pytest.mark.parametrize("seed", range(3))
def test_psnr_and_ssim_are_those_of_torchmetrics(seed):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    image = pytest.importorskip("torchmetrics.functional.image", reason="torchmetrics is not installed")
    import cv2

    made, true = picture(seed), picture(seed + 1)
    both = [torch.from_numpy(p).permute(2, 0, 1)[None].double() for p in (made, true)]
    assert psnr(made, true) == pytest.approx(float(image.peak_signal_noise_ratio(*both, data_range=255.0)))
    grey = [torch.from_numpy(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY))[None, None].double() for p in (made, true)]
    _, whole = image.structural_similarity_index_measure(*grey, data_range=255.0, return_full_image=True)
    within = whole[..., 5:-5, 5:-5]  # torchmetrics counts its mirrored edges, too
    assert ssim(made, true) == pytest.approx(float(within.mean()), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_both_kinds_of_ssim_are_those_of_scikit_image(seed):
    metrics = pytest.importorskip("skimage.metrics", reason="scikit-image is not installed")
    import cv2

    made, true = picture(seed), picture(seed + 1)
    grey = [cv2.cvtColor(p, cv2.COLOR_RGB2GRAY) for p in (made, true)]
    assert disco_ssim(made, true) == pytest.approx(float(metrics.structural_similarity(*grey)), abs=1e-9)
    wang = metrics.structural_similarity(*grey, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    assert ssim(made, true) == pytest.approx(float(wang), abs=1e-9)


def test_a_picture_is_scaled_to_the_size_asked_for():
    assert scaled(picture(), 28, 20).shape == (20, 28, 3)
    assert scaled(picture(), 56, 40) is not None
    flat = np.full(SIZE, 77, np.uint8)
    assert (scaled(flat, 99, 13) == 77).all()


def gaussian(mean: np.ndarray, covariance: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """Samples whose mean and covariance are exactly those."""
    drawn = np.random.default_rng(seed).normal(size=(samples, len(mean)))
    drawn -= drawn.mean(0)
    white = drawn @ np.linalg.inv(np.linalg.cholesky(np.cov(drawn, rowvar=False))).T
    return white @ np.linalg.cholesky(covariance).T + mean


def test_the_frechet_distance_of_exact_gaussians_is_the_closed_form():
    """Along the axes: the sum of the squared differences of means and of standard deviations."""
    deviations = np.array([1.0, 2.0, 0.5]), np.array([1.5, 1.0, 0.5])
    means = np.zeros(3), np.array([3.0, 0.0, -1.0])
    a, b = (gaussian(m, np.diag(d**2), 50 + i, i) for i, (m, d) in enumerate(zip(means, deviations, strict=True)))
    assert frechet_distance(a, b) == pytest.approx(10 + 0.5**2 + 1.0)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a))


def test_the_frechet_distance_of_correlated_gaussians_is_that_of_scipy_s_root():
    linalg = pytest.importorskip("scipy.linalg", reason="scipy is not installed")
    factor = np.random.default_rng(0).normal(size=(2, 6, 6))
    c, d = (f @ f.T + 0.1 * np.eye(6) for f in factor)
    mean = np.arange(6.0)
    a, b = gaussian(mean, c, 40, 1), gaussian(0 * mean, d, 30, 2)
    want = (mean**2).sum() + np.trace(c + d - 2 * linalg.sqrtm(c @ d).real)
    assert frechet_distance(a, b) == pytest.approx(want)


@pytest.mark.parametrize(("n", "m"), [(5, 7), (80, 90), (5, 90)])
def test_few_samples_of_many_numbers_give_what_torchmetrics_gives(n, m):
    """Singular covariances, too: the usual root of their product fails or has imaginary parts."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    fid = pytest.importorskip("torchmetrics.image.fid", reason="torchmetrics is not installed")
    rng = np.random.default_rng(n)
    a, b = rng.normal(size=(n, 24)), 0.5 + 2 * rng.normal(size=(m, 24))
    moments = [torch.from_numpy(x) for s in (a, b) for x in (s.mean(0), np.cov(s, rowvar=False))]
    assert frechet_distance(a, b) == pytest.approx(float(fid._compute_fid(*moments)), rel=1e-5)


def test_what_no_distance_can_be_drawn_from_is_refused():
    good = np.random.default_rng(0).normal(size=(5, 3))
    for bad in (good[:1], good[:, 0], np.full((5, 3), np.nan)):
        with pytest.raises(ValueError, match="two finite samples"):
            frechet_distance(bad, good)
    with pytest.raises(ValueError, match="2 and 3"):
        frechet_distance(good[:, :2], good)


def test_windows_are_whole_and_a_short_video_waits_on_its_last_frame():
    video = np.arange(35, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    assert [w[0, 0, 0, 0] for w in windows(video, WINDOW)] == [0, 16]
    assert [w[-1, 0, 0, 0] for w in windows(video, 1)] == list(range(15, 35))
    (short,) = windows(video[:3], 1)
    assert short[:, 0, 0, 0].tolist() == [0, 1] + [2] * 14
