"""LTNet and T: the loss against brute force, stability, recovery of known matrices."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Literal

import numpy as np
import pytest
import torch
from stripes import entries, random_t, study, training_data
from torch import nn

from ltnet_core.errors import OptionError
from ltnet_core.learning import training
from ltnet_core.learning.augmentation import Draws, cut_out, mirror_and_shift
from ltnet_core.learning.batch import Entries, WeightTable
from ltnet_core.learning.calibration import soften
from ltnet_core.learning.ltnet import Classifier, LTNet, mix
from ltnet_core.learning.networks import build_network
from ltnet_core.learning.schedule import Schedule
from ltnet_core.learning.training import fit
from ltnet_core.learning.training_data import TrainingData
from ltnet_core.learning.transition import ClampedTransitions, SoftmaxTransitions, log_predict, near_identity
from ltnet_core.learning.validation import TEMPERATURES
from ltnet_core.learning.views import mean_p, predict
from ltnet_core.learning.watch import Watch
from ltnet_core.settings import NETWORKS


def test_the_separate_loss_is_the_paper_s_weighted_log_likelihood() -> None:
    t = random_t(2, 3)
    model = LTNet(nn.Identity(), SoftmaxTransitions(t), "separate")
    logits = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    annotations = [(0, 0, 1, 1.0), (0, 1, 2, 0.5), (1, 1, 0, 3.0)]
    p = torch.softmax(logits, 1).numpy()
    expected = -sum(w * np.log(p[n] @ t[c][:, k]) for n, c, k, w in annotations) / sum(w for *_, w in annotations)
    assert float(model.loss(model(logits), entries(annotations)).detach()) == pytest.approx(expected, rel=1e-5)


def test_the_joint_loss_shares_one_truth_among_the_annotations_of_an_item() -> None:
    t = random_t(2, 3)
    model = LTNet(nn.Identity(), SoftmaxTransitions(t))
    logits = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    p = torch.softmax(logits, 1).numpy()
    annotations = [(0, 0, 1, 1.0), (0, 1, 2, 0.5), (1, 1, 0, 0.2)]
    both = np.log(p[0] @ (t[0][:, 1] * t[1][:, 2] ** 0.5)) + np.log(p[1] @ t[1][:, 0] ** 0.2)
    # The first item counts once, however many annotations it has, the second by the little weight of its own.
    assert float(model.loss(model(logits), entries(annotations)).detach()) == pytest.approx(-both / 1.2, rel=1e-5)


def test_the_gradient_of_the_joint_loss_is_posterior_minus_p() -> None:
    t = random_t(2, 3)
    model = LTNet(nn.Identity(), SoftmaxTransitions(t))
    logits = torch.randn(1, 3, generator=torch.Generator().manual_seed(1), requires_grad=True)
    torch.autograd.backward(model.loss(model(logits), entries([(0, 0, 1, 1.0), (0, 1, 2, 1.0)])))
    p = torch.softmax(logits, 1).detach().numpy()[0]
    r = p * t[0][:, 1] * t[1][:, 2]
    r /= r.sum()
    np.testing.assert_allclose(logits.grad.numpy()[0], p - r, atol=1e-6)  # type: ignore[union-attr]


def test_an_absent_annotation_contributes_nothing() -> None:
    model = LTNet(nn.Identity(), SoftmaxTransitions(random_t(2, 3)))
    log_p = model(torch.randn(4, 3))
    none = Entries(*(torch.zeros(0, dtype=torch.long),) * 3, torch.zeros(0))
    assert float(model.loss(log_p, none)) == 0.0


@pytest.mark.parametrize("likelihood", ["joint", "separate"])
def test_annotations_that_weigh_nothing_teach_nothing(likelihood: Literal["joint", "separate"]) -> None:
    model = LTNet(nn.Flatten(), SoftmaxTransitions(random_t(2, 3)), likelihood)
    images = torch.randn(2, 3, 1, 1, generator=torch.Generator().manual_seed(0), requires_grad=True)
    for mixup in (0.0, 0.5):
        model.mixup = mixup
        batch = entries([(0, 0, 1, 0.0), (1, 1, 2, 0.0)])
        loss, _ = model.training_loss(images, batch, torch.Generator().manual_seed(0))
        torch.autograd.backward(loss)
        assert float(loss.detach()) == pytest.approx(0, abs=1e-3)
        assert images.grad is not None
        assert float(images.grad.abs().max()) < 1e-3


def test_held_out_annotations_that_weigh_nothing_choose_no_epoch() -> None:
    pixels, _, table = study(60, np.stack([np.eye(3), np.eye(3)]))
    data = training_data(pixels, table.keep_items(np.arange(60) < 40))  # nobody said anything of the held-out ones
    model = Classifier(build_network("cnn", classes=3, channels=1, image_size=12, seed=0))
    history = fit(model, data, np.arange(40), np.arange(40, 60), Schedule(epochs=3, batch_size=16, lr=0.01), seed=0)
    assert [r["best_epoch"] for r in history] == [1, 2, 3]


def test_a_confident_wrong_network_gives_a_finite_loss_and_gradient() -> None:
    model = LTNet(nn.Identity(), SoftmaxTransitions(near_identity(1, 3, 1.0)))
    logits = torch.tensor([[500.0, 0.0, 0.0]], requires_grad=True)
    loss = model.loss(model(logits), entries([(0, 0, 2, 1.0)]))
    torch.autograd.backward(loss)
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()  # type: ignore[arg-type]


def test_a_prior_adds_its_pseudo_counts_to_the_loss_to_train_on() -> None:
    t, prior = random_t(2, 3), np.random.default_rng(1).random((2, 3, 3))
    images, batch = torch.randn(1, 3, 1, 1), entries([(0, 0, 1, 1.0)])
    plain, pulled = (LTNet(nn.Flatten(), SoftmaxTransitions(t), prior=p) for p in (None, prior))
    without, log_p = plain.training_loss(images, batch, torch.Generator())
    loss, same = pulled.training_loss(images, batch, torch.Generator())
    assert torch.equal(log_p, same)
    assert float((loss - without).detach()) == pytest.approx(-(prior * np.log(t)).sum(), rel=1e-4)
    assert torch.equal(pulled.loss(log_p, batch), plain.loss(log_p, batch))  # what is measured is without it


def test_a_training_loss_computes_log_t_once_and_keeps_none(monkeypatch: pytest.MonkeyPatch) -> None:
    model = LTNet(torch.nn.Flatten(), SoftmaxTransitions(random_t(2, 3)), prior=np.full((2, 3, 3), 0.1))
    images, batch = torch.randn(2, 3, 1, 1), entries([(0, 0, 1, 1.0), (1, 1, 2, 0.5)])
    made, log_t = [], model.transitions.log_t
    monkeypatch.setattr(model.transitions, "log_t", lambda: made.append(log_t()) or made[-1])
    loss, log_p = model.training_loss(images, batch, torch.Generator())
    assert len(made) == 1
    with torch.no_grad():
        model.transitions.logits[0, 0, 0] += 1.0
    assert torch.equal(model.log_t(), log_t())
    torch.autograd.backward(loss)
    together = model.transitions.logits.grad.clone()
    model.transitions.logits.grad = None
    with torch.no_grad():
        model.transitions.logits[0, 0, 0] -= 1.0
    apart = model.loss(log_p.detach(), batch) - 0.1 * model.log_t().sum()
    torch.autograd.backward(apart)
    torch.testing.assert_close(together, model.transitions.logits.grad)


@pytest.mark.parametrize("double_softmax", [False, True])
def test_separate_terms_are_the_same_from_a_table_of_weights(double_softmax: bool) -> None:
    transitions = ClampedTransitions(random_t(2, 3), 0.01)
    for model in (Classifier(nn.Identity()), LTNet(nn.Identity(), transitions, "separate", None, double_softmax)):
        log_p = model(torch.randn(4, 3, generator=torch.Generator().manual_seed(0)))
        batch = entries([(0, 0, 1, 1.0), (0, 1, 2, 0.5), (1, 1, 0, 3.0), (3, 0, 0, 2.0)])
        weight = torch.zeros(4, 2, 3)
        weight[batch.row, batch.coder, batch.label] = batch.weight
        torch.testing.assert_close(model.item_losses(log_p, WeightTable(weight)), model.item_losses(log_p, batch))
        terms = model.log_q_of_annotations(log_p, batch)
        by_all = model.log_q(log_p).expand(4, 2, 3)
        torch.testing.assert_close(terms, by_all[batch.row, batch.coder, batch.label])


def test_relabelling_the_classes_permutes_t_and_p_and_changes_no_loss() -> None:
    t, order = random_t(2, 3), [2, 0, 1]
    logits = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    annotations = [(0, 0, 1, 1.0), (0, 1, 2, 0.5), (1, 1, 0, 3.0)]
    renamed = [(n, c, order.index(k), w) for n, c, k, w in annotations]
    for likelihood in ("joint", "separate"):
        one = LTNet(nn.Identity(), SoftmaxTransitions(t), likelihood)  # type: ignore[arg-type]
        two = LTNet(nn.Identity(), SoftmaxTransitions(t[:, order][:, :, order]), likelihood)  # type: ignore[arg-type]
        same = two.loss(two(logits[:, order]), entries(renamed))
        torch.testing.assert_close(one.loss(one(logits), entries(annotations)), same)
        np.testing.assert_allclose(one.matrices()[:, order][:, :, order], two.matrices())
        np.testing.assert_allclose(one.matrices().sum(2), 1, rtol=1e-12)


def test_p_times_t_is_a_distribution() -> None:
    t = random_t(4, 5)
    q = log_predict(torch.log_softmax(torch.randn(6, 5), 1), torch.tensor(t).log().float()).exp()
    assert q.shape == (6, 4, 5)
    torch.testing.assert_close(q.sum(2), torch.ones(6, 4))


@pytest.mark.parametrize("diagonal", [0.6, 0.997])
def test_t_starts_where_it_is_told(diagonal: float) -> None:
    start = near_identity(3, 10, diagonal)
    for module in (SoftmaxTransitions(start), ClampedTransitions(start, 1e-5)):
        np.testing.assert_allclose(module.log_t().exp().detach().numpy(), start, atol=1e-4)


def test_a_start_that_is_no_probability_is_refused() -> None:
    with pytest.raises(OptionError, match="sum to 1"):
        SoftmaxTransitions(np.ones((1, 3, 3)))
    with pytest.raises(OptionError, match=r"shape \(C,K,K\)"):
        SoftmaxTransitions(np.ones((3, 3)))


def test_the_double_softmax_is_what_the_release_does() -> None:
    t = near_identity(1, 4, 0.9)
    model = LTNet(nn.Identity(), ClampedTransitions(t, 0.01), "separate", double_softmax=True)
    logits = torch.tensor([[2.0, 0.0, 0.0, 0.0]])
    q = torch.softmax(logits, 1).numpy()[0] @ (np.maximum(t[0], 0.01) / np.maximum(t[0], 0.01).sum(1, keepdims=True))
    expected = -np.log(np.exp(q[1]) / np.exp(q).sum())
    assert float(model.loss(model(logits), entries([(0, 0, 1, 1.0)])).detach()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("channels", "size"), [(1, 32), (3, 48), (3, 128)])
def test_every_network_takes_every_image(name: str, channels: int, size: int) -> None:
    network = build_network(name, classes=5, channels=channels, image_size=size, seed=0).eval()
    assert network(torch.zeros(2, channels, size, size)).shape == (2, 5)


def test_bfloat16_is_for_training_alone() -> None:
    model = Classifier(build_network("cnn", classes=3, channels=1, image_size=16, seed=1))
    model.base.dropout.p = 0.0  # type: ignore[union-attr, assignment]
    images = torch.randn(4, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    full = {mode: model.train(mode)(images) for mode in (True, False)}
    model.low_precision = True
    assert torch.equal(model.eval()(images), full[False])
    coarse = model.train()(images)
    assert coarse.dtype == torch.float32
    off = float((coarse - full[True]).detach().abs().max())
    assert 0 < off < 0.1
    torch.autograd.backward(coarse[:, 0].sum())
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in model.parameters())


def test_networks_depend_on_their_seed_alone() -> None:
    one, two, other = (
        build_network("cnn", classes=3, channels=1, image_size=16, seed=s).state_dict()["head.weight"]
        for s in (1, 1, 2)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_pretrained_weights_are_read_as_tensors_only(tmp_path) -> None:  # type: ignore[no-untyped-def]
    trained = build_network("resnet20", classes=10, channels=3, image_size=32, seed=5)
    torch.save(trained.state_dict(), tmp_path / "w.pt")
    network = build_network("resnet20", classes=4, channels=3, image_size=32, seed=0, weights=tmp_path / "w.pt")
    assert torch.equal(network.state_dict()["stem.weight"], trained.state_dict()["stem.weight"])
    torch.save({"f": print}, tmp_path / "code.pt")
    with pytest.raises(OptionError, match="cannot be read as plain tensors"):
        build_network("resnet20", classes=4, channels=3, image_size=32, seed=0, weights=tmp_path / "code.pt")
    with pytest.raises(OptionError, match="fits only"):
        build_network("cnn", classes=4, channels=3, image_size=32, seed=0, weights=tmp_path / "w.pt")
    with pytest.raises(OptionError, match="Did you mean 'resnet20'"):
        build_network("resnet21", classes=4, channels=3, image_size=32, seed=0)


def test_mirror_and_shift_keeps_pixels_and_follows_its_generator() -> None:
    batch = torch.arange(2 * 3 * 8 * 8, dtype=torch.uint8).reshape(2, 3, 8, 8)

    def changed(images: torch.Tensor, shift: int, seed: int) -> torch.Tensor:
        draws = Draws.of(2, 8, shift, 0, torch.Generator().manual_seed(seed))
        assert draws.shifts is not None and draws.mirrored is not None and draws.middles is None
        return mirror_and_shift(images, shift, draws.shifts, draws.mirrored)

    one = changed(batch, 2, 3)
    assert torch.equal(one, changed(batch, 2, 3))
    assert one.shape == batch.shape
    for a, b in zip(changed(batch.float(), 0, 0), batch.float(), strict=True):
        assert torch.equal(a, b) or torch.equal(a, b.flip(2))


def test_cutout_blanks_one_square_of_each_image_and_follows_its_generator() -> None:
    images = torch.rand(200, 3, 16, 16) + 1
    middles, again = (Draws.of(200, 16, None, 4, torch.Generator().manual_seed(3)).middles for _ in range(2))
    assert middles is not None and again is not None and torch.equal(middles, again)
    one = cut_out(images.clone(), 4, middles)
    blank = one == 0
    assert torch.equal(one[~blank], images[~blank])
    assert torch.equal(blank.all(1), blank.any(1))  # all channels alike
    rows, columns = blank[:, 0].any(2).sum(1), blank[:, 0].any(1).sum(1)
    assert torch.equal(rows * columns, blank[:, 0].sum((1, 2)))  # a rectangle: the square's part inside the image
    assert rows.max() == columns.max() == 4
    assert rows.min() == columns.min() == 2  # the middle stays inside
    assert blank[:, 0].any(0).all()  # anywhere


def test_only_training_cuts_out() -> None:
    pixels, _, table = study(20, random_t(1, 3))
    mean, std = np.array([60.5]), np.array([50.0])  # no pixel is the mean
    data = TrainingData(pixels, table, np.ones(1), mean, std, torch.device("cpu"), augment=False, cutout=0.25)
    items = np.arange(20)
    assert not (data.images(items) == 0).any()
    images = data.images(items, torch.Generator().manual_seed(0))
    hole = round(0.25 * pixels.shape[-1])
    assert (images == 0).sum((1, 2, 3)).max() == hole**2
    assert torch.equal(images[images != 0], data.images(items)[images != 0])


def test_p_is_the_mean_over_mirrored_and_shifted_views() -> None:
    class Corner(Classifier):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images[:, 0, 0, :2].log()  # p of two classes: the top left pixel and its right neighbour

    images = torch.rand(5, 1, 8, 8)
    model = Corner(torch.nn.Identity())
    assert torch.allclose(mean_p(model, images, ()), images[:, 0, 0, :2])
    mirrored = (images[:, 0, 0, :2] + images.flip(3)[:, 0, 0, :2]) / 2
    assert torch.allclose(mean_p(model, images, [0]), mirrored)
    averaged = mean_p(model, images, [0, 1, -1])
    padded = torch.nn.functional.pad(images, (1,) * 4, mode="reflect")
    by_hand = mirrored * 2
    for at in (0, 2):
        view = padded[:, 0, at : at + 8, at : at + 8]
        by_hand = by_hand + view[:, 0, :2] + view.flip(2)[:, 0, :2]
    assert torch.allclose(averaged, by_hand / 6)


def test_known_matrices_are_learned_and_the_truth_behind_them() -> None:
    planted = np.array(
        [[[0.7, 0.3, 0.0], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]], [[0.9, 0.0, 0.1], [0.4, 0.6, 0.0], [0.0, 0.3, 0.7]]]
    )
    pixels, truth, table = study(1500, planted)
    model = LTNet(
        build_network("cnn", classes=3, channels=1, image_size=12, seed=0), SoftmaxTransitions(near_identity(2, 3, 0.8))
    )
    schedule = Schedule(epochs=8, batch_size=50, lr=0.003, transition_lr=0.03)
    items = np.arange(1500)
    history = fit(model, training_data(pixels, table), items[:1300], items[1300:], schedule, seed=0)
    learned = model.matrices()
    assert np.abs(learned - planted).mean() < 0.03
    assert (predict(model, training_data(pixels, table), items).argmax(1) == truth).mean() > 0.97
    assert history[-1]["validation_loss"] < history[0]["validation_loss"]


def test_a_fit_resumed_from_its_checkpoint_ends_where_an_uninterrupted_one_does(tmp_path) -> None:  # type: ignore[no-untyped-def]
    pixels, _, table = study(120, np.stack([np.eye(3) * 0.7 + 0.1]))
    data, items = training_data(pixels, table), np.arange(120)
    schedule = Schedule(epochs=4, batch_size=32)

    def model() -> Classifier:
        return Classifier(build_network("cnn", classes=3, channels=1, image_size=12, seed=0))

    whole = model()
    fit(whole, data, items[:100], items[100:], schedule, seed=7)

    class Killed(Exception):
        pass

    def die(record: dict[str, object]) -> None:
        if record["epoch"] == 2:
            raise Killed

    with pytest.raises(Killed):
        fit(
            model(),
            data,
            items[:100],
            items[100:],
            schedule,
            seed=7,
            checkpoint=tmp_path / "c.pt",
            watch=Watch(epoch=die),
        )
    resumed = model()
    history = fit(resumed, data, items[:100], items[100:], schedule, seed=7, checkpoint=tmp_path / "c.pt")
    assert [r["epoch"] for r in history] == [1, 2, 3, 4]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_the_best_epoch_by_validation_is_kept_by_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "stands", lambda loss, lowest, held_out: False)
    pixels, _, table = study(200, np.stack([np.eye(3) * 0.4 + 0.2]))
    data, items = training_data(pixels, table), np.arange(200)
    model = Classifier(build_network("cnn", classes=3, channels=1, image_size=12, seed=0))
    history = fit(model, data, items[:150], items[150:], Schedule(epochs=12, batch_size=16, lr=0.01), seed=0)
    losses = [r["validation_loss"] for r in history]
    best = int(np.argmin(losses))
    assert history[-1]["best_epoch"] == best + 1
    assert best + 1 < len(history), "the noise should make the last epochs worse; otherwise this test shows nothing"
    p = predict(model, data, items[150:])
    label = table.labels_of("c0")[150:]
    # An epoch is judged by its loss under the temperature that suits it best.
    tempered = [-np.log(soften(p, tau)[np.arange(50), label]).mean() for tau in TEMPERATURES]
    assert min(tempered) == pytest.approx(losses[best], rel=1e-4)
    assert min(tempered) < tempered[2] - 0.001, "the noise should call for a temperature; TEMPERATURES[2] is 1"


@pytest.mark.parametrize("likelihood", ["joint", "separate"])
def test_mixup_mixes_images_and_losses_by_the_same_shares(likelihood: Literal["joint", "separate"]) -> None:
    model = LTNet(nn.Flatten(), SoftmaxTransitions(random_t(2, 3)), likelihood)
    model.mixup = 0.5
    images = torch.randn(4, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    batch = entries([(0, 0, 1, 1.0), (0, 1, 2, 0.5), (1, 1, 0, 3.0), (3, 0, 2, 1.0)])
    loss, log_p = model.training_loss(images, batch, torch.Generator().manual_seed(5))
    mixed = mix(images, 0.5, torch.Generator().manual_seed(5))
    torch.testing.assert_close(log_p, model(mixed.images))
    by_hand = 0.0
    for n in range(4):
        for source, share in ((n, mixed.share[n]), (int(mixed.other[n]), 1 - mixed.share[n])):
            own = [
                (0, c, k, w)
                for r, c, k, w in zip(
                    *(x.tolist() for x in (batch.row, batch.coder, batch.label, batch.weight)), strict=True
                )
                if r == source
            ]
            if own:
                weight = 1.0 if likelihood == "joint" else sum(w for *_, w in own)
                by_hand += float(share) * weight * float(model.loss(log_p[n : n + 1], entries(own)).detach())
    assert float(loss.detach()) == pytest.approx(by_hand / (3 if likelihood == "joint" else 5.5), rel=1e-4)


def test_mixed_images_keep_the_shares_they_were_mixed_by() -> None:
    mixed = mix(torch.rand(4, 1, 2, 2), 0.5, torch.Generator().manual_seed(0))
    with pytest.raises(FrozenInstanceError):
        mixed.share = torch.ones(4)  # type: ignore[misc]


def test_a_schedule_goes_on_where_another_left_it() -> None:
    whole = Schedule(epochs=10)
    first, rest = Schedule(epochs=4, span=(0.0, 0.4)), Schedule(epochs=6, span=(0.4, 1.0))
    steps = [first.rate(first.whole_progress(i / 4)) for i in range(4)] + [
        rest.rate(rest.whole_progress(i / 6)) for i in range(6)
    ]
    np.testing.assert_allclose(steps, [whole.rate(whole.whole_progress(i / 10)) for i in range(10)])
