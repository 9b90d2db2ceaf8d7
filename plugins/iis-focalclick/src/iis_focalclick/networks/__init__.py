"""The published networks: a coarse segmentor on SegFormer or HRNet, and a refiner."""
