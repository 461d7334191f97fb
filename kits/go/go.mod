module pocketshift.io/pstest

go 1.22
