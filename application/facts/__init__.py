"""How each command learns the facts of other streams that its rule needs: one module for each context."""
