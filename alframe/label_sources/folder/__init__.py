"""The label source `folder`: people drag images into the folders of classes."""
