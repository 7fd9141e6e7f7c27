"""Draw one cartoon face: a seven-class expression on a random person in a random pose.

Three independent ideas meet in :func:`~ltnet_core.datasets.faces.drawing.draw_face`:

* :class:`Expression` says what the face *does* (brows, lids, mouth ...); 0 is "at rest".
* :class:`Person` says what it *looks like* (skin, hair, glasses ...).
* :class:`Pose` says how it sits in the picture (roll, yaw, scale, shift, light).

Face coordinates: the origin is the middle of the head, x to the right, y down, and 1 is half the
height of the head. Everything is drawn at ``SUPER`` times the final size and then reduced, which is
what makes the lines smooth. Nothing here reads global random state.
"""
