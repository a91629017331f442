"""Keys of data subjects: one for each person and purpose. A person whose keys are destroyed is erased."""
