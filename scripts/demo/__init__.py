"""`make demo`: the whole product on a small AWS of this machine, from `terraform apply` to a proven restore."""
