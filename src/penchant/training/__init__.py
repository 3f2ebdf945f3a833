"""How anything with weights is trained: batches, optimisers, schedules, the loop, checkpoints, the choice of device."""
