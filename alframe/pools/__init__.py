"""Pools, which list the images and the facts that are known without their pixels."""
