"""Reading a platform that runs: its cluster through a kubeconfig, its gateway through a forwarded port."""
