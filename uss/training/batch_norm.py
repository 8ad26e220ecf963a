"""BatchNorm whose statistics are those of the global batch, which several processes share."""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from uss import distributed


class AllReduce(torch.autograd.Function):
    """The sum over the processes. (torch.distributed.nn has it too, deprecated since torch 2.13.)

    What follows a sum depends on it in every process, so its gradient is the sum of theirs.
    """

    @staticmethod
    def forward(ctx, values: Tensor) -> Tensor:
        total = values.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        distributed.all_reduce(total)
        return total


class GlobalBatchNorm(_BatchNorm):
    """For CPUs, where nn.SyncBatchNorm does not work. Same parameters, same keys.

    The processes' parts of a batch must be equally large. (batch, channels, ...) -> the same.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        pass  # checked by the layer that this one stands for

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        others = [axis for axis in range(x.dim()) if axis != 1]
        column = [1, -1] + [1] * (x.dim() - 2)
        # Those of every process in one exchange, then joined as in Chan et al. (1983).
        own = torch.stack(torch.var_mean(x, others, correction=0))
        rows = [torch.zeros_like(own)] * distributed.world()
        rows[distributed.rank()] = own
        variances, means = AllReduce.apply(torch.stack(rows)).unbind(1)
        mean = means.mean(0)
        variance = (variances + (means - mean).square()).mean(0)
        with torch.no_grad():
            assert self.running_mean is not None and self.running_var is not None
            assert self.num_batches_tracked is not None and self.momentum is not None
            num_values = distributed.world() * x.numel() // x.shape[1]
            unbiased = variance * (num_values / (num_values - 1))
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(unbiased, self.momentum)
            self.num_batches_tracked += 1
        scale = self.weight * (variance + self.eps).rsqrt()
        return torch.addcmul(self.bias.view(column), x - mean.view(column), scale.view(column))


def synchronise(model: nn.Module) -> nn.Module:
    """Let every BatchNorm of a model see the global batch, where several processes share it."""
    if distributed.world() == 1:
        return model
    if distributed.device().type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(model)
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, _BatchNorm):
                setattr(parent, name, _global(layer))
    return model


def _global(layer: _BatchNorm) -> GlobalBatchNorm:
    """With the layer's own tensors, so that an optimiser that has them keeps updating them."""
    result = GlobalBatchNorm(layer.num_features, layer.eps, layer.momentum)
    result.weight, result.bias = layer.weight, layer.bias
    result.running_mean, result.running_var = layer.running_mean, layer.running_var
    result.num_batches_tracked = layer.num_batches_tracked
    return result.train(layer.training)
