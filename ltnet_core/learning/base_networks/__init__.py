"""Base networks, a module each: image → logits over the latent truth.

The name of a module is the name of its network, which is offered by being here. It has ``LARGEST_SIZE``, the pixels per
side of the largest images that suit it, and ``build(classes, channels, image_size, last_relu)``; ``last_relu`` concerns
``resnet20`` alone. The last layer of a network is its ``head`` or ``fc``.
"""
