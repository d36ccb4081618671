"""Whether the parts of a stack file fit together: one module for each concern, one function for each rule."""
