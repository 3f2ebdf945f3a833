"""The few types, errors and rules that everything else shares. No torch, no pandas."""
