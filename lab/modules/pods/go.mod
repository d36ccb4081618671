// Two small programs that run inside pods, from the standard library alone.
module bulkhead.dev/lab/pods

go 1.26
